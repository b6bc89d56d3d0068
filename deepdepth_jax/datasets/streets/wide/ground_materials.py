"""Textures of the wide world's ground: asphalt, cobbles, grass, crops."""

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
from deepdepth_jax.datasets.streets.wide.value_noise import cell_level, smooth_level

STEEL_COLOR, SLEEPER_COLOR = rgb(0.32, 0.27, 0.23), rgb(0.11, 0.09, 0.075)
GAUGE_M, SLEEPER_M = 1.435, 0.62


class GroundMaterial(enum.IntEnum):
    """The material of a strip of ground."""

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
class GroundPatch:
    """The ground that each pixel sees, as input of the textures."""

    patch: Patch
    across: Numbers
    inside: Numbers  # offset from the strip's middle
    along: Numbers
    tone: Numbers  # noise at every scale, about 0
    age: Float[Array, ""]
    color: Any


def _asphalt(ground: GroundPatch) -> Any:
    """Grit, wheel tracks, mended pieces and cracks."""
    x, z = ground.across, ground.along
    mended = cell_level((x + 31.7) / 2.9, z / 7.3) < 0.16 * ground.age
    tracks = 0.10 * smooth_level(x * 1.1, z * 0.05)
    crack = jnp.abs(smooth_level(x * 0.5 + 3, z * 0.35) - 0.5)
    seen = jnp.clip(0.06 / ground.patch.stretch, 0.0, 1.0)
    cracked = (crack < 0.012) * 0.5 * ground.age * seen
    stains = 0.5 * (smooth_level(x * 0.21, z * 0.11) - 0.5)
    tone = jnp.exp((0.28 + 0.3 * ground.age) * ground.tone + stains)
    return (tone * (1 - cracked) * (1 - tracks) * jnp.where(mended, 0.72, 1.0))[None]


def _concrete(ground: GroundPatch) -> Any:
    joints = _joints(ground, 4.0, 5.0, 0.03)
    return (jnp.exp(0.3 * ground.tone) * (1 - 0.5 * joints))[None]


def _slabs(ground: GroundPatch) -> Any:
    return (jnp.exp(0.35 * ground.tone) * _blocks(ground, 0.5, 0.5, 0.5))[None]


def _cobbles(ground: GroundPatch) -> Any:
    return (jnp.exp(0.45 * ground.tone) * _blocks(ground, 0.2, 0.13, 0.9))[None]


def _blocks(
    ground: GroundPatch, width: float, length: float, strength: float
) -> Numbers:
    """Varies blocks and darkens the gaps between them."""
    x, z = ground.across, ground.along
    column = jnp.floor(x / width)
    z = z + 0.5 * length * (column - 2 * jnp.floor(column / 2))
    row = jnp.floor(z / length)
    tone = cell_level(column, row) - 0.5
    seen = jnp.clip(1.5 - ground.patch.stretch / length, 0.0, 1.0)
    joints = _joints(ground, width, length, 0.12 * width)
    return (1 + strength * tone * seen) * (1 - 0.55 * joints)


def _joints(ground: GroundPatch, width: float, length: float, joint: float) -> Numbers:
    blur_x, _, blur_z = ground.patch.reach
    joints = striped(ground.across, width, joint, blur_x)
    return jnp.minimum(joints + striped(ground.along, length, joint, blur_z), 1.0)


def _gravel(ground: GroundPatch) -> Any:
    return jnp.exp(0.75 * ground.tone)[None]


def _grass(ground: GroundPatch) -> Any:
    """Blades, and patches that are dry."""
    dry = smooth_level(ground.across * 0.3, ground.along * 0.3 + 9)
    tint = mix(rgb(1.0, 1.0, 1.0), rgb(1.7, 1.25, 0.9), dry**2)
    return tint * jnp.exp(0.9 * ground.tone)[None]


def _leaves(ground: GroundPatch) -> Any:
    """Leaves of their own colours on darker earth."""
    x, z = ground.across, ground.along
    leaf = cell_level(*(v / 0.11 + 0.6 * ground.tone for v in (x, z)))
    seen = jnp.clip(1.6 - ground.patch.stretch / 0.15, 0.15, 1.0)
    tint = mix(rgb(0.6, 0.6, 0.6), rgb(1.8, 1.35, 0.8), leaf * seen)
    return tint * jnp.exp(0.6 * ground.tone)[None]


def _ballast(ground: GroundPatch) -> Any:
    """Stones, sleepers and two rails."""
    blur_x, _, blur_z = ground.patch.reach
    from_middle = jnp.abs(ground.inside)
    sleepers = striped(ground.along, SLEEPER_M, 0.26, blur_z)
    sleepers *= within(from_middle, -1.0, 1.25, blur_x)
    rails = within(jnp.abs(from_middle - GAUGE_M / 2), -1.0, 0.04, blur_x)
    color = jnp.exp(0.9 * ground.tone)[None] * jnp.ones((3, 1))
    color = mix(color, SLEEPER_COLOR / ground.color, 0.8 * sleepers)
    return mix(color, STEEL_COLOR / ground.color, rails)


def _crops(ground: GroundPatch) -> Any:
    rows = striped(ground.across, 0.75, 0.4, ground.patch.reach[0])
    return ((0.6 + 0.7 * rows) * jnp.exp(0.8 * ground.tone))[None]


PAINTERS: Mapping[GroundMaterial, Callable[[GroundPatch], Any]] = MappingProxyType(
    {
        GroundMaterial.ASPHALT: _asphalt,
        GroundMaterial.CONCRETE: _concrete,
        GroundMaterial.COBBLES: _cobbles,
        GroundMaterial.SLABS: _slabs,
        GroundMaterial.GRAVEL: _gravel,
        GroundMaterial.GRASS: _grass,
        GroundMaterial.LEAVES: _leaves,
        GroundMaterial.BALLAST: _ballast,
        GroundMaterial.CROPS: _crops,
    }
)
