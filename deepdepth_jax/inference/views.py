"""The views of an image that the network sees: scaled and mirrored."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.layers import Extent, resample


@dataclasses.dataclass(frozen=True)
class Views:
    """The views of an image whose distributions are averaged, as probabilities.

    Attributes:
      flip: whether the mirrored image is a view too, at each scale.
      scales: by which factors the image is enlarged.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)


OWN = Views()
"""The image as it is."""


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
