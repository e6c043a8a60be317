"""Train a small GPT on shards, starting from the tables that `embed` wrote, and let it continue a prompt.

It takes a few minutes on two cores (fewer `--steps` take less). Run it in the repository:

    gptprep vocab sample_texts --kind bpe --size 1000 -o tiny.json
    gptprep window sample_texts -T tiny.json -o tiny -L 64 -S 8 --val-fraction 0.1
    gptprep embed tiny -o tiny-tables --dim 128 --init gpt2 --limit 1
    python examples/train_tiny_gpt.py tiny tiny-tables/weights.safetensors --tokenizer tiny.json

The model is GPT-2's (pre-norm blocks, tied output layer) in plain PyTorch. It needs the extra `torch`.

In names of tensors: B windows of a batch, L context length, D width, H heads, V vocabulary size.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gptprep import TokenPositionEmbedding, WindowDataset, create_dataloader, load_tokenizer


class CausalAttention(nn.Module):
    """Several heads that attend to earlier positions only."""

    def __init__(self, dim: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BLD: Tensor) -> Tensor:
        n_batch, length, dim = x_BLD.shape
        parts = self.queries_keys_values(x_BLD).view(n_batch, length, 3, self.n_heads, dim // self.n_heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # each (B, H, L, D / H)
        scores_BHLL = queries @ keys.transpose(-2, -1) / math.sqrt(dim // self.n_heads)
        future = torch.ones(length, length, dtype=torch.bool, device=x_BLD.device).triu(1)
        weights_BHLL = self.dropout(scores_BHLL.masked_fill(future, -math.inf).softmax(dim=-1))
        mixed: Tensor = self.out((weights_BHLL @ values).transpose(1, 2).reshape(x_BLD.shape))
        return mixed


class Block(nn.Module):
    """Attention, then two layers with a GELU; each with a layer norm before it and a residual connection."""

    def __init__(self, dim: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = CausalAttention(dim, n_heads, dropout)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BLD: Tensor) -> Tensor:
        x_BLD = x_BLD + self.dropout(self.attention(self.norm_1(x_BLD)))
        out_BLD: Tensor = x_BLD + self.dropout(self.feed_forward(self.norm_2(x_BLD)))
        return out_BLD


class TinyGPT(nn.Module):
    """Embeddings, blocks and a layer norm; the token table is the output layer too."""

    def __init__(
        self, embedding: TokenPositionEmbedding, n_layers: int, n_heads: int, dropout: float
    ) -> None:
        super().__init__()
        dim = embedding.tok_emb.embedding_dim
        self.embedding = embedding
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(dim, n_heads, dropout) for _ in range(n_layers)))
        self.norm = nn.LayerNorm(dim)

    def forward(self, ids_BL: Tensor) -> Tensor:
        x_BLD = self.norm(self.blocks(self.dropout(self.embedding(ids_BL))))
        logits_BLV: Tensor = x_BLD @ self.embedding.tok_emb.weight.T
        return logits_BLV


def loss_of(model: nn.Module, inputs_BL: Tensor, targets_BL: Tensor) -> Tensor:
    """Mean cross-entropy in nats; targets of -100 are padding and are ignored."""
    return cross_entropy(model(inputs_BL).flatten(0, 1), targets_BL.flatten())


@torch.no_grad()
def mean_loss(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Mean loss over some batches, without dropout."""
    model.train(False)
    losses = [loss_of(model, inputs, targets).item() for inputs, targets in batches]
    model.train(True)
    return sum(losses) / len(losses)


def unigram_loss(train: WindowDataset, test: WindowDataset, n_vocab: int) -> float:
    """The loss in nats on `test` of a model that knows only the counts of ids in `train`, plus one."""
    seen, tested = (ids[ids >= 0] for ids in (train[:][1], test[:][1]))  # without padding
    counts_V = torch.bincount(seen, minlength=n_vocab) + 1.0
    log_p_V = (counts_V / counts_V.sum()).log()
    return -log_p_V[tested].mean().item()


@torch.no_grad()
def continue_prompt(model: TinyGPT, ids: list[int], n_new: int) -> list[int]:
    """The ids and `n_new` more, each drawn from the 20 most likely."""
    model.train(False)
    max_length = model.embedding.pos_emb.num_embeddings
    for _ in range(n_new):
        logits_V = model(torch.tensor([ids[-max_length:]]))[0, -1] / 0.8
        top = logits_V.topk(20)
        drawn = torch.multinomial(top.values.softmax(dim=-1), 1)
        ids = [*ids, int(top.indices[drawn])]
    return ids


def train(model: nn.Module, shards: str, steps: int, batch_size: int, learning_rate: float) -> None:
    """Train with AdamW, a warm-up and a cosine schedule; prints a line every 50 steps."""
    loader = create_dataloader(shards, batch_size, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.1)
    step = 0
    while True:
        for inputs, targets in loader:
            if step == steps:
                return
            factor = min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * factor
            loss = loss_of(model, inputs, targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % 50 == 0:
                print(f"step {step:4}: loss {loss.item():.2f}", flush=True)


def main() -> None:
    """Parse, train, compare and continue the prompt."""
    parser = argparse.ArgumentParser(description="Train a small GPT on shards.")
    parser.add_argument("shards", help="a folder that `gptprep window` wrote, with a val split")
    parser.add_argument("tables", help="the weights.safetensors that `gptprep embed` wrote")
    parser.add_argument("--tokenizer", default="gpt2", help="the tokenizer of the shards")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--prompt", default="The tide")
    options = parser.parse_args()

    torch.manual_seed(0)
    splits = {name: WindowDataset(options.shards, name) for name in ("train", "val")}
    tables, tokenizer = load_file(options.tables), load_tokenizer(options.tokenizer)
    embedding = TokenPositionEmbedding.from_tables(tables["tok_emb.weight"], tables["pos_emb.weight"])
    model = TinyGPT(embedding, n_layers=3, n_heads=4, dropout=options.dropout)
    started = time.monotonic()
    train(model, options.shards, options.steps, options.batch_size, options.learning_rate)

    n_vocab = tables["tok_emb.weight"].shape[0]
    for split, windows in splits.items():
        unigram = unigram_loss(splits["train"], windows, n_vocab)
        loss = mean_loss(model, create_dataloader(options.shards, 32, False, False, split=split))
        print(f"{split}: loss {loss:.2f} nats per id; by frequency alone {unigram:.2f}")
    print(f"{time.monotonic() - started:.0f} s")
    ids = continue_prompt(model, list(tokenizer.encode(options.prompt)), 60)
    print(tokenizer.decode(ids).decode("utf-8", "replace"))


if __name__ == "__main__":
    main()
