"""The metadata of a file of weights, checked when they are read."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deepdepth_jax.config import ONE_VIEW
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.network_details import MEASURED, describe_details
from deepdepth_jax.models.strict import listed
from deepdepth_jax.models.tensor_files import (
    METADATA_KEY,
    NETWORK_KEY,
    read_header,
)
from deepdepth_jax.runtime.json_files import (
    are_temperatures,
    is_positive,
    parse_object,
)

FORMAT = 1
AGAIN = "download it again, or write it anew with `python -m deepdepth_jax.convert`"
NOT_FOR = (
    "it is for streets, not for indoor scenes, fisheye lenses or images of unknown "
    "focal length"
)


def read_metadata(path: Path) -> dict[str, Any]:
    """Reads the metadata of a file of `write_network`, without its tensors.

    Args:
      path: the file.

    Returns:
      The JSON object of the metadata.

    Raises:
      UserError: see `read_network`. The digest is not verified.
    """
    header = _header(path)
    if NETWORK_KEY not in header:
        what = "only a backbone" if METADATA_KEY in header else "no depth network"
        raise UserError(
            f"{path}: holds {what} of deepdepth_jax; write a file of weights with "
            "`python -m deepdepth_jax.convert --input=RUN --output=FILE.safetensors`"
        )
    try:
        fields = parse_object(header[NETWORK_KEY])
    except ValueError as error:
        raise UserError(f"{path}: its metadata are damaged ({error}); {AGAIN}") from (
            error
        )
    _check_fields(path, fields)
    return fields


def holds_network(path: Path) -> bool:
    """Returns whether a safetensors file holds a whole depth network.

    Raises:
      UserError: it is no safetensors file, or a cut one.
    """
    return NETWORK_KEY in _header(path)


def _header(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return read_header(path, AGAIN)


def describe_shipped(path: Path) -> list[str]:
    """Describes the network that comes with the package, in lines for its users.

    Args:
      path: the file of weights.

    Returns:
      The lines.

    Raises:
      UserError: see `read_metadata`.
    """
    details = read_metadata(path)["details"]
    return [
        f"network: {path.stem}, which comes with deepdepth_jax",
        *(f"  {line}" for line in describe_details(details)),
        f"  {NOT_FOR}",
    ]


def _are_details(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    evaluations, names = value.get("evaluations", []), value.get("trained_on", [])
    are_lists = isinstance(evaluations, list) and isinstance(names, list)
    return (
        are_lists
        and all(isinstance(name, str) for name in names)
        and all(
            isinstance(each, dict)
            and all(isinstance(each.get(n), dict) for n in MEASURED)
            for each in evaluations
        )
    )


def _are_temperatures(value: Any) -> bool:
    return are_temperatures(value) if isinstance(value, dict) else is_positive(value)


def read_temperatures(fields: Mapping[str, Any]) -> dict[str, float]:
    """Returns the temperatures of checked metadata by their names.

    Files of older versions have one number, which was fitted with one view.
    """
    found = fields["temperature"]
    return found if isinstance(found, dict) else {ONE_VIEW: float(found)}


ACCEPTS = MappingProxyType(
    {
        "format": lambda value: value == FORMAT,
        "config": lambda value: isinstance(value, dict),
        "camera": lambda value: isinstance(value, dict),
        "temperature": _are_temperatures,
        "step": lambda value: type(value) is int and value >= 0,
        "versions": lambda value: isinstance(value, dict),
        "details": _are_details,
        "sha256": lambda value: isinstance(value, str),
    }
)


def _check_fields(path: Path, fields: Mapping[str, Any]) -> None:
    odd = fields.keys() ^ ACCEPTS.keys()
    wrong = [
        name for name in ACCEPTS if name in fields and not ACCEPTS[name](fields[name])
    ]
    if odd or wrong:
        raise UserError(
            f"{path}: its metadata are of another version: {listed([*odd, *wrong])}; "
            "update deepdepth_jax, or write the file anew"
        )
