"""Downloads of files: verified, and whole under their names or not there.

A download that was cut off or killed is continued by the next one.
"""

import contextlib
import dataclasses
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from tqdm import tqdm

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic

TIMEOUT_S = 30
CHUNK_BYTES = 1 << 20
RECONNECTIONS = 5
"""How often a transfer that was cut off is continued without a byte received."""
PAUSE_S = 1.0
NOTHING_LEFT = 416
"""The status of a server that has no bytes from the requested one on."""


@dataclasses.dataclass(frozen=True)
class Remote:
    """A file on a server.

    Attributes:
      name: URL or name, for messages.
      digest: algorithm and first digits, such as `sha256:63fe2227`.
      append: appends the content to a file that may hold its first bytes already.
        Raises `UserError` for errors of the network, `OSError` for those of the file.
      remedy: for messages, such as "try again".
      cache_variable: environment variable that moves the folder of the downloads.
    """

    name: str
    digest: str
    append: Callable[[BinaryIO], object]
    remedy: str
    cache_variable: str


def download(remote: Remote, path: Path) -> None:
    """Downloads a file, unless it is there.

    Of several processes, the first one downloads and the others wait.

    Args:
      remote: the file on the server.
      path: where to store it.

    Raises:
      UserError: the file cannot be written, the network fails, or the digest differs.
        Unless it differs, the next call continues the download.
    """
    try:
        with _one_process(path):
            if not path.is_file():
                _download(remote, path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); set "
            f"{remote.cache_variable} to a folder that can"
        ) from error


def append_from(url: str, file: BinaryIO, *, remedy: str) -> None:
    """Appends the content of a URL to a file that may hold its first bytes already.

    Args:
      url: address of the file.
      file: positioned at its end. It starts anew if the server sends no parts.
      remedy: for messages, such as "try again".

    Raises:
      UserError: the server cannot be reached, refuses, or has cut the transfer off
        several times.
      OSError: the file cannot be written.
    """
    attempts = 1
    while True:
        before = file.tell()
        try:
            _transfer(url, file)
        except ConnectionError as error:
            received = file.tell() > before
            attempts = RECONNECTIONS if received else attempts - 1
            if not attempts:
                raise UserError(f"cannot download {url} ({error}); {remedy}") from error
            time.sleep(PAUSE_S)
        else:
            return


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check_digest(path: Path, digest: str, what: str, remedy: str) -> None:
    """Checks a file against the first digits of its digest.

    Args:
      path: the file.
      digest: such as `sha256:5d3b4d8f` or `md5:...`.
      what: the file's path or URL, for the message.
      remedy: the remedy, for the message.

    Raises:
      UserError: they differ.
    """
    algorithm, digits = digest.split(":")
    found = file_digest(path, algorithm)
    if not found.startswith(digits):
        raise UserError(
            f"{what}: truncated or modified, its {algorithm} begins with "
            f"{found[: len(digits)]} instead of {digits}; {remedy}"
        )


@contextlib.contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Keeps other processes from downloading the same file."""
    lock = FileLock(path.with_name(f"{atomic.PREFIX}{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{path}: waiting for another process that downloads it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
    # Whoever waits for the removed lock finds the file.
    Path(lock.lock_file).unlink(missing_ok=True)


def _download(remote: Remote, path: Path) -> None:
    with atomic.continuation(path) as partial:
        with partial.open("ab") as file:
            remote.append(file)
        try:
            check_digest(partial, remote.digest, remote.name, remote.remedy)
        except UserError:
            partial.unlink()  # nothing can be continued from there
            raise


def _transfer(url: str, file: BinaryIO) -> None:
    """Appends as much as one connection brings, with a progress bar."""
    response = _requested(url, file)
    if response is None:
        return
    expected = None if response.length is None else file.tell() + response.length
    with (
        response,
        tqdm(
            desc=url.rsplit("/", 1)[-1],
            initial=file.tell(),
            total=expected,
            unit="B",
            unit_scale=True,
        ) as progress,
    ):
        while file.tell() != expected and (chunk := _received(response)):
            file.write(chunk)
            file.flush()  # a kill would lose the buffer
            progress.update(len(chunk))
    if expected is not None and file.tell() != expected:
        raise ConnectionError(f"cut off after {file.tell()} of {expected} bytes")


def _requested(url: str, file: BinaryIO) -> http.client.HTTPResponse | None:
    """Requests the bytes of a URL that a file lacks. None if it lacks none.

    The file is emptied if the server sends all of them.
    """
    start = file.tell()
    parts = {"Range": f"bytes={start}-"} if start else {}
    with _network_errors():
        try:
            request = urllib.request.Request(url, headers=parts)
            response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()  # the error is the response and holds the connection
            if not start or error.code != NOTHING_LEFT:
                raise
            if error.headers["Content-Range"] == f"bytes */{start}":
                return None
            response = urllib.request.urlopen(url, timeout=TIMEOUT_S)
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        file.seek(0)
        file.truncate()
    return response


def _received(response: http.client.HTTPResponse) -> bytes:
    with _network_errors():
        return response.read1(CHUNK_BYTES)  # what is there, so that a kill loses little


@contextlib.contextmanager
def _network_errors() -> Iterator[None]:
    """Tells errors of the network from those of the disk."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
