"""Hulls, perforated shells and packed arrays of the wide world's solids.

World: metres, x to the right, y up, z along the road, as in `streets.solids`.
"""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.geometry import (
    Components,
    box_faces,
)
from deepdepth_jax.datasets.streets.solids import Boxes, Cylinders, Ellipsoids, Surface


def on_device(**fields: Any) -> dict[str, Any]:
    """Moves fields of a scene to the device, numbers in single precision."""
    single = {
        name: np.asarray(
            value, np.int32 if np.asarray(value).dtype.kind == "i" else np.float32
        )
        for name, value in fields.items()
    }
    return jax.device_put(single)


class Material(enum.IntEnum):
    """The material of a surface. It defines the meaning of `Surface.pattern`."""

    GROUND = 0
    PLAIN = 1  # pattern: contrast, stretch along y, gloss, 0
    FACADE = 2  # pattern: bay [m], storey [m], window share, style in [0, 1)
    ROOF = 3
    PAVING = 4
    CAR_BODY = 5  # pattern: axle's place [m], wheel radius [m], clearance [m], 0
    CAR_CABIN = 6
    WHEEL = 7
    FOLIAGE = 8  # pattern: leaf size [m], 0, 0, 0
    MASONRY = 9  # pattern: block length [m], height [m], joint [m], contrast
    SIGN = 10
    RIBBED = 11  # pattern: period [m], upright ribs or not, depth, gloss
    PANEL = 12  # pattern: size of the letters [m], seed, gloss, 0


class Holes(enum.IntEnum):
    """The pattern of holes in a surface. It defines the meaning of `Perforation`."""

    NONE = 0
    LEAVES = 1  # share: open; size: of a gap [m]
    SLATS = 2  # share: open; size: period of upright slats [m]
    MESH = 3  # share: open; size: period of a square mesh [m]


@struct.dataclass
class Perforation:
    """The holes in the surface of a solid, which is then a shell.

    A ray that passes a hole hits the far side of the shell, or passes a hole there too.
    """

    kind: Float[Array, "*n"]
    size: Float[Array, "*n"]
    share: Float[Array, "*n"]


@struct.dataclass
class Hulls:
    """Boxes with bevelled edges, for vehicles.

    Attributes:
      box: the box before bevelling.
      bevel: metres (at least 0.001): run and drop of the plane at the sides of the top,
        at its front and at its back, and the leg of that at the upright edges.
    """

    box: Boxes
    bevel: Float[Array, "*n 7"]

    @property
    def surface(self) -> Surface:
        """Material and colours of the hulls."""
        return self.box.surface


class Kind(NamedTuple):
    """A kind of solid: its name in `Solids`, and how wide a packed row of it is."""

    name: str
    width: int
    unpack: Callable[[Float[Array, " width"]], Any]


@struct.dataclass
class Solids:
    """All solids of a scene, in the order of their numbers. The ground is number 0.

    Attributes:
      boxes, hulls, cylinders, ellipsoids: one packed row for each.
      perforation: the holes in each, in the order of numbers, 0 aside.
      sphere: a bounding sphere of each: middle and radius. Radius < 0 = absent.
    """

    boxes: Float[Array, "b 10"]
    hulls: Float[Array, "h 17"]
    cylinders: Float[Array, "c 8"]
    ellipsoids: Float[Array, "e 6"]
    perforation: Perforation
    sphere: Float[Array, "n 4"]


def _blank(row: Float[Array, "*n w"]) -> Surface:
    """Stands for the surfaces, which are kept beside the rows. It is never computed."""
    shape = row.shape[:-1]
    three, four = jnp.zeros((*shape, 3)), jnp.zeros((*shape, 4))
    return Surface(jnp.zeros(shape, jnp.int32), three, three, four)


def unpack_box(row: Float[Array, "*n 10"]) -> Boxes:
    """Reads base, half width and length, height, yaw and lean."""
    return Boxes(
        base=row[..., :3],
        half_width=row[..., 3],
        half_length=row[..., 4],
        height=row[..., 5],
        yaw=row[..., 6],
        lean=row[..., 7:10],
        surface=_blank(row),
    )


def unpack_hull(row: Float[Array, "*n 17"]) -> Hulls:
    """Reads a box and its bevels."""
    return Hulls(box=unpack_box(row[..., :10]), bevel=row[..., 10:17])


def unpack_cylinder(row: Float[Array, "*n 8"]) -> Cylinders:
    """Reads centre, axis, radius and half length."""
    return Cylinders(
        center=row[..., :3],
        axis=row[..., 3:6],
        radius=row[..., 6],
        half_length=row[..., 7],
        surface=_blank(row),
    )


def unpack_ellipsoid(row: Float[Array, "*n 6"]) -> Ellipsoids:
    """Reads centre and radii."""
    return Ellipsoids(row[..., :3], row[..., 3:6], _blank(row))


KINDS = (
    Kind("boxes", 10, unpack_box),
    Kind("hulls", 17, unpack_hull),
    Kind("cylinders", 8, unpack_cylinder),
    Kind("ellipsoids", 6, unpack_ellipsoid),
)


def hull_faces(hull: Hulls) -> list[tuple[Components, Array]]:
    """Lists the faces of a hull in its own axes, as planes dot(face, x) = limit.

    Args:
      hull: the hull.

    Returns:
      The planes.
    """
    box = hull.box
    side, front, back = (box.lean[..., i] for i in range(3))
    side_run, side_drop, front_run, front_drop, back_run, back_drop, corner = (
        hull.bevel[..., i] for i in range(7)
    )
    height = box.height
    top_x = box.half_width - side * height
    top_front, top_back = (box.half_length - lean * height for lean in (front, back))
    at_side = side_drop * (top_x - side_run) + side_run * height
    at_front = front_drop * (top_front - front_run) + front_run * height
    at_back = back_drop * (top_back - back_run) + back_run * height
    at_corner = box.half_width + box.half_length - corner
    return [
        *box_faces(box),
        ((side_drop, side_run, 0.0), at_side),
        ((-side_drop, side_run, 0.0), at_side),
        ((0.0, front_run, front_drop), at_front),
        ((0.0, back_run, -back_drop), at_back),
        *(((x, 0.0, z), at_corner) for x in (1.0, -1.0) for z in (1.0, -1.0)),
    ]


def bounding_spheres(name: str, rows: Float[np.ndarray, "n w"]) -> np.ndarray:
    """Computes the middle and the radius of a sphere about each packed solid."""
    if name in ("boxes", "hulls"):
        # Faces that lean out reach farther at the top.
        out = rows[:, 5, None] * np.maximum(-rows[:, 7:10], 0)
        reach = np.c_[out[:, 0], np.maximum(out[:, 1], out[:, 2]), 0 * out[:, 0]]
        half = rows[:, [3, 4, 5]] * [1, 1, 0.5] + reach
        middle = rows[:, :3] + half[:, 2:] * [0, 1, 0]
        return np.c_[middle, np.linalg.norm(half, axis=1)]
    if name == "cylinders":
        return np.c_[rows[:, :3], np.hypot(rows[:, 6], rows[:, 7])]
    return np.c_[rows[:, :3], rows[:, 3:6].max(1)]
