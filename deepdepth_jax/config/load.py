"""Configs from Python files, from runs, and from command lines."""

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from deepdepth_jax.config.sections import FIELDS, default_config
from deepdepth_jax.config.suggest import nearest
from deepdepth_jax.errors import UserError


def load_config(path: str | Path) -> ConfigDict:
    """Loads a config from a Python file or, resolved, from a workdir's config.json.

    Raises:
      UserError: the file is missing, or is no config.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--config={path}: there is no such file")
    if path.suffix == ".json":
        return config_from_json(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config={path}: must be a .py file with get_config()")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise UserError(f"--config={path}: the file has no function get_config()")
    return module.get_config()


def config_from_json(path: Path) -> ConfigDict:
    """Reads the config back that a run wrote into its workdir.

    Raises:
      UserError: the file holds no config, a field that this version does not know, or a
        value that its field does not take.
    """
    try:
        stored = json.loads(path.read_text())["config"]
        values = dict(flatten(stored))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not the config.json of a run ({error!r})") from error
    config = default_config()
    for name, value in values.items():
        if name not in FIELDS:
            raise UserError(f"{path}: field {name} is unknown to this version")
        try:
            accepted = FIELDS[name].accept(value)
        except ValueError as error:
            raise UserError(f"{path}: {name}={error}") from error
        config.update_from_flattened_dict({name: accepted})
    return config


def override(config: ConfigDict, arguments: Sequence[str]) -> ConfigDict:
    """Applies `--config.section.field=value` arguments, the last one of a field.

    Raises:
      UserError: a field is unknown (the nearest one is named), or does not take its
        value.
    """
    for argument in arguments:
        name, equals, text = argument.removeprefix("--config.").partition("=")
        if not argument.startswith("--config.") or not equals:
            raise UserError(f"{argument}: write --config.section.field=value")
        if name not in FIELDS:
            near = nearest(name, FIELDS.values())
            hint = f"; did you mean --config.{near}?" if near else ""
            raise UserError(f"--config.{name}: no such field{hint}")
        try:
            value = FIELDS[name].read(text)
        except ValueError as error:
            raise UserError(f"--config.{name}={error}") from error
        config.update_from_flattened_dict({name: value})
    return config


def flatten(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Lists the fields of a config by their whole names, with their values."""
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
