"""Repeatable randomness over space, like `streets.noise` and several times as quick."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from deepdepth_jax.datasets.streets.noise import MULTIPLIERS
from deepdepth_jax.datasets.streets.patches import Numbers

Bits = UInt32[Array, " n"]
ROUNDER = 1.5 * 2**23
"""A number below 2^22 that this is added to has its nearest integer in its low bits.

Converting to integers saturates by XLA's rules, which takes many instructions.
"""


def cell_level(*position: Numbers) -> Float[Array, " n"]:
    """Gives each unit cell about the points of a lattice its own number in [0, 1)."""
    bits = jnp.zeros_like(position[0], jnp.uint32)
    for x, multiplier in zip(position, MULTIPLIERS, strict=False):
        bits = bits ^ (_nearest_integer(x) * jnp.uint32(multiplier))
    return _level(bits)


def smooth_level(*position: Numbers) -> Float[Array, " n"]:
    """Interpolates smoothly between random numbers at the points of a lattice."""
    sides, shares = [], []
    for x, multiplier in zip(position, MULTIPLIERS, strict=False):
        floor = jnp.floor(x)
        low = _nearest_integer(floor) * jnp.uint32(multiplier)
        sides.append((low, low + jnp.uint32(multiplier)))
        share = x - floor
        shares.append(share * share * (3 - 2 * share))
    return _between(jnp.zeros_like(sides[0][0]), sides, shares)


def _between(
    bits: Bits, sides: Sequence[tuple[Bits, Bits]], shares: Sequence[Numbers]
) -> Float[Array, " n"]:
    """Interpolates along one axis after the other."""
    if not sides:
        return _level(bits)
    low, high = (_between(bits ^ side, sides[1:], shares[1:]) for side in sides[0])
    return low + shares[0] * (high - low)


def _nearest_integer(x: Numbers) -> Bits:
    return jax.lax.bitcast_convert_type(x + jnp.float32(ROUNDER), jnp.uint32)


def _level(bits: Bits) -> Float[Array, " n"]:
    """Scrambles bits, and reads a number in [0, 1) from the upper ones."""
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    bits = (bits ^ (bits >> 13)) * jnp.uint32(0x9E3779B1)
    return (bits >> 8).astype(jnp.int32).astype(jnp.float32) / 2**24
