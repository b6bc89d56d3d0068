"""How the dataclass of a section declares a field, once.

    learning_rate: float = number(2.5e-4, at_least=0, at_most=10, meaning="...")

The annotation is the field's type: bool, int, float, str, a `Literal` of its choices,
or a tuple of one of these.
"""

import dataclasses
from typing import Any

from deepdepth_jax.config.fields import Bounds, Number


def option(
    default: object,
    *,
    meaning: str,
    unit: str = "",
    also: tuple[str, ...] = (),
    free: bool = False,
    inherited: bool = False,
    may_be_empty: bool = False,
) -> Any:
    """Declares a field that is text, a choice, a switch, or a tuple of these.

    Args:
      default: None if a preset, the head or the pretrained weights decide.
      meaning: a phrase for the documentation.
      unit: of the value.
      also: other names that people look for it by.
      free: whether the trained network does not depend on it.
      inherited: whether an unset field is as in the pretrained network, and only
        without one the default.
      may_be_empty: whether a tuple may have no items.

    Returns:
      The dataclass field.
    """
    about = dict(meaning=meaning, unit=unit, also=also, free=free, inherited=inherited)
    return dataclasses.field(
        default=default, metadata=about | dict(may_be_empty=may_be_empty)
    )


def number(
    default: object,
    *,
    at_least: Number | None = None,
    above: Number | None = None,
    at_most: Number | None = None,
    below: Number | None = None,
    or_zero: bool = False,
    meaning: str,
    unit: str = "",
    also: tuple[str, ...] = (),
    free: bool = False,
    inherited: bool = False,
    may_be_empty: bool = False,
) -> Any:
    """Declares a field that is a number, or a tuple of numbers, within bounds.

    Args:
      default: see `option`.
      at_least: the lower bound, if it is a value of the field.
      above: the lower bound, if it is not.
      at_most: the upper bound, if it is a value of the field.
      below: the upper bound, if it is not.
      or_zero: whether 0, below the lower bound, is a value of the field.
      meaning: see `option`.
      unit: of the number.
      also: see `option`.
      free: see `option`.
      inherited: see `option`.
      may_be_empty: see `option`.

    Returns:
      The dataclass field.
    """
    bounds = Bounds(at_least, above, at_most, below, or_zero)
    about = dict(meaning=meaning, unit=unit, also=also, free=free, inherited=inherited)
    return dataclasses.field(
        default=default,
        metadata=about | dict(bounds=bounds, may_be_empty=may_be_empty),
    )
