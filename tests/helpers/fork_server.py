"""A server that forks runs of the command line: `python -m tests.helpers.fork_server FD VERBS`.

A fresh interpreter needs half a second to import what a run needs; a fork of one that has imported it needs
none. VERBS are those whose modules are imported.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.helpers.paths import TOP

SECONDS = 120
"""After this time a run is ended by SIGALRM."""
_MESSAGE_BYTES = 1 << 20


class ForkServer:
    """The side of the tests.

    Args:
        verbs: those whose modules the server imports.
    """

    def __init__(self, *verbs: str) -> None:
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.helpers.fork_server", str(theirs.fileno()), *verbs]
        self._process = subprocess.Popen(command, cwd=TOP, pass_fds=[theirs.fileno()])
        theirs.close()

    def close(self) -> None:
        """End the server."""
        self._socket.close()
        self._process.wait()

    def run(
        self, arguments: list[str], folder: Path, env: dict[str, str], stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        """Run the command line; returns the exit code, standard output and standard error."""
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        request = json.dumps({"arguments": arguments, "folder": str(folder), "env": env})
        theirs = [in_read, out_write, err_write]
        socket.send_fds(self._socket, [request.encode("utf-8", "surrogatepass")], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        with ThreadPoolExecutor(3) as pool:
            pool.submit(_write, in_write, stdin)
            out, err = pool.map(_read, (out_read, err_read))
        return int(self._socket.recv(100)), out, err


def _write(descriptor: int, data: bytes) -> None:
    with suppress(BrokenPipeError):
        while data:
            data = data[os.write(descriptor, data) :]
    os.close(descriptor)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


# The side of the server


def serve(connection: socket.socket) -> None:
    """Fork a run for each request until the connection is closed."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 3)
        if not message:
            return
        pid = os.fork()
        if not pid:
            connection.close()
            _run(json.loads(message.decode("utf-8", "surrogatepass")), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.send(str(code).encode())


def _run(request: dict[str, object], descriptors: list[int]) -> None:
    from tests.helpers import forked

    code = 99
    try:
        for stream, descriptor in enumerate(descriptors):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        os.chdir(str(request["folder"]))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(SECONDS)
        code = forked.gptprep(list(request["arguments"]))  # type: ignore[call-overload]
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        forked.flush_and_exit(code)


def _prepare(verbs: tuple[str, ...]) -> None:
    """Import what runs import, and load the usual tokenizer."""
    import rich.console
    import rich.progress
    import rich.table  # noqa: F401

    from gptprep.tokens.spec import EncodingSpec
    from tests.helpers import forked

    forked.load_verbs(verbs)
    EncodingSpec().load_tokenizer().encode_array(b"a")
    gc.freeze()
    if "embed" in verbs:
        from gptprep.training import checkpoints, writer  # noqa: F401


if __name__ == "__main__":
    descriptor, *verbs = sys.argv[1:]
    _prepare(tuple(verbs))
    serve(socket.socket(fileno=int(descriptor)))
