"""The promise that a folder holds one run only, with the data that it learns from."""

import dataclasses
import importlib.metadata
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdepth_jax.config import FIELDS, Config, differences, with_fields
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.content import UNKNOWN, Content
from deepdepth_jax.runtime.json_files import read_object
from deepdepth_jax.runtime.parallel import is_primary
from deepdepth_jax.runtime.workdir import (
    CHECKPOINTS,
    CONFIG_FILE,
    is_checkpoint,
    stored_config,
    stored_content,
)


def claim(workdir: Path, config: Config, content: Content = UNKNOWN) -> None:
    """Claims the folder for the run of this config, or checks that it has it.

    Everything that may be refused must have been checked before.

    Args:
      workdir: of the run.
      config: completed.
      content: of the data and the weights that the run learns from.

    Raises:
      UserError: the folder holds another run.
    """
    check_same_run(workdir, config, content)
    if not is_primary():
        return
    content = content.completed(stored_content(workdir))
    described = _describe(config, content) | _lengthened_at(workdir, config)
    atomic.write(workdir / CONFIG_FILE, json.dumps(described, indent=2) + "\n")


def check_same_run(workdir: Path, config: Config, content: Content = UNKNOWN) -> None:
    """Refuses a config that trains another run than the folder holds.

    A folder without a run is free. Data and weights are compared by their content. The
    fields that name them are compared where the content is not known. A finished run
    may be lengthened.

    Args:
      workdir: of the run.
      config: completed.
      content: of the data and the weights that a run of this config learns from.

    Raises:
      UserError: names the fields that differ.
    """
    if not (workdir / CONFIG_FILE).exists():
        return
    before, trained = stored_content(workdir), stored_config(workdir)
    fields = _changed_fields(trained, config)
    if lengthens(workdir, trained, config):
        del fields["train.num_steps"]
    changed = {
        field: values
        for field, values in fields.items()
        if not before.decides(content, field)
    }
    for name, values in before.changes(content).items():
        named = {
            f: v for f, v in fields.items() if f == name or f.startswith(f"{name}.")
        }
        changed |= named or {f"the content of {name}": values}
    _refuse(workdir / CONFIG_FILE, changed)


def lengthens(workdir: Path, trained: Config, config: Config) -> bool:
    """Returns whether a config trains the finished run of a folder for more steps.

    Args:
      workdir: of the run.
      trained: its config, completed.
      config: completed.
    """
    planned = trained.train.num_steps
    return config.train.num_steps > planned and is_checkpoint(
        workdir / CHECKPOINTS / str(planned)
    )


def _lengthened_at(workdir: Path, config: Config) -> dict[str, list[int]]:
    """Lists the steps at which the run of a folder ended before it was lengthened."""
    path, name = workdir / CONFIG_FILE, "lengthened_at"
    if not path.exists():
        return {}
    earlier = read_object(path, "copy it again").get(name, [])
    trained = stored_config(workdir)
    ends = [trained.train.num_steps] if lengthens(workdir, trained, config) else []
    return {name: [*earlier, *ends]} if earlier or ends else {}


def check_same_network(where: Path, trained: Config, asked: Config) -> None:
    """Refuses a config of another network than a file of weights holds.

    Args:
      where: the file, for the message.
      trained: its config, completed.
      asked: the same with overrides.

    Raises:
      UserError: names the fields that differ.
    """
    changed = _changed_fields(trained, asked)
    _refuse(where, {f: v for f, v in changed.items() if not _is_replaceable(f)})


def as_trained(workdir: Path, config: Config) -> Config:
    """Returns the config of a run, with the data and protocol of another config.

    The network is the run's. Data, protocol and the other free fields are those of the
    given config, and pretrained weights are no longer needed.

    Args:
      workdir: folder of the run.
      config: the other config, completed.

    Returns:
      The completed config.

    Raises:
      UserError: there is no run, or the given config trains another one.
    """
    trained = stored_config(workdir)
    changed = _changed_fields(trained, config)
    fixed = {f: v for f, v in changed.items() if not _is_replaceable(f)}
    _refuse(workdir / CONFIG_FILE, fixed)
    asked = {
        field: value
        for field, (_, value) in differences(trained, config).items()
        if FIELDS[field].free or _is_data(field)
    }
    return with_fields(trained, asked)


def _is_data(field: str) -> bool:
    """Returns whether a field names the data that a network is used on."""
    return field.startswith("data.") and field != "data.canonical_focal_px"


def _is_replaceable(field: str) -> bool:
    return _is_data(field) or field == "model.pretrained"


def _changed_fields(trained: Config, asked: Config) -> dict[str, tuple[Any, Any]]:
    """Lists differing fields that change the training, with both values."""
    return {
        field: (stored, value)
        for field, (stored, value) in differences(trained, asked).items()
        # A field that is not set is whatever the run has.
        if value is not None and not FIELDS[field].free
    }


def _refuse(where: Path, changed: Mapping[str, tuple[Any, Any]]) -> None:
    if changed:
        listed = "; ".join(
            f"{field} is {stored!r} there, {asked!r} here"
            for field, (stored, asked) in changed.items()
        )
        raise UserError(
            f"{where}: holds a run with other values ({listed}); choose another "
            "--workdir, or the same values"
        )


def versions() -> dict[str, str]:
    """Returns the versions of this package and of those that decide its numbers."""
    packages = ("deepdepth_jax", "jax", "flax", "optax", "orbax-checkpoint")
    return {name: importlib.metadata.version(name) for name in packages}


def _describe(config: Config, content: Content) -> dict:
    return {
        "config": config.to_dict(),
        "content": dataclasses.asdict(content),
        "versions": versions(),
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    """Returns the commit of the running code. None outside a git checkout."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:  # git is not installed
        return None
    return answer.stdout.strip() or None
