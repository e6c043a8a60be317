"""The private names of other packages that gptprep uses. If one is gone, a test here says which.

docs/architecture.md says why each is used, under "Risky code of our own".
"""

from __future__ import annotations

import atexit
import codecs
import inspect
from typing import Any

import pytest
import tiktoken
import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from gptprep.cli.app import app


def test_tiktoken_encoding_has_its_ranks_pattern_and_special_tokens() -> None:
    """Used by gptprep/tokenizers/rank_files.py."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("x", pat_str=".", mergeable_ranks=ranks, special_tokens={"<|e|>": 256})
    assert encoding._mergeable_ranks == ranks
    assert (encoding._pat_str, encoding._special_tokens) == (".", {"<|e|>": 256})


def test_exit_handlers_can_be_called() -> None:
    """Used by gptprep/cli/__init__.py; what it does is held by tests/cli/test_run.py."""
    assert callable(atexit._run_exitfuncs)


def test_codecs_say_whether_they_are_text_encodings() -> None:
    """Used by gptprep/corpus/documents.py."""
    assert codecs.lookup("utf-8")._is_text_encoding
    assert not codecs.lookup("base64")._is_text_encoding


def test_gigatoken_counts_pretokens() -> None:
    """Used by gptprep/tokenizers/train/pretokens.py."""
    counts = pytest.importorskip("gigatoken.gigatoken_rs").pretokenized_counts
    assert dict(counts(b"a b b", b"\xff")) == {b"a": 1, b" b": 2}


def test_typer_parameters_have_what_the_help_reads() -> None:
    """Used by gptprep/cli/help.py."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = typer.Context(group, info_name="gptprep")
    command = group.get_command(context, "window")
    assert isinstance(command, TyperCommand)
    by_name = {str(param.name): param for param in command.get_params(context)}
    for name in ("inputs", "output", "stride", "shuffle", "help"):
        param = by_name[name]
        for attribute in ("opts", "help", "required", "metavar", "param_type_name", "show_default"):
            assert hasattr(param, attribute), f"{name}.{attribute}"
    assert by_name["shuffle"].rich_help_panel == "Advanced"  # type: ignore[attr-defined]
    assert by_name["shuffle"].is_flag  # type: ignore[attr-defined]
    assert by_name["output"].opts == ["--output", "-o"]
    assert by_name["inputs"].param_type_name == "argument"


def test_typer_options_have_what_their_completion_reads() -> None:
    """Used by gptprep/cli/options.py and gptprep/cli/completion/line.py."""
    info = typer.Option("--kind", "-k", help="A kind.")
    assert (info.default, info.param_decls) == ("--kind", ("-k",))
    for attribute in ("metavar", "parser", "help", "rich_help_panel"):
        assert hasattr(info, attribute), attribute


@pytest.mark.parametrize(
    ("arguments", "attributes"),
    [
        (["window"], {"param", "ctx", "message"}),
        (["encode", "--nope"], {"option_name", "possibilities", "ctx"}),
        (["encode", "--forma", "x"], {"option_name", "possibilities", "ctx"}),
        (["encode", "--format"], {"option_name", "ctx"}),
        (["verify", "a", "b"], {"message", "ctx"}),
        (["windw"], {"message", "ctx"}),
    ],
)
def test_usage_errors_have_what_their_explanation_reads(arguments: list[str], attributes: set[str]) -> None:
    """Used by gptprep/cli/usage.py."""
    with pytest.raises(Exception, match=r".") as caught:
        app(arguments, standalone_mode=False)
    assert inspect.ismethod(caught.value.format_message)  # type: ignore[attr-defined]
    for attribute in attributes:
        assert hasattr(caught.value, attribute), attribute


def test_data_loader_keeps_its_iterator() -> None:
    """Used by gptprep/training/dataloader.py."""
    from torch.utils.data import DataLoader

    dataset: Any = [1, 2]
    loader: DataLoader[int] = DataLoader(dataset, num_workers=1, persistent_workers=True)
    assert loader._iterator is None
    iterator = iter(loader)
    assert loader._iterator is iterator
