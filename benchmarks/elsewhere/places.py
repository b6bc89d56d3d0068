"""The data sets of a bench: a Python file with a function `get_places()`."""

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path

from deepdepth_jax.config import Config, complete, default_config, override
from deepdepth_jax.errors import UserError

Places = Mapping[str, Mapping[str, object]]
"""Fields of the config that select and measure each data set, by its name."""


def load_places(path: Path, root: Path) -> Places:
    """Loads the data sets that a file names.

    Args:
      path: a Python file with `get_places(root: Path) -> Places`.
      root: the folder that holds the data.

    Returns:
      The fields of each data set.

    Raises:
      UserError: the file or the folder does not exist, or has no such function.
    """
    if not path.is_file():
        raise UserError(f"--data={path}: there is no such file")
    if not root.is_dir():
        raise UserError(f"--root={root}: there is no such folder")
    names = runpy.run_path(str(path))
    if "get_places" not in names:
        raise UserError(f"--data={path}: the file has no function get_places(root)")
    return names["get_places"](root)


def overrides(fields: Mapping[str, object], folder: Path) -> list[str]:
    """Returns the options of `deepdepth_jax.main` that select a data set.

    Split and sheet are named, too: a run's own config may ask for others.

    Args:
      fields: of the config.
      folder: where its records are prepared.
    """
    usual = {
        "data.prepared_dir": folder / "prepared",
        "eval.split": "test",
        "eval.figures": 7,
    }
    return [f"--config.{field}={value}" for field, value in {**usual, **fields}.items()]


def data_config(options: Sequence[str]) -> Config:
    """Returns a config of which the fields that options name are of use."""
    return complete(override(default_config(), options))
