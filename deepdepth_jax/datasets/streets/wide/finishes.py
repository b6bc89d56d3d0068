"""Surface finishes of the wide world's solids, as NumPy columns on the host."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from deepdepth_jax.datasets.streets.wide.solids import Holes

WIDTHS = (1, 3, 3, 4, 1, 1, 1)  # columns of a finish's fields
Fields = tuple[tuple[Any, int], ...]  # values and how many columns they have


class Finish(NamedTuple):
    """The `Surface` and `Perforation` of solids: one for all, or one per solid."""

    material: Any
    color: Any
    accent: Any = None
    pattern: Any = (0.0, 0.0, 0.0, 0.0)
    holes: Any = Holes.NONE
    hole_size: Any = 1.0
    hole_share: Any = 0.0

    def of(self, chosen: Any) -> "Finish":
        """Takes the rows of some solids, where fields have one for each."""
        fields = zip(self, WIDTHS, strict=True)
        return Finish(*(v[chosen] if is_each(v, width) else v for v, width in fields))

    def columns(self, count: int) -> Float[np.ndarray, "n 14"]:
        """Writes one row for each solid."""
        accent = self.color if self.accent is None else self.accent
        fields: Any = (self.material, self.color, accent, self.pattern)
        fields += (self.holes, self.hole_size, self.hole_share)
        return table_of(tuple(zip(fields, WIDTHS, strict=True)), count)


def is_each(value: Any, width: int) -> bool:
    """Whether a field of so many columns is given for each solid, not for all."""
    return np.ndim(value) == (2 if width > 1 else 1)


def table_of(fields: Fields, count: int) -> Float[np.ndarray, "n w"]:
    """Writes fields, each of so many columns, side by side."""
    table = np.empty((count, sum(width for _, width in fields)))
    start = 0
    for value, width in fields:
        if width == 1:
            table[:, start] = value
        else:
            table[:, start : start + width] = value
        start += width
    return table
