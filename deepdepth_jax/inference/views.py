"""The forms of a picture that a network is shown."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.layers import Extent


@dataclasses.dataclass(frozen=True)
class Views:
    """The forms of a picture whose distributions are averaged, as probabilities.

    Attributes:
      flip: whether the mirrored picture is one.
      scales: how many times larger than the picture each is, with and without flip.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)


OWN = Views()
"""The picture as it is."""


def scaled(
    image: Float[Array, "b h w c"], extent: Extent, scale: float
) -> tuple[Float[Array, "b y x c"], Extent]:
    """Resizes pictures as `jax.image.resize` does, bilinearly and without aliasing.

    Args:
      image: pictures, which may be filled up; see `layers.Extent`.
      extent: of the pictures.
      scale: how many times larger they are to be. Their sides are rounded, and at least
        1.

    Returns:
      The resized ones, and the extent of these.
    """
    if scale == 1:
        return image, extent
    shape = image.shape[1:3]
    # The sides of all that the extent may be: on a device rounding may end otherwise.
    sides = [max(1, round(side * scale)) for side in range(max(shape) + 1)]
    new_shape = [sides[side] for side in shape]
    new_extent = None if extent is None else jnp.array(sides, jnp.int32)[extent]
    sizes = (shape, new_shape) if extent is None else (extent, new_extent)
    rows, columns = map(_weights, shape, new_shape, *sizes)
    # Full float32 also on GPUs that would round matrix products to TF32.
    exact = jax.lax.Precision.HIGHEST
    image = jnp.einsum("bhwc,Hh->bHwc", image, rows, precision=exact)
    return jnp.einsum("bhwc,Ww->bhWc", image, columns, precision=exact), new_extent


def _weights(
    places: int, new_places: int, size: Any, new_size: Any
) -> Float[Array, "n m"]:
    """Gives each new place the weights of the old ones, of a size, along an axis.

    They fall off linearly, to 0 at the distance of the next place, be it an old or a
    new one, whichever are farther apart. In whole numbers up to the one division.
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
    """Turns pictures over, left to right, within their extent."""
    if extent is None:
        return image[:, :, ::-1]
    from_right = extent[1] - 1 - jnp.arange(image.shape[2])
    return jnp.take(image, from_right, axis=2, mode="clip")
