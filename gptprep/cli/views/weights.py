"""What a checkpoint holds."""

from gptprep.cli.terminal import columns
from gptprep.cli.views.request import Request


def show(request: Request) -> None:
    """Show the tables of a file of weights, and what else is in it."""
    from gptprep.pipelines.inspect.weights import WeightsOptions, inspect_weights

    streams, table = request.streams, request.table
    tokenizer = request.only_tokenizer or request.default_tokenizer
    options = WeightsOptions(
        request.only_thing, table.token_table, table.position_table, table.near, tokenizer
    )
    report = inspect_weights(options)
    if streams.json:
        streams.write_json(report, "weights")
        return
    from gptprep.cli.render import tables as render

    streams.show(*render.weights(report, columns()))
