"""The way of images of any size to the devices of a process, and of results back."""

import copy
from collections.abc import Callable
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array, Shaped

from deepdepth_jax.inference.windows import Mosaic
from deepdepth_jax.inference.windows import Window as Place
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

    def cut(self, size: tuple[int, ...]) -> Mosaic | None:
        """Cuts a size into windows. Returns None if it is a single window."""
        side = min(self.window[0], size[0]), min(self.window[1], size[1])
        return None if side in (size, (0, 0)) else Mosaic(size, side)

    def over_windows(self, size: tuple[int, ...], run: Callable[[Place], Tree]) -> Tree:
        """Joins the results of all windows of a size. Of one window, it is the result.

        Args:
          size: height and width of the images.
          run: from the rows and columns of a window to a tree of arrays (b, y, x).
        """
        mosaic = self.cut(size)
        if mosaic is None:
            return run((slice(None), slice(None)))
        for window in mosaic.windows:
            mosaic.add(window, run(window))
        return mosaic.whole

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
