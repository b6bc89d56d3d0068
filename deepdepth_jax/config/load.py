"""Configs from Python files, from runs, and from command lines."""

import importlib.util
import json
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from deepdepth_jax.config.sections import FIELDS, default_config
from deepdepth_jax.config.suggest import nearest
from deepdepth_jax.errors import UserError


def load_config(path: str | Path) -> ConfigDict:
    """Loads a config from a Python file or, resolved, from a workdir's config.json.

    Args:
      path: a Python file with `get_config()`, a config.json, or the name of a config
        that comes with the package, such as `kitti`.

    Returns:
      The config, not completed.

    Raises:
      UserError: the file is missing, or is no config.
    """
    path = _find(Path(path))
    if path.suffix == ".json":
        return config_from_json(path)
    config = _run(path)
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config={path}: get_config() must return a ConfigDict")
    others = dict(flatten(config.to_dict())).keys() ^ FIELDS.keys()
    if others:
        raise UserError(
            f"--config={path}: the fields must be those of default_config(), which "
            f"differ in {', '.join(sorted(others))}"
        )
    return config


def packaged_configs() -> dict[str, Path]:
    """Returns the config files that come with the package, by their names."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    folder = installed if installed.is_dir() else package.parent / "configs"
    return {file.stem: file for file in sorted(folder.glob("*.py"))}


def _find(path: Path) -> Path:
    """Returns the file of that path, or else the packaged one of that name."""
    if path.is_file():
        return path
    packaged = packaged_configs()
    if str(path) in packaged:
        return packaged[str(path)]
    raise UserError(
        f"--config={path}: there is no such file, and the package has no config of "
        f"that name; name a file or one of {', '.join(packaged)}"
    )


def _run(path: Path) -> Any:
    """Runs a config file and returns the result of its `get_config()`."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--config={path}: must be a .py file with get_config()")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if hasattr(module, "get_config"):
            return module.get_config()
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"--config={path}{_told(error, path)}") from error
    raise UserError(f"--config={path}: the file has no function get_config()")


def _told(error: Exception, path: Path) -> str:
    """Describes an exception that a config file raised, with its line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [x.lineno for x in frames if Path(x.filename) == path.absolute()]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f", line {lines[-1]}" if lines else ""
    message = " ".join(str(error.args[0] if error.args else "").split())
    unknown = re.search(r'Key "(\w+)" does not exist', message)  # ConfigDict's words
    if unknown:
        return f"{where}: no such field {unknown[1]}{_meant(unknown[1])}"
    return f"{where}: {type(error).__name__}: {message}"


def _meant(name: str, prefix: str = "") -> str:
    """Names the field that an unknown one is most like, if it is like any."""
    near = nearest(name, FIELDS.values())
    return f"; did you mean {prefix}{near}?" if near else ""


def config_from_json(path: Path) -> ConfigDict:
    """Reads the config back that a run wrote into its workdir.

    Args:
      path: a config.json.

    Returns:
      The config.

    Raises:
      UserError: the file holds no config, a field that this version does not know, or a
        value that its field does not take.
    """
    try:
        stored = json.loads(path.read_text())["config"]
        values = dict(flatten(stored))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not the config.json of a run ({error!r})") from error
    return config_from_fields(values, str(path))


def config_from_fields(values: Mapping[str, Any], what: str) -> ConfigDict:
    """Builds a config from the values of some fields. The others keep their defaults.

    Args:
      values: by the fields' whole names.
      what: where they come from, for messages.

    Returns:
      The config, not completed.

    Raises:
      UserError: this version does not know a field, or it does not take its value.
    """
    config = default_config()
    for name, value in values.items():
        if name not in FIELDS:
            raise UserError(f"{what}: this version has no field {name}{_meant(name)}")
        try:
            accepted = FIELDS[name].accept(value)
        except ValueError as error:
            raise UserError(f"{what}: {name}={error}") from error
        config.update_from_flattened_dict({name: accepted})
    return config


def override(config: ConfigDict, arguments: Sequence[str]) -> ConfigDict:
    """Applies `--config.section.field=value` arguments, the last one of a field.

    Args:
      config: changed in place.
      arguments: arguments of a command line.

    Returns:
      The same config.

    Raises:
      UserError: a field is unknown (the nearest one is named), or does not take its
        value.
    """
    for argument in arguments:
        name, equals, text = argument.removeprefix("--config.").partition("=")
        if not argument.startswith("--config.") or not equals:
            raise UserError(f"{argument}: write --config.section.field=value")
        if name not in FIELDS:
            raise UserError(
                f"--config.{name}: no such field{_meant(name, '--config.')}"
            )
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
