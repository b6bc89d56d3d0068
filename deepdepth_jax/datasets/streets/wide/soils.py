"""How each soil of the wide world looks."""

import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.patches import (
    Numbers,
    Patch,
    mix,
    rgb,
    striped,
    within,
)
from deepdepth_jax.datasets.streets.wide.lattice import cell_level, smooth_level

STEEL_COLOR, SLEEPER_COLOR = rgb(0.32, 0.27, 0.23), rgb(0.11, 0.09, 0.075)
GAUGE_M, SLEEPER_M = 1.435, 0.62


class Soil(enum.IntEnum):
    """What a strip of ground is."""

    ASPHALT = 0
    CONCRETE = 1  # slabs of several metres
    COBBLES = 2
    SLABS = 3
    GRAVEL = 4  # and earth, sand
    GRASS = 5
    LEAVES = 6  # litter on earth
    BALLAST = 7  # with a track of rails in the middle of the strip
    CROPS = 8  # rows along the road


@struct.dataclass
class Laid:
    """Bits of ground, as the painters of soils need them."""

    patch: Patch
    across: Numbers
    inside: Numbers  # offset from the strip's middle
    along: Numbers
    tone: Numbers  # noise at every scale, about 0
    age: Float[Array, ""]
    color: Any


def _asphalt(laid: Laid) -> Any:
    """Grit, wheel tracks, mended pieces and cracks."""
    x, z = laid.across, laid.along
    mended = cell_level((x + 31.7) / 2.9, z / 7.3) < 0.16 * laid.age
    tracks = 0.10 * smooth_level(x * 1.1, z * 0.05)
    crack = jnp.abs(smooth_level(x * 0.5 + 3, z * 0.35) - 0.5)
    seen = jnp.clip(0.06 / laid.patch.stretch, 0.0, 1.0)
    cracked = (crack < 0.012) * 0.5 * laid.age * seen
    stains = 0.5 * (smooth_level(x * 0.21, z * 0.11) - 0.5)
    tone = jnp.exp((0.28 + 0.3 * laid.age) * laid.tone + stains)
    return (tone * (1 - cracked) * (1 - tracks) * jnp.where(mended, 0.72, 1.0))[None]


def _concrete(laid: Laid) -> Any:
    joints = _joints(laid, 4.0, 5.0, 0.03)
    return (jnp.exp(0.3 * laid.tone) * (1 - 0.5 * joints))[None]


def _slabs(laid: Laid) -> Any:
    return (jnp.exp(0.35 * laid.tone) * _blocks(laid, 0.5, 0.5, 0.5))[None]


def _cobbles(laid: Laid) -> Any:
    return (jnp.exp(0.45 * laid.tone) * _blocks(laid, 0.2, 0.13, 0.9))[None]


def _blocks(laid: Laid, width: float, length: float, strength: float) -> Numbers:
    """Varies blocks and darkens the gaps between them."""
    x, z = laid.across, laid.along
    column = jnp.floor(x / width)
    z = z + 0.5 * length * (column - 2 * jnp.floor(column / 2))
    row = jnp.floor(z / length)
    tone = cell_level(column, row) - 0.5
    seen = jnp.clip(1.5 - laid.patch.stretch / length, 0.0, 1.0)
    joints = _joints(laid, width, length, 0.12 * width)
    return (1 + strength * tone * seen) * (1 - 0.55 * joints)


def _joints(laid: Laid, width: float, length: float, joint: float) -> Numbers:
    blur_x, _, blur_z = laid.patch.reach
    joints = striped(laid.across, width, joint, blur_x)
    return jnp.minimum(joints + striped(laid.along, length, joint, blur_z), 1.0)


def _gravel(laid: Laid) -> Any:
    return jnp.exp(0.75 * laid.tone)[None]


def _grass(laid: Laid) -> Any:
    """Blades, and patches that are dry."""
    dry = smooth_level(laid.across * 0.3, laid.along * 0.3 + 9)
    tint = mix(rgb(1.0, 1.0, 1.0), rgb(1.7, 1.25, 0.9), dry**2)
    return tint * jnp.exp(0.9 * laid.tone)[None]


def _leaves(laid: Laid) -> Any:
    """Leaves of their own colours on darker earth."""
    x, z = laid.across, laid.along
    leaf = cell_level(*(v / 0.11 + 0.6 * laid.tone for v in (x, z)))
    seen = jnp.clip(1.6 - laid.patch.stretch / 0.15, 0.15, 1.0)
    tint = mix(rgb(0.6, 0.6, 0.6), rgb(1.8, 1.35, 0.8), leaf * seen)
    return tint * jnp.exp(0.6 * laid.tone)[None]


def _ballast(laid: Laid) -> Any:
    """Stones, sleepers and two rails."""
    blur_x, _, blur_z = laid.patch.reach
    from_middle = jnp.abs(laid.inside)
    sleepers = striped(laid.along, SLEEPER_M, 0.26, blur_z)
    sleepers *= within(from_middle, -1.0, 1.25, blur_x)
    rails = within(jnp.abs(from_middle - GAUGE_M / 2), -1.0, 0.04, blur_x)
    color = jnp.exp(0.9 * laid.tone)[None] * jnp.ones((3, 1))
    color = mix(color, SLEEPER_COLOR / laid.color, 0.8 * sleepers)
    return mix(color, STEEL_COLOR / laid.color, rails)


def _crops(laid: Laid) -> Any:
    rows = striped(laid.across, 0.75, 0.4, laid.patch.reach[0])
    return ((0.6 + 0.7 * rows) * jnp.exp(0.8 * laid.tone))[None]


PAINTERS: Mapping[Soil, Callable[[Laid], Any]] = MappingProxyType(
    {
        Soil.ASPHALT: _asphalt,
        Soil.CONCRETE: _concrete,
        Soil.COBBLES: _cobbles,
        Soil.SLABS: _slabs,
        Soil.GRAVEL: _gravel,
        Soil.GRASS: _grass,
        Soil.LEAVES: _leaves,
        Soil.BALLAST: _ballast,
        Soil.CROPS: _crops,
    }
)
