"""The solids that streets are built from, and their surfaces.

World: metres, x to the right, y up, z along the street. The ground is y = 0. A solid
of zero size is absent: no ray enters it.
"""

import enum
from collections.abc import Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int


class Material(enum.IntEnum):
    """The material of a surface. It defines the meaning of `Surface.pattern`."""

    GROUND = 0  # pattern: paved or not, then the road's: line style, seam, tone
    PLAIN = 1
    FACADE = 2  # pattern: bay width [m], storey height [m], window share, shop or not
    ROOF = 3
    PAVING = 4
    CAR_BODY = 5
    CAR_CABIN = 6
    WHEEL = 7
    FOLIAGE = 8  # pattern: leaves per metre
    STONE = 9
    SIGN = 10


@struct.dataclass
class Surface:
    """The surface of a solid: a material, two linear RGB colours, four parameters."""

    material: Int[Array, "*n"]
    color: Float[Array, "*n 3"]
    accent: Float[Array, "*n 3"]
    pattern: Float[Array, "*n 4"]


@struct.dataclass
class Boxes:
    """Boxes that stand on a rectangle and may lean in: houses, roofs, cars, kerbs.

    Attributes:
      base: middle of the bottom face.
      half_width: half of the bottom's side across (local x).
      half_length: half of the bottom's side along (local z).
      height: from bottom to top.
      yaw: heading of local z, radians from z towards x.
      lean: metres by which the side, front (+z) and back faces come in, per metre up.
    """

    base: Float[Array, "*n 3"]
    half_width: Float[Array, "*n"]
    half_length: Float[Array, "*n"]
    height: Float[Array, "*n"]
    yaw: Float[Array, "*n"]
    lean: Float[Array, "*n 3"]
    surface: Surface


@struct.dataclass
class Cylinders:
    """Capped cylinders about any axis: poles, trunks, wheels, signs, legs."""

    center: Float[Array, "*n 3"]
    axis: Float[Array, "*n 3"]
    radius: Float[Array, "*n"]
    half_length: Float[Array, "*n"]
    surface: Surface


@struct.dataclass
class Ellipsoids:
    """Ellipsoids along the world's axes: crowns, shrubs, heads, hills."""

    center: Float[Array, "*n 3"]
    radii: Float[Array, "*n 3"]
    surface: Surface


Group = TypeVar("Group")


def join(groups: Sequence[Group]) -> Group:
    """Puts groups of one kind into one."""
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *groups)


def make_surface(
    material: Material,
    color: Float[Array, "n 3"],
    accent: Float[Array, "n 3"] | None = None,
    pattern: Float[Array, "n 4"] | None = None,
) -> Surface:
    """Covers n solids with one material. The accent is the colour unless given.

    Args:
      material: the material.
      color: linear RGB.
      accent: second colour, linear RGB, or None.
      pattern: numbers that `Material` explains, or None.

    Returns:
      The surface.
    """
    count = len(color)
    return Surface(
        material=jnp.full((count,), material, jnp.int32),
        color=color,
        accent=color if accent is None else accent,
        pattern=jnp.zeros((count, 4)) if pattern is None else pattern,
    )


def upright(
    foot: Float[Array, "n 3"],
    height: Float[Array, " n"],
    radius: Float[Array, " n"],
    surface: Surface,
) -> Cylinders:
    """Stands cylinders on their feet.

    Args:
      foot: places on the ground, metres.
      height: heights, metres.
      radius: radii, metres.
      surface: surface of the cylinders.

    Returns:
      The cylinders.
    """
    up = jnp.broadcast_to(jnp.array([0.0, 1.0, 0.0]), foot.shape)
    return Cylinders(
        center=foot.at[:, 1].add(height / 2),
        axis=up,
        radius=radius,
        half_length=height / 2,
        surface=surface,
    )
