"""JSON files that one command leaves for another, checked when they are read."""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdepth_jax.config import ONE_VIEW
from deepdepth_jax.errors import UserError


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Args:
      path: the file.
      remedy: advice for the user, for the message.

    Raises:
      UserError: the file cannot be read, is damaged, or holds something else.
    """
    try:
        return parse_object(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: is damaged ({error}); {remedy}") from error


def parse_object(text: str) -> dict[str, Any]:
    """Parses one JSON object.

    Raises:
      ValueError: the text is no JSON, nested too deep, or holds something else.
    """
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("must hold a JSON object")
    return found


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number that a float holds, NaN and infinities too."""
    is_whole = type(value) is int and abs(value) <= sys.float_info.max
    return is_whole or type(value) is float


def is_positive(value: Any) -> bool:
    """Whether a JSON value is a finite number > 0."""
    return is_number(value) and 0 < value < math.inf


def are_temperatures(values: Mapping[str, Any]) -> bool:
    """Whether these are temperatures by names of `saved_network.temperature_name`."""
    are_named = all(name.startswith(ONE_VIEW) for name in values)
    return are_named and all(map(is_positive, values.values()))
