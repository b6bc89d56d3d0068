"""Depth networks on the Hugging Face Hub: downloaded by name, and published.

A repository of a network holds one file of weights, and a model card.
"""

import contextlib
import functools
import importlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.model_card import model_card
from deepdepth_jax.inference.network_file import write_network
from deepdepth_jax.inference.network_metadata import read_metadata
from deepdepth_jax.inference.saved_network import SavedNetwork, with_evaluations
from deepdepth_jax.runtime.installation import install_command

FILE_NAME = "depth.safetensors"
CARD_NAME = "README.md"


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
    repository, revision = _split(name)
    hub = _import()
    with _one_line(name):
        path = hub.hf_hub_download(
            repository, FILE_NAME, revision=revision, library_name="deepdepth_jax"
        )
    return Path(path)


def find(name: str) -> Path | None:
    """Finds the file of `download` in the cache, without a connection."""
    repository, revision = _split(name)
    found = _import().try_to_load_from_cache(repository, FILE_NAME, revision=revision)
    return Path(found) if isinstance(found, str) else None


def publish(
    network: SavedNetwork,
    name: str,
    *,
    licence: str | None = None,
    dtype: str = "float32",
    private: bool = False,
) -> str:
    """Uploads a network as one file, with a model card.

    The repository is made if there is none. A model card that it has is kept.

    Args:
      network: of a run, whose own evaluation is shown on the card, or of a file.
      name: such as `user/name`.
      licence: see `write_network`.
      dtype: see `write_network`.
      private: whether a new repository is visible to its owner only.

    Returns:
      The address of the repository.

    Raises:
      UserError: nobody is logged in, the hub refuses, or there is no connection.
    """
    repository, revision = _split(name)
    hub = _import()
    if network.workdir is not None:
        network = with_evaluations(network, network.workdir)
    with tempfile.TemporaryDirectory() as folder, _one_line(name):
        path = Path(folder) / FILE_NAME
        write_network(path, network, dtype=dtype, licence=licence)
        api = hub.HfApi(library_name="deepdepth_jax")
        url = api.create_repo(repository, private=private, exist_ok=True)
        if not api.file_exists(repository, CARD_NAME, revision=revision):
            card = model_card(read_metadata(path), repository)
            (Path(folder) / CARD_NAME).write_text(card)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            commit_message=f"Upload the network of step {network.step}",
        )
    return str(url)


def _split(name: str) -> tuple[str, str | None]:
    repository, _, revision = name.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        raise UserError(f"{name!r}: is no name on the hub; write user/name")
    return repository, revision or None


def _import() -> Any:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise UserError(
            f"networks on the Hugging Face Hub need huggingface_hub: "
            f"{install_command('hub')}"
        ) from error


@contextlib.contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turns the errors of the hub's client into one line."""
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
    elif isinstance(error, OSError) and error.filename is not None:
        cause = f"{error.filename} cannot be written ({error.strerror})"
        return f"{cause}; set HF_HOME to a folder that can"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[0] if lines else type(error).__name__}; try again"
