"""The checks for a file of ids: against its provenance, and against the vocabulary."""

import hashlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gptprep.choices import is_id_name
from gptprep.errors import GptprepError
from gptprep.shards.findings import CheckFile, OnBytes, Problem, Verified
from gptprep.tokens.id_file import IdFile, check_range
from gptprep.tokens.provenance import FORMAT, provenance_path, read_provenance
from gptprep.units import MIB

_BLOCK_IDS = 2 * MIB


class IdFileChecks:
    """The checks for a file of ids, as `ShardFolderChecks`.

    Raises:
        GptprepError: the file has no provenance.
        CorruptDataError: its provenance is damaged, or about another file.
    """

    def __init__(self, path: str, *, hashed: bool) -> None:
        found = read_provenance(path)
        if found is None:
            what, why = f"{path} cannot be verified", f"there is no {provenance_path(path)}"
            raise GptprepError(what, why, "write it with `gptprep encode -o`, which writes both")
        self._path, self._provenance, self._hashed = path, found, hashed
        self.format, self.windows = FORMAT, dict[str, int]()
        self.files = [os.path.basename(path)]

    def of_files(self) -> list[CheckFile]:
        """The one check."""
        return [self._check]

    def of_all(self, verified: list[Verified]) -> list[Problem]:  # noqa: ARG002
        """Nothing: it is one file."""
        return []

    def _check(self, on_bytes: OnBytes) -> Verified:
        (name,), problems, digest = self.files, list[Problem](), hashlib.sha256()
        with IdFile(self._path, np.dtype(self._provenance.dtype).newbyteorder("<")) as file:
            digest.update(file.header())
            for start in range(0, len(file), _BLOCK_IDS):
                ids = file.read(start, start + _BLOCK_IDS)
                on_bytes(ids.nbytes)
                if self._hashed:
                    digest.update(ids.data)
                problems += self._range_problem(ids, start) if not problems else []
        if self._hashed and digest.hexdigest() != self._provenance.ids_sha256:
            problems.append(Problem(name, f"its sha256 does not match {provenance_path(name)}"))
        return Verified(problems)

    def _range_problem(self, ids: NDArray[Any], start: int) -> list[Problem]:
        try:
            check_range(ids, self._provenance.tokenizer.n_vocab, start, self._path)
        except GptprepError as error:
            return [Problem(self.files[0], error.what.removeprefix(f"{self._path} "))]
        return []


def is_id_file(path: str) -> bool:
    """Whether a path is a file that may hold ids."""
    return os.path.isfile(path) and is_id_name(path)
