"""The way of images of any size to the devices of a process, and of results back."""

import copy
import functools
from collections.abc import Iterator
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from deepdepth_jax.types import Tree

LARGEST_WHOLE_PX = 2_500_000
"""The most pixels in one run of the network, be it of one image or of a batch.

A pixel takes about 1 kB of memory, most of it for distributions over 71 bins.
"""
WINDOW = (1080, 1920)
"""Height and width of the windows that larger images are cut into."""

Window = tuple[int, int] | None
"""A height and width. (0, 0) for whole images, whatever memory they take. None for
`eval.window` of the run, or if it has none `WINDOW` above `LARGEST_WHOLE_PX`."""

SIZE_CLASS_PX = 32
"""Sides are padded to a multiple of it, or to two less."""
OVERLAP = 0.25
"""The least share of its side that a window has in common with the next one."""

Place = tuple[slice, slice]
"""The rows and columns of a window."""


L = TypeVar("L", bound="Layout")


class Layout:
    """Lays out images of any size for programs of few sizes.

    Images larger than the window are cut into windows. Each window is padded to its
    size class, and its batch to `batch_size`: a network takes tens of seconds to
    compile, images come in many sizes, and one program serves each size class. Neither
    changes a result. Each device gets its part of the batch, and the padding is removed
    from the results.

    Args:
      batch_size: the most images that are given at once.
      window: height and width. (0, 0): images are not cut.
    """

    def __init__(self, batch_size: int, window: tuple[int, int] = (0, 0)) -> None:
        self.batch_size = batch_size
        self.window = window
        self._devices = jax.local_device_count()

    def sized(self: L, batch_size: int, window: tuple[int, int]) -> L:
        """Returns the same for other sizes. It shares the compiled programs."""
        other = copy.copy(self)
        other.batch_size, other.window = batch_size, window
        return other

    def cut(self, size: tuple[int, ...]) -> "Mosaic":
        """Cuts a height and width into windows. A size within a window is a single one.

        Returns:
          The windows, to which their results are added.
        """
        if not any(self.window):
            return Mosaic(size, size)
        return Mosaic(size, tuple(map(min, size, self.window)))

    def shard(self, *arrays: Shaped[np.ndarray, "b h w ..."] | None) -> Tree:
        """Pads arrays and cuts them into equal parts for the devices.

        Fewer images than `batch_size` are padded by repeating the last one, and so is a
        batch that the devices do not divide.

        Returns:
          Arrays (devices, images, y, x, ...). None stays None.
        """
        size = -(-self.batch_size // self._devices) * self._devices

        def split(array: Shaped[np.ndarray, "b h w ..."]) -> Shaped[np.ndarray, "..."]:
            array = pad_to_size_class(array)
            missing = np.repeat(array[-1:], size - len(array), axis=0)
            batch = np.concatenate([array, missing])
            return batch.reshape(self._devices, -1, *array.shape[1:])

        return jax.tree.map(split, arrays)

    def undo(self, found: Tree, shape: tuple[int, ...]) -> Tree:
        """Undoes `shard`: fetches results to the host and removes the padding.

        Args:
          found: arrays (devices, images, ...), those of four axes and more (devices,
            images, y, x, ...).
          shape: number, height and width of the images before sharding.

        Returns:
          Arrays (b, ...) or (b, h, w, ...).
        """
        count, height, width = shape

        def cropped(x: Shaped[Array, "..."]) -> Shaped[np.ndarray, "b ..."]:
            batch = np.asarray(x).reshape(-1, *x.shape[2:])[:count]
            return batch[:, :height, :width] if batch.ndim > 2 else batch

        return jax.tree.map(cropped, found)


def pad_to_size_class(
    array: Shaped[np.ndarray, "b h w ..."],
) -> Shaped[np.ndarray, "b y x ..."]:
    """Pads images with zeros, at the bottom and at the right, to their size class."""
    padding = [(0, padded_side(side) - side) for side in array.shape[1:3]]
    return np.pad(array, [(0, 0), *padding, *[(0, 0)] * (array.ndim - 3)])


def padded_side(side: int) -> int:
    """Returns the length that a side of an image is padded to.

    A side of 32 n has 4 n + 1 features at output stride 8, as the pooling rounds up.
    Two pixels less have one feature less: 375 x 1242, padded to 382 x 1246, keeps its
    48 x 156.
    """
    multiple = -(-side // SIZE_CLASS_PX) * SIZE_CLASS_PX
    return multiple if side > multiple - 2 else multiple - 2


def batch_size_for(size: tuple[int, int], most: int) -> int:
    """Returns how many images of a height and width run at once, at most `most`."""
    fitting = LARGEST_WHOLE_PX // (size[0] * size[1])
    return max(1, min(most, fitting))


def window_for(
    size: tuple[int, int], asked: Window, of_run: tuple[int, int]
) -> tuple[int, int]:
    """Chooses the window for images of a height and width. See `Window`.

    Args:
      size: height and width of the images.
      asked: the window that was asked for.
      of_run: `eval.window` of the run.

    Returns:
      Height and width. (0, 0) to take them as a whole.
    """
    if asked is not None:
        return asked
    if any(of_run):
        return of_run
    return WINDOW if size[0] * size[1] > LARGEST_WHOLE_PX else (0, 0)


class Mosaic:
    """Joins the results of windows to those of the whole image.

    Where windows overlap, numbers are averaged, with weights that fall towards the
    edges of a window so that no seam shows. Truth values are those of the window that
    the pixel lies deepest in. The result of a single window is the whole.

    Args:
      size: height and width of the image.
      side: height and width of a window, at most those of the image.

    Attributes:
      windows: the places of all of them, in the order of rows and columns.
      whole: the joined result: a tree of arrays (b, h, w), of a single window any tree.
        None before the first `add`.
    """

    def __init__(self, size: tuple[int, ...], side: tuple[int, ...]) -> None:
        self.windows = list(_spread(size, side))
        self.whole: Tree = None
        self._size, self._side = size, side

    def add(self, place: Place, part: Tree) -> None:
        """Adds the result of a window: a tree of arrays (b, y, x)."""
        if len(self.windows) == 1:
            self.whole = part
            return
        if self.whole is None:
            self.whole = jax.tree.map(
                lambda x: np.zeros((len(x), *self._size), x.dtype), part
            )
        share = self._weight / self._total[place]
        is_deepest = self._weight == self._deepest[place]
        parts = jax.tree.leaves(part)
        for whole, of_window in zip(jax.tree.leaves(self.whole), parts, strict=True):
            _add(whole[:, *place], of_window, share, is_deepest)

    @functools.cached_property
    def _weight(self) -> Float[np.ndarray, "y x"]:
        return np.multiply.outer(*map(_ramp, self._side))

    @functools.cached_property
    def _total(self) -> Float[np.ndarray, "h w"]:
        """The sum of the weights of all windows."""
        total = np.zeros(self._size, np.float32)
        for place in self.windows:
            total[place] += self._weight
        return total

    @functools.cached_property
    def _deepest(self) -> Float[np.ndarray, "h w"]:
        """The largest weight."""
        deepest = np.zeros(self._size, np.float32)
        for place in self.windows:
            np.maximum(deepest[place], self._weight, out=deepest[place])
        return deepest


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


def _spread(size: tuple[int, ...], side: tuple[int, ...]) -> Iterator[Place]:
    """Spreads windows evenly over an image, the outermost at its edges."""
    rows, columns = map(_starts, size, side)
    for top in rows:
        for left in columns:
            yield slice(top, top + side[0]), slice(left, left + side[1])


def _starts(size: int, side: int) -> list[int]:
    stride = max(1, side - int(side * OVERLAP))
    count = 1 + -(-(size - side) // stride)
    return np.linspace(0, size - side, count).astype(int).tolist()
