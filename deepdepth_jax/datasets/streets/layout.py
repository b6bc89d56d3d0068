"""The plan of a street: its bend, lanes, kerbs and crossing, and places along it."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.solids import Boxes, Material, make_surface

PARKING_WIDTH_M = 2.2
KERB_HEIGHT_M = 0.13
SEGMENTS_BEFORE, SEGMENTS_AFTER = 3, 6  # of a pavement, about the crossing
BEGIN_M, END_M = -14.0, 170.0  # the street is built from behind the camera to afar
PAVING_COLORS = [[0.40, 0.38, 0.36], [0.32, 0.31, 0.31], [0.44, 0.40, 0.36]]


@struct.dataclass
class Street:
    """A street with one lane each way. Traffic keeps to the right.

    Attributes:
      curvature_per_m: of the middle line. Positive bends right.
      lane_m: width of a lane.
      kerb_m: distance of the left and the right kerb from the middle line.
      walk_m: width of the pavements.
      setback_m: from pavement to fronts.
      urban: 0 = among fields, 1 = city.
      parking: whether cars park on the left and on the right.
      crossing_m: where another street crosses.
      crossing_half_m: half of that street's width. 0 = no crossing.
    """

    curvature_per_m: Float[Array, ""]
    lane_m: Float[Array, ""]
    kerb_m: Float[Array, "2"]
    walk_m: Float[Array, ""]
    setback_m: Float[Array, ""]
    urban: Float[Array, ""]
    parking: Bool[Array, "2"]
    crossing_m: Float[Array, ""]
    crossing_half_m: Float[Array, ""]

    def place(
        self, along: Float[Array, " n"], offset: Float[Array, " n"]
    ) -> Float[Array, "n 3"]:
        """Returns ground points at distances along and to the right of the middle."""
        bend = self.curvature_per_m / 2 * along**2
        return jnp.stack([offset + bend, jnp.zeros_like(along), along], -1)

    def heading(self, along: Float[Array, " n"]) -> Float[Array, " n"]:
        """Returns the street's direction as a yaw."""
        return jnp.arctan(self.curvature_per_m * along)

    def kerb(self, side: Float[Array, " n"]) -> Float[Array, " n"]:
        """Returns the kerb's distance from the middle on side -1 (left) or 1."""
        return jnp.where(side < 0, self.kerb_m[0], self.kerb_m[1])

    def front(self, side: Float[Array, " n"]) -> Float[Array, " n"]:
        """Returns the distance of the house fronts from the middle."""
        return self.kerb(side) + self.walk_m + self.setback_m

    def is_clear(
        self, along: Float[Array, " n"], reach: float | Float[Array, " n"]
    ) -> Bool[Array, " n"]:
        """Returns where things of the given reach do not stand on the crossing."""
        beyond = jnp.abs(along - self.crossing_m) > self.crossing_half_m + reach
        return beyond | (self.crossing_half_m == 0)


def random_street(draws: Draws) -> Street:
    """Draws a plan, from a lane among gardens to a city street.

    Args:
      draws: source of random numbers.

    Returns:
      The street.
    """
    urban = draws.uniform()
    lane_m = draws.uniform((), 2.9, 3.6)
    parking = draws.chance((2,), 0.6)
    crosses = draws.chance((), 0.5)
    return Street(
        curvature_per_m=draws.uniform((), -1.0, 1.0) ** 3 / 260,
        lane_m=lane_m,
        kerb_m=lane_m + PARKING_WIDTH_M * parking + draws.uniform((), 0.2, 0.6),
        walk_m=draws.uniform((), 1.8, 3.4),
        setback_m=(1 - urban) * draws.uniform((), 2.0, 9.0),
        urban=urban,
        parking=parking,
        crossing_m=draws.uniform((), 22.0, 60.0),
        crossing_half_m=crosses * draws.uniform((), 3.5, 5.0),
    )


def pavements(draws: Draws, street: Street) -> Boxes:
    """Builds both pavements from straight pieces that follow the bend.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The boxes.
    """
    corner = jnp.where(street.crossing_half_m > 0, 1.0, 0.0)
    gap = street.crossing_half_m + corner
    before = jnp.linspace(BEGIN_M, street.crossing_m - gap, SEGMENTS_BEFORE + 1)
    after = jnp.linspace(street.crossing_m + gap, END_M, SEGMENTS_AFTER + 1)
    start = jnp.concatenate([before[:-1], after[:-1]])
    stop = jnp.concatenate([before[1:], after[1:]])
    side = jnp.repeat(jnp.array([-1.0, 1.0]), len(start))
    along = jnp.tile((start + stop) / 2, 2)
    count = len(side)
    color = jnp.broadcast_to(draws.color((), PAVING_COLORS), (count, 3))
    return Boxes(
        base=street.place(along, side * (street.kerb(side) + street.walk_m / 2)),
        half_width=jnp.broadcast_to(street.walk_m / 2, (count,)),
        half_length=jnp.tile((stop - start) / 2, 2),
        height=jnp.full((count,), KERB_HEIGHT_M),
        yaw=street.heading(along),
        lean=jnp.zeros((count, 3)),
        surface=make_surface(Material.PAVING, color),
    )
