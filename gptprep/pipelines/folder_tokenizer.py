"""The tokenizer of a shard folder, for the verbs that show its ids as text."""

from gptprep.errors import GptprepError
from gptprep.shards.folder import ShardFolder
from gptprep.tokenizers import Tokenizer, load_tokenizer


def folder_tokenizer(folder: ShardFolder, name: str | None) -> Tokenizer:
    """The tokenizer that made the shards: the folder's, or one that the user named for it.

    Raises:
        GptprepError: it cannot be loaded, or did not make them.
        CorruptDataError: its file is damaged.
    """
    tokenizer = load_tokenizer(name or folder.path)
    if tokenizer.fingerprint != folder.manifest.tokenizer.fingerprint:
        what = f"{folder.path} was not made with the tokenizer {tokenizer.name}"
        why = f"it was made with {folder.manifest.tokenizer.name}"
        raise GptprepError(what, why, "leave out --tokenizer")
    return tokenizer
