"""Large pictures, window by window: memory for one window is enough."""

from collections.abc import Callable, Iterator

import jax
import numpy as np
from jaxtyping import Bool, Float, Shaped

from deepdepth_jax.types import Tree

OVERLAP = 0.25
"""How much of its side a window shares with the next one, at the least."""


def by_windows(
    run: Callable[..., Tree], window: tuple[int, int]
) -> Callable[..., Tree]:
    """Makes a function of large arrays out of one of small ones.

    Where windows overlap, numbers are averaged, with weights that fall towards the
    edges of a window so that no seam shows; truth values are those of the window that
    the pixel lies deepest in.

    Args:
      run: from arrays (b, h, w, ...) to a tree of arrays (b, h, w).
      window: height and width that `run` is given, less where the arrays are smaller.

    Returns:
      The same for arrays of any size.
    """

    def run_all(*arrays: np.ndarray) -> Tree:
        size = arrays[0].shape[1:3]
        side = min(window[0], size[0]), min(window[1], size[1])
        if side == size:
            return run(*arrays)
        weight = np.multiply.outer(_ramp(side[0]), _ramp(side[1]))
        places = list(_places(size, side))
        total, deepest = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for place in places:
            total[place] += weight
            np.maximum(deepest[place], weight, out=deepest[place])
        result: Tree = None
        for place in places:
            found = run(*(array[:, *place] for array in arrays))
            if result is None:
                result = jax.tree.map(
                    lambda x: np.zeros((len(x), *size), x.dtype), found
                )
            share, is_deepest = weight / total[place], weight == deepest[place]
            parts = jax.tree.leaves(found)
            for whole, part in zip(jax.tree.leaves(result), parts, strict=True):
                _add(whole[:, *place], part, share, is_deepest)
        return result

    return run_all


def _add(
    whole: Shaped[np.ndarray, "b y x"],
    part: Shaped[np.ndarray, "b y x"],
    share: Float[np.ndarray, "y x"],
    is_deepest: Bool[np.ndarray, "y x"],
) -> None:
    """Puts a window's part in its place, a view of the whole."""
    if np.issubdtype(part.dtype, np.floating):
        whole += part * share
    else:
        np.copyto(whole, part, where=is_deepest)


def _ramp(length: int) -> Float[np.ndarray, " length"]:
    """Rises from the edges of a window to 1 over the overlap."""
    from_edge = np.minimum(np.arange(length), np.arange(length)[::-1]) + 1
    return np.minimum(from_edge / max(1, int(length * OVERLAP)), 1).astype(np.float32)


def _places(
    size: tuple[int, ...], side: tuple[int, int]
) -> Iterator[tuple[slice, slice]]:
    """Spreads windows evenly over an array, the outermost at its edges."""
    rows, columns = map(_starts, size, side)
    for top in rows:
        for left in columns:
            yield slice(top, top + side[0]), slice(left, left + side[1])


def _starts(size: int, side: int) -> list[int]:
    stride = max(1, side - int(side * OVERLAP))
    count = 1 + -(-(size - side) // stride)
    return np.linspace(0, size - side, count).astype(int).tolist()
