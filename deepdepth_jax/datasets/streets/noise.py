"""Repeatable randomness over space, for textures: hashed lattices and value noise."""

import itertools

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

MULTIPLIERS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)  # odd: one to one


def _scramble(bits: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
    """Lets every bit reach every other one."""
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def cell_noise(*cell: Int[Array, " n"]) -> Float[Array, " n"]:
    """Returns each cell of an integer lattice its own number in [0, 1)."""
    bits = jnp.zeros_like(cell[0], jnp.uint32)
    for index, multiplier in zip(cell, MULTIPLIERS, strict=False):
        bits = bits ^ (index.astype(jnp.uint32) * jnp.uint32(multiplier))
        bits = bits * jnp.uint32(5) + jnp.uint32(0xE6546B64)
    return (_scramble(bits) >> 8).astype(jnp.float32) / 2**24


def smooth_noise(*position: Float[Array, " n"]) -> Float[Array, " n"]:
    """Interpolates cell noise smoothly between the lattice's points. Mean one half.

    Args:
      *position: coordinates, in units of the lattice.

    Returns:
      Noise in [0, 1).
    """
    cell = [jnp.floor(x).astype(jnp.int32) for x in position]
    share = [x - jnp.floor(x) for x in position]
    share = [s * s * (3 - 2 * s) for s in share]
    total = jnp.zeros_like(position[0])
    for corner in itertools.product((0, 1), repeat=len(position)):
        weight = jnp.ones_like(position[0])
        for step, s in zip(corner, share, strict=True):
            weight = weight * (s if step else 1 - s)
        value = cell_noise(*(c + step for c, step in zip(cell, corner, strict=True)))
        total = total + weight * value
    return total


def rough_noise(octaves: int, *position: Float[Array, " n"]) -> Float[Array, " n"]:
    """Adds smooth noise of doubling frequency and halving strength. In [0, 1)."""
    total, strength = jnp.zeros_like(position[0]), 0.5
    for octave in range(octaves):
        frequency, shift = 2.03**octave, 17.3 * octave
        total += strength * smooth_noise(*(x * frequency + shift for x in position))
        strength /= 2
    return total / (1 - 0.5**octaves)
