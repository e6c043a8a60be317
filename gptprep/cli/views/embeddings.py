"""What a folder of embeddings holds."""

from gptprep.cli.terminal import columns
from gptprep.cli.views.request import Request


def show(request: Request) -> None:
    """Show the splits and tables of a folder that `embed` wrote."""
    from gptprep.pipelines.inspect.embeddings import EmbeddingsOptions, inspect_embeddings

    streams = request.streams
    options = EmbeddingsOptions(
        request.only_thing, request.table.near, request.only_tokenizer, request.default_tokenizer
    )
    report = inspect_embeddings(options)
    if streams.json:
        streams.write_json(report, "embeddings")
        return
    from gptprep.cli.render import tables as render

    streams.show(*render.embeddings(report, columns()))
