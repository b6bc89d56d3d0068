"""Pictures of many sizes through few compiled programs."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Shaped

from deepdepth_jax.runtime.parallel import in_batches_on_all_devices
from deepdepth_jax.types import Tree

GRAIN_PX = 32
"""Sides go up to a multiple of it, or to two less."""


def filled_side(side: int) -> int:
    """Gives the side that a picture's side is filled up to.

    A side of 32 n has 4 n + 1 features at output stride 8, as the pooling rounds up.
    Two pixels less have one feature less: 375 x 1242, filled up to 382 x 1246, keeps
    its 48 x 156.
    """
    multiple = -(-side // GRAIN_PX) * GRAIN_PX
    return multiple if side > multiple - 2 else multiple - 2


def in_size_classes(step: Callable[..., Tree], batch_size: int) -> Callable[..., Tree]:
    """Compiles a function of pictures once for each class of sizes, on all devices.

    Pictures are filled up to the size of their class, which changes nothing: a network
    takes tens of seconds to compile, and pictures come in many sizes.

    Args:
      step: of one device: from a tree that all share, arrays (b, h, w, ...) and, by
        name, their `extent` (see `layers.Extent`) to a tree of arrays (b, ...). Those
        of three axes and more are of the pictures' size.
      batch_size: see `in_batches_on_all_devices`.

    Returns:
      The same without `extent`.
    """

    def on_device(shared: Tree, *arrays: jax.Array) -> Tree:
        own, extent = shared
        return step(own, *arrays, extent=extent)

    run = in_batches_on_all_devices(on_device, batch_size)

    def run_filled(shared: Tree, *arrays: np.ndarray) -> Tree:
        height, width = arrays[0].shape[1:3]
        extent = np.array((height, width), np.int32)
        found = run((shared, extent), *map(_filled, arrays))
        return jax.tree.map(lambda x: x[:, :height, :width] if x.ndim > 2 else x, found)

    return run_filled


def _filled(array: Shaped[np.ndarray, "b h w ..."]) -> Shaped[np.ndarray, "b y x ..."]:
    filling = [(0, filled_side(side) - side) for side in array.shape[1:3]]
    sides = [(0, 0), *filling, *[(0, 0)] * (array.ndim - 3)]
    return np.pad(array, sides)
