"""The loop of the book: Raschka, "Build a Large Language Model (From Scratch)", section 2.6."""


def windows(ids: list[int], context_length: int, stride: int) -> tuple[list[list[int]], list[list[int]]]:
    """Inputs and targets as the loop of GPTDatasetV1 gives them."""
    inputs, targets = [], []
    for start in range(0, len(ids) - context_length, stride):
        inputs.append(ids[start : start + context_length])
        targets.append(ids[start + 1 : start + context_length + 1])
    return inputs, targets
