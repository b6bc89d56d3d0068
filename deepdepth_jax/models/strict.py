"""Strict comparison of weights with the expected names and shapes."""

from collections.abc import Iterable, Mapping

import numpy as np

from deepdepth_jax.errors import UserError

LISTED = 8
"""Number of names that an error lists of each kind."""


def check_tensors(
    what: str,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, np.ndarray],
    remedy: str,
) -> None:
    """Compares tensors with the expected names and shapes.

    Args:
      what: the file or other origin of the tensors, for the message.
      expected: name -> shape.
      found: name -> tensor.
      remedy: the remedy, for the message.

    Raises:
      UserError: tensors are missing, unexpected, of another shape, of integers, or not
        finite. The message lists them.
    """
    common = {name: found[name] for name in expected if name in found}
    floats = {name: x for name, x in common.items() if x.dtype.kind == "f"}
    problems = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": [
            f"{name} is {x.shape} instead of {expected[name]}"
            for name, x in common.items()
            if x.shape != expected[name]
        ],
        "not floating-point": [
            f"{name} is {x.dtype}" for name, x in common.items() if name not in floats
        ],
        "not finite": [name for name, x in floats.items() if not np.isfinite(x).all()],
    }
    text = "; ".join(f"{kind}: {listed(n)}" for kind, n in problems.items() if n)
    if text:
        raise UserError(f"{what}: tensors {text}; {remedy}")


def listed(names: Iterable[str]) -> str:
    """Lists the first names in alphabetical order and counts the others."""
    names = sorted(names)
    rest = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + rest
