"""Whether an evaluation can be made, asked before anything is computed."""

import os
from collections.abc import Collection
from pathlib import Path

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.registry import held_out_source
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError


def without_evaluation(config: Config) -> str | None:
    """Explains why a run ends without an evaluation. None if it is evaluated.

    Args:
      config: completed.

    Raises:
      UserError: a folder of the data or a file in it is not as it must be.
    """
    source = held_out_source(config, config.eval.split)
    if len(source):
        return None
    return (
        f"eval.split={config.eval.split}: nothing to evaluate on ({source.report()}); "
        "the run ends with its training"
    )


def source_to_evaluate(config: Config, learned_from: Collection[str]) -> Source:
    """Makes the source of the split that `eval.split` names.

    Args:
      config: completed.
      learned_from: the data sets that the evaluated network has learned from.

    Raises:
      UserError: no frame of it is there with its ground truth.
    """
    source = held_out_source(config, config.eval.split, learned_from)
    if len(source) == 0:
        raise UserError(
            f"eval.split={config.eval.split}: no images to evaluate "
            f"({source.report()}); python -m deepdepth_jax.check_data lists missing "
            "files"
        )
    return source


def require_writable(folder: Path) -> None:
    """Checks that results can be written, before they are computed.

    Raises:
      UserError: the folder, or the one that it would be made in, may only be read.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(
            f"{folder}: results cannot be written there; set --output=FOLDER"
        )
