"""Overlapping windows of a large image: memory for one window is enough."""

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import Bool, Float, Shaped

from deepdepth_jax.types import Tree

OVERLAP = 0.25
"""The least share of its side that a window has in common with the next one."""

Window = tuple[slice, slice]
"""The rows and columns of a window."""


class Mosaic:
    """Joins the results of overlapping windows to those of the whole image.

    Where windows overlap, numbers are averaged, with weights that fall towards the
    edges of a window so that no seam shows. Truth values are those of the window that
    the pixel lies deepest in.

    Args:
      size: height and width of the image.
      side: height and width of a window, at most those of the image.

    Attributes:
      windows: all of them, in the order of rows and columns.
      whole: the joined result: a tree of arrays (b, h, w). None before the first `add`.
    """

    def __init__(self, size: tuple[int, ...], side: tuple[int, int]) -> None:
        self.windows = list(_spread(size, side))
        self.whole: Tree = None
        self._size = size
        self._weight = np.multiply.outer(_ramp(side[0]), _ramp(side[1]))
        self._total = np.zeros(size, np.float32)
        self._deepest = np.zeros(size, np.float32)
        for window in self.windows:
            self._total[window] += self._weight
            deepest = self._deepest[window]
            np.maximum(deepest, self._weight, out=deepest)

    def add(self, window: Window, part: Tree) -> None:
        """Adds the result of a window: a tree of arrays (b, y, x)."""
        if self.whole is None:
            self.whole = jax.tree.map(
                lambda x: np.zeros((len(x), *self._size), x.dtype), part
            )
        share = self._weight / self._total[window]
        is_deepest = self._weight == self._deepest[window]
        parts = jax.tree.leaves(part)
        for whole, of_window in zip(jax.tree.leaves(self.whole), parts, strict=True):
            _add(whole[:, *window], of_window, share, is_deepest)


def _add(
    whole: Shaped[np.ndarray, "b y x"],
    part: Shaped[np.ndarray, "b y x"],
    share: Float[np.ndarray, "y x"],
    is_deepest: Bool[np.ndarray, "y x"],
) -> None:
    """Adds a window's part to its place, a view of the whole."""
    if np.issubdtype(part.dtype, np.floating):
        whole += part * share
    else:
        np.copyto(whole, part, where=is_deepest)


def _ramp(length: int) -> Float[np.ndarray, " length"]:
    """Rises from the edges of a window to 1 over the overlap."""
    from_edge = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
    return np.minimum(from_edge / max(1, int(length * OVERLAP)), 1).astype(np.float32)


def _spread(size: tuple[int, ...], side: tuple[int, int]) -> Iterator[Window]:
    """Spreads windows evenly over an image, the outermost at its edges."""
    rows, columns = map(_starts, size, side)
    for top in rows:
        for left in columns:
            yield slice(top, top + side[0]), slice(left, left + side[1])


def _starts(size: int, side: int) -> list[int]:
    stride = max(1, side - int(side * OVERLAP))
    count = 1 + -(-(size - side) // stride)
    return np.linspace(0, size - side, count).astype(int).tolist()
