"""Resampling: features and images resized and mirrored, as weighted sums."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from deepdepth_jax.models.layers import Extent
from deepdepth_jax.types import AnyArray


def resize_bilinear(
    x: Float[Array, "b h w c"], size: tuple[int, int]
) -> Float[Array, "b h2 w2 c"]:
    """Resizes bilinearly with the corners aligned (torch's `align_corners=True`).

    Written as one matrix per axis: forward and gradient are then matrix products.
    `jax.image.resize` aligns pixel edges instead, which is another function.
    """
    rows = interpolation_matrix(x.shape[1], size[0])
    columns = interpolation_matrix(x.shape[2], size[1])
    return resample(x, rows, columns)


def resample(
    x: Float[Array, "b h w c"],
    rows: Float[AnyArray, "h2 h"],
    columns: Float[AnyArray, "w2 w"],
) -> Float[Array, "b h2 w2 c"]:
    """Computes each new row and each new column as a weighted sum of the old ones."""
    # Full float32 also on GPUs that would round matrix products to TF32.
    exact = jax.lax.Precision.HIGHEST
    x = jnp.einsum("bhwc,Hh->bHwc", x, rows, precision=exact)
    return jnp.einsum("bhwc,Ww->bhWc", x, columns, precision=exact)


def interpolation_matrix(size: int, new_size: int) -> Float[np.ndarray, "n m"]:
    """Computes the weights of all old places in each new one, for `resample`.

    Args:
      size: the number of old places.
      new_size: the number of new ones. The first places coincide, and the last ones.
    """
    at = np.linspace(0, size - 1, new_size)[:, None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(size)[None, :]))
    return weights.astype(np.float32)


def bilinear_taps(
    at: Int[AnyArray, "*n"], size: Any, new_size: Any
) -> tuple[tuple[Int[Array, "*n"], Float[Array, "*n"]], ...]:
    """Computes the nonzero entries of some rows of `interpolation_matrix`.

    The arithmetic is in integers up to the one division, so that places and sizes need
    not be known before the program runs.

    Args:
      at: the new places whose rows are computed.
      size: the number of old places.
      new_size: the number of new ones.

    Returns:
      The old place before each new one with its weight, and the old place behind it
      with its weight.
    """
    steps = jnp.maximum(new_size - 1, 1)
    before = jnp.clip(at * (size - 1) // steps, 0, jnp.maximum(size - 2, 0))
    share = (at * (size - 1) - before * steps) / steps.astype(jnp.float32)
    return (before, 1 - share), (jnp.minimum(before + 1, size - 1), share)


def resize_bilinear_at(
    x: Float[Array, "..."], axis: int, at: Int[Array, " n"], size: Any, new_size: Any
) -> Float[Array, "..."]:
    """Computes some of the new places of `resize_bilinear`, along one axis.

    Args:
      x: an array whose first `size` places along the axis are resized.
      axis: the axis.
      at: the new places that are computed.
      size: the number of old places.
      new_size: the number of new ones.
    """
    shape = [-1 if each == axis else 1 for each in range(x.ndim)]
    first, second = (
        jnp.take(x, old, axis, mode="clip") * weight.reshape(shape)
        for old, weight in bilinear_taps(at, size, new_size)
    )
    return first + second


def scaled(
    image: Float[Array, "b h w c"], extent: Extent, scale: float
) -> tuple[Float[Array, "b y x c"], Extent]:
    """Resizes images as `jax.image.resize` does, bilinearly and without aliasing.

    Args:
      image: images, which may be padded. See `layers.Extent`.
      extent: of the images.
      scale: the factor that their sides are multiplied by. The new sides are rounded,
        and at least 1.

    Returns:
      The resized images and their extent.
    """
    shape = image.shape[1:3]
    sides = _scaled_sides(shape, scale)
    new_shape = [sides[side] for side in shape]
    new_extent = scaled_extent(shape, extent, scale)
    sizes = (shape, new_shape) if extent is None else (extent, new_extent)
    rows, columns = map(_weights, shape, new_shape, *sizes)
    return resample(image, rows, columns), new_extent


def scaled_extent(shape: tuple[Any, ...], extent: Extent, scale: float) -> Extent:
    """Returns the extent of images of a height and width after `scaled`."""
    if extent is None or scale == 1:
        return extent
    return jnp.array(_scaled_sides(shape, scale), jnp.int32)[extent]


def _scaled_sides(shape: tuple[int, ...], scale: float) -> list[int]:
    """Lists the side after `scaled` of each side that the extent may have.

    They are rounded here, as a device may round otherwise.
    """
    return [max(1, round(side * scale)) for side in range(max(shape) + 1)]


def _weights(
    places: int, new_places: int, size: Any, new_size: Any
) -> Float[Array, "n m"]:
    """Computes the weights of the old places in each new one, along an axis.

    They fall off linearly, to 0 at the distance of the next place, old or new,
    whichever are farther apart. The arithmetic is in integers up to the one division.

    Args:
      places: length of the array along the axis.
      new_places: that of the resized one.
      size: how many of the places belong to the image.
      new_size: how many of the new ones do.
    """
    old = 2 * jnp.arange(places)[None, :] + 1
    new = 2 * jnp.arange(new_places)[:, None] + 1
    apart = jnp.abs(new * size - old * new_size)
    reach = 2 * jnp.maximum(size, new_size).astype(jnp.float32)
    weights = jnp.where(old < 2 * size, jnp.maximum(0, 1 - apart / reach), 0)
    # A place beyond the new size may have no old ones near it.
    least = jnp.finfo(weights.dtype).tiny
    return weights / jnp.maximum(jnp.sum(weights, axis=1, keepdims=True), least)


def mirrored(image: Float[Array, "b h w c"], extent: Extent) -> Float[Array, "b h w c"]:
    """Mirrors images, left to right, within their extent."""
    if extent is None:
        return image[:, :, ::-1]
    from_right = extent[1] - 1 - jnp.arange(image.shape[2])
    return jnp.take(image, from_right, axis=2, mode="clip")
