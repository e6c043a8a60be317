"""A real S3 store on the loopback interface (moto's server), and a proxy before it that breaks requests."""

from __future__ import annotations

import atexit
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import boto3
from moto.server import ThreadedMotoServer

FAULTS = ("drop", "500", "503", "truncate", "reset in the body", "delay")
Fault = Callable[[str, str], str]
"""What goes wrong with a request, from its method and path: one of `FAULTS`, or nothing."""
_HOST = "127.0.0.1"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


class Store(NamedTuple):
    """A running store."""

    client: Any
    """Of boto3, without the proxy."""
    port: int
    """Of the store itself."""
    proxy: Proxy

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run that uses the store through the proxy."""
        return self.proxy.env

    def put(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Put objects into a bucket, which is made if it is not there."""
        with suppress(self.client.exceptions.BucketAlreadyExists):
            self.client.create_bucket(Bucket=bucket)
        for key, data in objects.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=data, ACL="public-read")


@contextmanager
def running_store() -> Iterator[Store]:
    """A store for the time of the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=_HOST, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    try:
        with Proxy(port) as proxy:
            client = boto3.client(
                "s3",
                endpoint_url=f"http://{_HOST}:{port}",
                region_name="us-east-1",
                aws_access_key_id="key",
                aws_secret_access_key="secret",
            )
            yield Store(client, port, proxy)
    finally:
        server.stop()


@cache
def shared_store() -> Store:
    """A store for the time of this process, for tests that use buckets of their own."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running_store())


def seeded_faults(seed: int, chance: float = 0.3, most: int = 5) -> Fault:
    """Faults in many of the requests, at most some for each path, so that the last attempt succeeds."""
    generator, lock, so_far = random.Random(seed), threading.Lock(), Counter[str]()

    def fault(_: str, path: str) -> str:
        with lock:
            if so_far[path] == most or generator.random() > chance:
                return ""
            so_far[path] += 1
            return generator.choice(FAULTS)

    return fault


class Proxy:
    """Passes requests on to a port, with faults.

    Attributes:
        fault: decides what goes wrong; may be set.
        requests: how many there were of each method.
    """

    def __init__(self, to: int) -> None:
        self.fault: Fault = lambda _method, _path: ""
        self.requests = Counter[str]()
        proxy = self

        class Handler(_Handler):
            """Knows the proxy."""

            def handle_one_request(self) -> None:
                self.proxy, self.to = proxy, to
                super().handle_one_request()

        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a run that uses the store behind the proxy."""
        return {
            "AWS_ACCESS_KEY_ID": "key-of-the-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{_HOST}:{self.port}",
        }

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy
    to: int

    def _pass_on(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.proxy.requests[self.command] += 1
        fault = self.proxy.fault(self.command, self.path)
        if fault == "delay":
            time.sleep(0.02)
        elif fault == "drop":
            self.close_connection = True
            return
        elif fault.isdigit():
            self._answer(int(fault), [("Content-Type", "text/plain")], b"not now")
            return
        connection = HTTPConnection(_HOST, self.to)
        connection.request(self.command, self.path, sent, dict(self.headers))
        response = connection.getresponse()
        body = response.read()
        headers = [item for item in response.getheaders() if item[0].lower() not in _HOP_BY_HOP]
        connection.close()
        self._answer(response.status, headers, body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815  names of http.server

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, fault: str = "") -> None:
        """Send a response: without its last bytes if the connection is to break in the body."""
        self.send_response_only(status)
        is_sized = any(name.lower() == "content-length" for name, _ in headers)
        for name, value in [*headers, *([] if is_sized else [("Content-Length", str(len(body)))])]:
            self.send_header(name, value)
        self.end_headers()
        breaks = fault in ("truncate", "reset in the body")
        with suppress(OSError):  # the client may have gone
            self.wfile.write(body[: len(body) // 2] if breaks else body)
        if breaks:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
