"""Texture at every scale: noise whose octaves follow the size of a pixel."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.patches import Numbers, Patch
from deepdepth_jax.datasets.streets.wide.value_noise import smooth_level

FINEST, COARSEST = 9.0, -4.0  # log2 of cycles per metre


def fractal(
    position: Any, pixel_m: Numbers, octaves: int = 4, seed: Any = 0.0
) -> Float[Array, " n"]:
    """Sums noise of the finest octaves that pixels of this size can show.

    Zoomed in or out, a surface has about as much detail at the scale of the pixels, as
    real ones have. Octaves fade in and out as the size changes.

    Args:
      position: coordinates in metres, two or three.
      pixel_m: metres that a pixel covers.
      octaves: how many.
      seed: shifts the lattice.

    Returns:
      About 0, mostly within -1 and 1.
    """
    level = jnp.clip(-jnp.log2(jnp.maximum(pixel_m, 1e-4)) - 1, COARSEST, FINEST)
    finest = jnp.floor(level)
    fade = level - finest
    total = jnp.zeros_like(pixel_m)
    for k in range(octaves):
        octave = finest - k
        shift = 37.7 * octave + seed
        noise = smooth_level(*(x * jnp.exp2(octave) + shift for x in position)) - 0.5
        weight = fade if k == 0 else (1 - fade if k == octaves - 1 else 1.0)
        total += weight * noise
    return total * 1.4


def worn(patch: Patch, contrast: Any, stretch: Any = 1.0) -> Float[Array, " n"]:
    """Computes a factor about 1 that varies at every scale, longer along y or not."""
    x, y, z = patch.hits.point
    seed = 7.31 * (patch.solid % 64)
    return jnp.exp(contrast * fractal((x, y * stretch, z), patch.spread, seed=seed))


def blotches(patch: Patch, per_m: float, seed: float = 0.0) -> Float[Array, " n"]:
    """Computes smooth noise in [0, 1) of one scale over the world."""
    return smooth_level(*(v * per_m + seed for v in patch.hits.point))
