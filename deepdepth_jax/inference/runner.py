"""The way of images of any size to their results, through all devices of a process."""

import copy
import functools
from collections.abc import Callable
from typing import Any, Generic

import jax
import numpy as np
from jaxtyping import Array, Float, Float32, Shaped, UInt8

from deepdepth_jax.inference.steps import Distributions, Result, Step, Trained
from deepdepth_jax.inference.windows import Mosaic
from deepdepth_jax.models.layers import Extent
from deepdepth_jax.runtime.parallel import on_local_devices
from deepdepth_jax.types import AnyArray, Tree

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

Refine = Callable[
    [Float[np.ndarray, "b h w k"], UInt8[np.ndarray, "b h w 3"]],
    Float32[Array, "b h w k"],
]
"""From calibrated distributions and the images to refined ones. See `dense_crf`."""


class Runner(Generic[Result]):
    """Runs a step on images of any size, on all devices of this process.

    Images larger than the window are cut into windows. Each window is padded to its
    size class, and its batch to `batch_size`: a network takes tens of seconds to
    compile, images come in many sizes, and one program serves each size class. Neither
    changes a result. Each device runs its part of the batch, and the padding is removed
    again.

    The CRF, if there is one, refines the distributions between the network and the
    readout. It runs on the host, window by window, and sees no padding.

    Args:
      step: of one device.
      batch_size: the most images that are given at once.
      window: height and width. (0, 0): images are not cut.
      refine: the CRF. None for none.
    """

    def __init__(
        self,
        step: Step[Result],
        batch_size: int,
        window: tuple[int, int] = (0, 0),
        refine: Refine | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.window = window
        self._refine = refine
        self._devices = jax.local_device_count()
        self._programs = _programs(step)

    def sized(self, batch_size: int, window: tuple[int, int]) -> "Runner[Result]":
        """Returns the same runner for other sizes. It shares the compiled programs."""
        other = copy.copy(self)
        other.batch_size, other.window = batch_size, window
        return other

    def __call__(
        self,
        trained: Trained,
        image: UInt8[AnyArray, "b h w 3"],
        *maps: Shaped[AnyArray, "b h w"],
    ) -> Result:
        """Runs images of one size.

        Args:
          trained: variables and temperature for the step.
          image: RGB, at most `batch_size` images.
          *maps: further inputs of the step, of the images' size.

        Returns:
          The step's result, on the host. Of windows, all its arrays must be (b, h, w).
        """
        arrays = [np.asarray(array) for array in (image, *maps)]
        mosaic = self.cut(arrays[0].shape[1:3])
        if mosaic is None:
            return self._run_window(trained, *arrays)
        for window in mosaic.windows:
            parts = [array[:, *window] for array in arrays]
            mosaic.add(window, self._run_window(trained, *parts))
        return mosaic.whole

    def cut(self, size: tuple[int, ...]) -> Mosaic | None:
        """Cuts a size into windows. Returns None if it is a single window."""
        side = min(self.window[0], size[0]), min(self.window[1], size[1])
        return None if side in (size, (0, 0)) else Mosaic(size, side)

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

    def _run_window(
        self, trained: Trained, image: np.ndarray, *maps: np.ndarray
    ) -> Result:
        shape = image.shape[:3]
        extent = np.array(shape[1:], np.int32)
        if self._refine is None:
            found = self._programs.run(trained, extent, self.shard(image, *maps))
            return self.undo(found, shape)
        found = self._programs.run_network(trained, extent, self.shard(image))
        own, calibrated = self.undo(found, shape)
        refined = np.asarray(self._refine(calibrated, image))
        return self.undo(self._programs.read(self.shard(own, refined, *maps)), shape)


class _Programs(Generic[Result]):
    """A step compiled for all devices: as a whole, and in two parts around a CRF."""

    def __init__(self, step: Step[Result]) -> None:
        self._step = step
        self.run = on_local_devices(self._step_on_device, shared=2)
        self.run_network = on_local_devices(self._network_on_device, shared=2)
        self.read = on_local_devices(self._readout_on_device, shared=0)

    def _step_on_device(self, trained: Trained, extent: Extent, arrays: Tree) -> Result:
        return self._step(trained, *arrays, extent=extent)

    def _network_on_device(
        self, trained: Trained, extent: Extent, arrays: Tree
    ) -> tuple[Array | None, Array]:
        [image] = arrays
        own = self._step.posterior(trained.variables, image, extent)
        return own if self._step.reads_own else None, trained.calibrate(own)

    def _readout_on_device(self, arrays: Tree) -> Result:
        own, refined, *maps = arrays
        return self._step.read(Distributions(own, refined, refined), *maps)


@functools.lru_cache(maxsize=8)
def _programs(step: Step[Any]) -> _Programs[Any]:
    """Returns the same programs for equal steps, which are then traced once.

    The predictions of validation and those of the final figures share them, and so do
    predictors of one architecture.
    """
    return _Programs(step)


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
