"""The surface that each pixel sees, and the functions that textures are made of."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Float32, Int

from deepdepth_jax.datasets.streets.geometry import Vectors
from deepdepth_jax.datasets.streets.hits import Hits
from deepdepth_jax.types import AnyArray

Numbers = Float[Array, " n"]
Color = Float[AnyArray, "3 #n"]
Measure = Numbers | Float[Array, ""] | float  # for each pixel, or for all


@struct.dataclass
class Patch:
    """The surface that each pixel sees.

    Attributes:
      hits: position and normal.
      solid: number of the solid, which seeds its texture.
      material: a `Material`.
      color: linear RGB of the surface.
      accent: its second colour.
      pattern: four parameters, defined by `Material`.
      spread: metres that a pixel covers across its line of sight.
      stretch: metres that a pixel covers along the surface's slant.
      reach: metres that a pixel covers on level ground, along the world's axes.
    """

    hits: Hits
    solid: Int[Array, " n"]
    material: Int[Array, " n"]
    color: Vectors
    accent: Vectors
    pattern: Float[Array, "4 n"]
    spread: Numbers
    stretch: Numbers
    reach: Vectors

    @property
    def faces_side(self) -> Bool[Array, " n"]:
        """Whether each surface faces across the street rather than along it."""
        return jnp.abs(self.hits.normal[0]) > jnp.abs(self.hits.normal[2])


class Appearance(NamedTuple):
    """The result of a texture: linear RGB reflectance, and mirror-like gloss."""

    color: Vectors
    gloss: Numbers


def rgb(red: float, green: float, blue: float) -> Float32[np.ndarray, "3 1"]:
    """Makes one colour for all pixels, without a call for JAX's devices."""
    return np.array([[red], [green], [blue]], np.float32)


def mix(old: Color, new: Color, share: Numbers) -> Vectors:
    """Blends a share of a new colour into an old one."""
    return jnp.asarray(old) + (new - old) * share[None]


def within(x: Numbers, low: Measure, high: Measure, blur: Numbers) -> Numbers:
    """Returns the share in [low, high] of a pixel that covers [x - blur/2, x + blur/2].

    Edges that are drawn so do not flicker, however far away they are.
    """
    blur = jnp.maximum(blur, 1e-4)
    start = jnp.maximum(x - blur / 2, low)
    stop = jnp.minimum(x + blur / 2, high)
    return jnp.clip((stop - start) / blur, 0.0, 1.0)


def wrapped(x: Numbers, period: Measure) -> Numbers:
    """Brings x into [0, period). `jnp.mod` calls a slow function of C's on CPUs."""
    return x - period * jnp.floor(x / period)


def striped(x: Numbers, period: Measure, width: Measure, blur: Numbers) -> Numbers:
    """Returns the share of a pixel in stripes [0, width) of every period."""
    along = wrapped(x, period)
    here = within(along, 0.0, width, blur)
    next_one = within(along, period, period + width, blur)
    return jnp.where(blur < 0.7 * period, here + next_one, width / period)


def detail(strength: float, value: Numbers, size: float, blur: Numbers) -> Numbers:
    """Makes a factor about 1 of noise in [0, 1) of a grain size. 1 where unseen."""
    seen = jnp.clip(1.5 - blur / size, 0.0, 1.0)
    return 1 + strength * (value - 0.5) * seen
