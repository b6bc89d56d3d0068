"""Depth networks, published on the Hugging Face Hub.

A repository of a network holds one file of weights, and a model card.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.hugging_face import (
    FILE_NAME,
    LIBRARY,
    client,
    one_line,
    split_name,
)
from deepdepth_jax.inference.model_card import model_card
from deepdepth_jax.inference.network_file import write_network
from deepdepth_jax.inference.network_metadata import read_metadata
from deepdepth_jax.inference.saved_network import SavedNetwork

CARD_NAME = "README.md"


@dataclasses.dataclass(frozen=True)
class Publication:
    """A network on the hub.

    Attributes:
      url: address of the repository.
      description: lines about the network, and about where its files are.
    """

    url: str
    description: list[str]


def publish(
    network: SavedNetwork,
    name: str,
    *,
    licence: str | None = None,
    dtype: str = "float32",
    private: bool = False,
) -> Publication:
    """Uploads a network as one file, with a model card.

    The repository or branch is made if there is none. A model card that it has is kept.

    Args:
      network: with the evaluations to show on the card. See `with_evaluations`.
      name: such as `user/name`, or `user/name@branch`.
      licence: see `write_network`.
      dtype: see `write_network`.
      private: whether its owner alone may see it. A new repository is made so, and an
        existing one must be.

    Returns:
      The publication.

    Raises:
      UserError: nobody is logged in, the hub refuses, there is no connection, or the
        repository is public and must not be.
    """
    repository, branch = split_name(name)
    api = client().HfApi(library_name=LIBRARY)
    with tempfile.TemporaryDirectory() as folder, one_line(name):
        path = Path(folder) / FILE_NAME
        lines = write_network(path, network, dtype=dtype, licence=licence)
        url = api.create_repo(repository, private=private, exist_ok=True)
        visibility = _visibility(api, repository, private=private)
        if branch is not None:
            api.create_branch(repository, branch=branch, exist_ok=True)
        has_card = api.file_exists(repository, CARD_NAME, revision=branch)
        if not has_card:
            card = model_card(read_metadata(path), repository)
            (Path(folder) / CARD_NAME).write_text(card, encoding="utf-8")
        size_mb = path.stat().st_size / 1e6
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=branch,
            commit_message=f"Upload the network of step {network.step}",
        )
    card_note = f"kept its {CARD_NAME}" if has_card else f"wrote {CARD_NAME}"
    where = f"{url} ({visibility}), {branch or 'main'}, commit {commit.oid[:8]}"
    uploaded = f"uploaded {FILE_NAME} ({size_mb:.1f} MB) to {where}; {card_note}"
    return Publication(str(url), [*lines, uploaded])


def _visibility(api: Any, repository: str, *, private: bool) -> str:
    """Returns who sees a repository, and refuses a public one that must not be."""
    is_private = api.model_info(repository).private
    if private and not is_private:
        raise UserError(
            f"{repository}: is public already; make it private in its settings, or "
            "leave private out"
        )
    return "private" if is_private else "public"
