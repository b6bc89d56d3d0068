"""Depth networks on the Hugging Face Hub, downloaded by name."""

import contextlib
import functools
import importlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import downloads
from deepdepth_jax.runtime.installation import install_command

FILE_NAME = "depth.safetensors"
"""The file of weights in a repository of a network."""
LIBRARY = "deepdepth_jax"
"""Under which name the hub counts its users."""


@functools.cache
def download(name: str) -> Path:
    """Downloads the file of weights of a network, or finds it in the hub's cache.

    The newest version is looked up once in a process. Without a network connection, the
    version in the cache is taken.

    Args:
      name: such as `user/name`, or `user/name@revision` for a branch, tag or commit.

    Returns:
      The path of the file in the cache.

    Raises:
      UserError: there is no such network or no connection, the download was cut off, or
        the cache cannot be written to.
    """
    repository, revision = split_name(name)
    hub = client()
    wanted = {
        "repo_id": repository,
        "filename": FILE_NAME,
        "revision": revision,
        "library_name": LIBRARY,
    }
    with one_line(name):
        with _without_warnings():
            found = hub.hf_hub_download(**wanted, dry_run=True)
        path = Path(found.local_path)
        if find(name) == path:
            return path
        if found.will_download:
            _download(hub, name, found)
        return Path(hub.hf_hub_download(**wanted))  # links to what is there now


def find(name: str) -> Path | None:
    """Finds the file of `download` in the cache, without a connection."""
    repository, revision = split_name(name)
    found = client().try_to_load_from_cache(repository, FILE_NAME, revision=revision)
    return Path(found) if isinstance(found, str) else None


def split_name(name: str) -> tuple[str, str | None]:
    """Splits `user/name@revision`.

    Raises:
      UserError: it is no such name.
    """
    found = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@(\S+))?", name, re.ASCII)
    if found is None:
        raise UserError(
            f"{name!r}: is no name on the hub; write user/name or user/name@revision"
        )
    return found[1], found[2]


def client() -> Any:
    """Imports the hub's client.

    Raises:
      UserError: it is not installed.
    """
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise UserError(
            f"networks on the Hugging Face Hub need huggingface_hub: "
            f"{install_command('hub')}"
        ) from error


@contextlib.contextmanager
def one_line(name: str) -> Iterator[None]:
    """Turns the errors of the hub's client into one line.

    Raises:
      UserError: an error of the hub, the connection or the disk.
    """
    from huggingface_hub import errors

    try:
        yield
    # HTTPError is httpx's, of broken connections. RuntimeError is that of an upload.
    except (errors.HFValidationError, errors.HTTPError, OSError) as error:
        raise UserError(f"{name}: {_explained(error)}") from error
    except RuntimeError as error:
        if not isinstance(error.__cause__, (errors.HTTPError, OSError)):
            raise
        raise UserError(f"{name}: {_explained(error.__cause__)}") from error


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Keeps the hub's client from a warning for each of its attempts to connect."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _download(hub: Any, name: str, found: Any) -> None:
    """Downloads the file of a version to where the hub's cache keeps its content.

    The hub's own client does not continue the download of an earlier call
    (findings/hub_restarts_downloads.sh). It is left the small files, which have no
    SHA-256 there.
    """
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    repository, _ = split_name(name)
    url = hub.hf_hub_url(repository, FILE_NAME, revision=found.commit_hash)
    content = hub.get_hf_file_metadata(url, library_name=LIBRARY)
    if not re.fullmatch("[0-9a-f]{64}", content.etag):
        return
    headers = build_hf_headers(library_name=LIBRARY)
    if urlsplit(content.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # nobody else learns the user's token

    def append(file: BinaryIO) -> None:
        if content.size is not None and file.tell() > content.size:
            file.truncate(0)  # the client would ask for what follows, forever
            file.seek(0)
        with one_line(name):
            http_get(
                content.location,
                file,
                resume_size=file.tell(),
                headers=headers,
                expected_size=content.size,
                displayed_filename=FILE_NAME,
            )

    remote = downloads.Remote(
        name, f"sha256:{content.etag}", append, "try again", "HF_HOME"
    )
    folder = Path(found.local_path).parents[2]  # above snapshots/COMMIT/FILE_NAME
    downloads.download(remote, folder / "blobs" / content.etag)


def _explained(error: Exception) -> str:
    """Describes an error of the hub's client, with a remedy."""
    from huggingface_hub import constants, errors

    hub, log_in = constants.ENDPOINT, "log in with `hf auth login`, or set HF_TOKEN"
    # The first class counts: some are subclasses of later ones.
    known: dict[type[Exception], str] = {
        errors.GatedRepoError: f"is for approved users; ask at {hub}, and {log_in}",
        errors.RepositoryNotFoundError: (
            f"{hub} has no such network, or it is private; check the name, or {log_in}"
        ),
        errors.RevisionNotFoundError: "there is no such branch, tag or commit of it",
        errors.LocalEntryNotFoundError: (
            f"cannot be downloaded, as {hub} cannot be reached, and is not in the "
            "cache; check the connection"
        ),
        errors.EntryNotFoundError: (
            f"holds no {FILE_NAME}, so it is no network of deepdepth_jax"
        ),
    }
    for class_, text in known.items():
        if isinstance(error, class_):
            return text
    if isinstance(error, errors.HfHubHTTPError):
        if error.response.status_code in (401, 403):
            return f"{hub} does not let you write there; {log_in}"
    elif isinstance(error, errors.HTTPError):
        return f"the connection to {hub} failed ({error}); try again"
    elif isinstance(error, OSError) and error.strerror is not None:
        cause = f"{error.filename or 'a file'} cannot be written ({error.strerror})"
        return f"{cause}; set HF_HOME to a folder that can"
    lines = [line.strip(" .") for line in str(error).splitlines() if line.strip()]
    return f"{lines[0] if lines else type(error).__name__}; try again"
