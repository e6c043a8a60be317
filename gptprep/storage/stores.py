"""Connections to S3, Google Cloud Storage, Azure and `https://`, through obstore, and what their errors mean.

A name is a URL: `s3://bucket/key`. Credentials, region and endpoint come from the environment, as the store's
own tools read them; a URL that carries some is refused, because URLs are in messages and manifests.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from gptprep.errors import GptprepError, MissingDependencyError, UsageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_SCHEMES = ("s3", "gs", "az", "https", "http", "memory")
_HTTP = ("https", "http")
_ATTEMPTS = 8
"""How often a request is tried, over about 12 seconds."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
"""Seconds before the second attempt, and twice as many before each one after it, up to the longest; at random
they are less, but at least half."""
_MAX_WHY = 300
"""Characters of what a store says."""
_DENIED = ("PermissionDeniedError", "UnauthenticatedError")
_FINAL = (
    *_DENIED,
    "PreconditionError",
    "AlreadyExistsError",
    "InvalidPathError",
    "NotSupportedError",
    "UnknownConfigurationKeyError",
    "ValueError",
)
"""Errors of obstore that do not pass."""
_CLIENT_ERROR = re.compile(r"status code: (?:30|4(?!08|29))\d")
"""A response that does not pass either; 408 and 429 ask for patience."""
_NO_CREDENTIALS = "169.254.169.254"
"""Where the machines of a cloud get their credentials; other machines have no such place."""
_CREDENTIALS_FIX = (
    "set its variables, such as AWS_ACCESS_KEY_ID, in the environment (docs/stores.md lists them)"
)
Result = TypeVar("Result")


def is_url(name: str) -> bool:
    """Whether a name is a URL of a store, and no path."""
    scheme, found, _ = name.partition("://")
    return bool(found) and scheme.lower() in _SCHEMES


def can_list(url: str) -> bool:
    """Whether the objects below a URL can be listed."""
    return _parsed(url)[0] not in _HTTP


def store_of(url: str) -> tuple[ObjectStore, str]:
    """The store that a URL is in, and the key in it.

    Raises:
        UsageError: the URL has a user or a query.
        GptprepError: the environment is not what the store needs.
        MissingDependencyError: obstore is not installed.
    """
    check_url(url)
    scheme, place, key = _parsed(url)
    return _store(scheme, place), unquote(key) if scheme in _HTTP else key


def check_url(url: str) -> None:
    """Refuse a URL that names no bucket, or may have credentials in it, which are not shown.

    Raises:
        UsageError: says which.
    """
    scheme, place, key = _parsed(url)
    if "@" in place or (scheme in _HTTP and re.search("[?#]", place + key)):
        shown = re.sub("[?#].*", "", f"{scheme}://{place.rpartition('@')[2]}/{key}")
        what, why = f"the URL {shown} was given with a user, ? or #", "credentials would end up in messages"
        raise UsageError(what, why, "leave that out, and give credentials in the environment")
    if not place and scheme != "memory":
        raise UsageError(f"the URL {url} names no bucket", fix=f"write {scheme}://BUCKET/NAME")


def _parsed(url: str) -> tuple[str, str, str]:
    """The scheme, the bucket or host, and the key, in which other stores than `https` have any character."""
    scheme, _, rest = url.partition("://")
    place, _, key = rest.partition("/")
    return scheme.lower(), place, key


@lru_cache(maxsize=64)
def _store(scheme: str, place: str) -> ObjectStore:
    """A connection to a bucket, container or host, one for each process."""
    try:
        from obstore.store import HTTPStore, MemoryStore, from_url
    except ImportError as error:
        what, why = f"cannot use {scheme}://{place}", "obstore is not installed"
        raise MissingDependencyError(what, why, "pip install obstore") from error
    if scheme == "memory":
        return MemoryStore()
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
    retries: Any = {"max_retries": 0}  # those of `repeated` are enough
    options: Any = {"connect_timeout": "5s", "timeout": "60s"}
    if scheme == "http" or (scheme == "s3" and endpoint.startswith("http://")):
        options["allow_http"] = True
    try:
        if scheme in _HTTP:  # `from_url` takes some hosts for stores that need credentials
            return HTTPStore.from_url(f"{scheme}://{place}", client_options=options, retry_config=retries)
        return from_url(f"{scheme}://{place}", client_options=options, retry_config=retries)
    except Exception as error:  # of obstore, or ValueError
        raise explained(error, f"{scheme}://{place}") from error


def repeated(request: Callable[[], Result], url: str) -> Result:
    """What a request gives, tried again after errors that may pass.

    Raises:
        FileNotFoundError: there is no such object.
        GptprepError: any other error.
    """
    attempt = 1
    while True:
        try:
            return _interruptible(request)
        except (GptprepError, FileNotFoundError, MemoryError, TypeError):
            raise
        except Exception as error:
            if attempt == _ATTEMPTS or type(error).__name__ in _FINAL or _CLIENT_ERROR.search(str(error)):
                raise explained(error, url) from error
        time.sleep(random.uniform(0.5, 1) * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))
        attempt += 1


def _interruptible(request: Callable[[], Result]) -> Result:
    """What a request gives; the main thread leaves it to another, because it must run Python for Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        return request()
    from concurrent.futures import Future

    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(request())
        except BaseException as error:  # raised where the result is wanted
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result()


def explained(error: Exception, url: str) -> GptprepError:
    """What a user can do about an error of a store. What it says is shown without queries of URLs."""
    kind, said = type(error).__name__, " ".join(str(error).partition("Debug source")[0].split())
    why = _of_response(said) or re.sub(r"\?[^\s)\"]*", "", said)[:_MAX_WHY]
    fix = "check the name, the region and the endpoint, and try again"
    if _NO_CREDENTIALS in said:
        why, fix = "the environment has no credentials for it", _CREDENTIALS_FIX
    elif kind in _DENIED:
        why, fix = "the store denies access", _CREDENTIALS_FIX
    elif kind == "NotSupportedError" or "Content-Length" in said:
        fix = "download the file: its server does not send parts of files"
    elif kind == "PreconditionError":
        return changed_object(url, "changed")
    return GptprepError(f"cannot read {url}", why, fix)


def _of_response(said: str) -> str:
    """What the response of a store says, without the request; empty if it has no message."""
    if not (message := re.search(r"<Message>(.*?)</Message>", said)):
        return ""
    status = re.search(r"status code: (\d+)", said)
    return message[1][:_MAX_WHY] + (f" (HTTP status {status[1]})" if status else "")


def changed_object(url: str, how: str) -> GptprepError:
    """The error for an object that "changed" or "vanished" during the work."""
    what, why = f"{url} {how} while it was read", "all ids must be of one version of the text"
    return GptprepError(what, why, "run the same command again when nothing writes to it")
