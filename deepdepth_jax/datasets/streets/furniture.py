"""Objects and people on the pavements: lamps, road signs, pedestrians."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.layout import Street
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Ellipsoids,
    Material,
    join,
    make_surface,
    upright,
)

LAMPS, SIGNS, PEOPLE = 5, 4, 6
METAL_COLORS = [[0.28, 0.29, 0.30], [0.10, 0.12, 0.11], [0.35, 0.33, 0.30]]
SIGN_COLORS = [[0.55, 0.02, 0.02], [0.02, 0.09, 0.40], [0.60, 0.42, 0.02]]
COAT_COLORS = [
    [0.05, 0.06, 0.10],
    [0.35, 0.05, 0.05],
    [0.08, 0.15, 0.30],
    [0.45, 0.42, 0.36],
    [0.10, 0.10, 0.10],
    [0.50, 0.32, 0.06],
]
TROUSER_COLORS = [[0.05, 0.06, 0.10], [0.08, 0.12, 0.22], [0.20, 0.17, 0.13]]
SKIN_COLORS = [[0.45, 0.28, 0.20], [0.25, 0.14, 0.09], [0.55, 0.38, 0.28]]
LEG_M, CHEST_M, HEAD_M = 0.92, 1.26, 1.70  # length; heights of the middles
CHEST_RADII_M, HEAD_RADII_M = [[0.22, 0.38, 0.15]], [[0.10, 0.135, 0.115]]


def random_lamps(draws: Draws, street: Street) -> tuple[Boxes, Cylinders]:
    """Stands lamps along one kerb: heads, and posts with an arm over the road.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The solids, by kind.
    """
    side = jnp.broadcast_to(draws.sign(()), (LAMPS,))
    spacing = draws.uniform((), 18.0, 28.0)
    along = draws.uniform((), 4.0, 16.0) + spacing * jnp.arange(LAMPS)
    stands = street.is_clear(along, 0.5)
    height = jnp.where(stands, draws.uniform((), 5.5, 8.0), 0.0)
    arm = jnp.broadcast_to(draws.uniform((), 0.6, 1.8), (LAMPS,))
    foot = street.place(along, side * (street.kerb(side) + 0.45))
    top = foot.at[:, 1].add(height)
    inward = -side[:, None] * jnp.array([[1.0, 0.0, 0.0]])
    color = jnp.broadcast_to(draws.color((), METAL_COLORS), (LAMPS, 3))
    metal = make_surface(Material.PLAIN, color)
    posts = upright(foot, height, jnp.full((LAMPS,), 0.09), metal)
    arms = Cylinders(
        center=top + inward * (arm / 2)[:, None],
        axis=inward,
        radius=0.045 * stands,
        half_length=arm / 2,
        surface=metal,
    )
    heads = Boxes(
        base=(top + inward * arm[:, None]).at[:, 1].add(-0.08),
        half_width=jnp.full((LAMPS,), 0.35),
        half_length=jnp.full((LAMPS,), 0.13),
        height=0.14 * stands,
        yaw=street.heading(along),
        lean=jnp.full((LAMPS, 3), 0.3),
        surface=metal,
    )
    return heads, join([posts, arms])


def random_signs(draws: Draws, street: Street) -> Cylinders:
    """Stands road signs that face the camera: poles, and discs before them.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The cylinders.
    """
    side = draws.sign((SIGNS,))
    along = draws.uniform((SIGNS,), 8.0, 60.0)
    stands = draws.chance((SIGNS,), 0.6) & street.is_clear(along, 0.5)
    foot = street.place(along, side * (street.kerb(side) + 0.5))
    height = draws.uniform((SIGNS,), 2.4, 3.0) * stands
    metal = make_surface(Material.PLAIN, draws.color((SIGNS,), METAL_COLORS))
    poles = upright(foot, height, jnp.full((SIGNS,), 0.035), metal)
    toward = jnp.tile(jnp.array([[0.0, 0.0, -1.0]]), (SIGNS, 1))
    white = jnp.full((SIGNS, 3), 0.75)
    discs = Cylinders(
        center=foot.at[:, 1].add(height - 0.35) + 0.05 * toward,
        axis=toward,
        radius=draws.uniform((SIGNS,), 0.28, 0.36) * stands,
        half_length=jnp.full((SIGNS,), 0.012),
        surface=make_surface(Material.SIGN, draws.color((SIGNS,), SIGN_COLORS), white),
    )
    return join([poles, discs])


def random_people(draws: Draws, street: Street) -> tuple[Cylinders, Ellipsoids]:
    """Lets people walk the pavements: two legs, a chest and a head each.

    Args:
      draws: source of random numbers.
      street: plan of the street.

    Returns:
      The solids, by kind.
    """
    side = draws.sign((PEOPLE,))
    along = draws.uniform((PEOPLE,), 7.0, 45.0)
    beside = street.kerb(side) + street.walk_m * draws.uniform((PEOPLE,), 0.35, 0.85)
    stands = draws.chance((PEOPLE,), 0.55) & street.is_clear(along, 1.0)
    foot = street.place(along, side * beside).at[:, 1].add(0.13)
    size = draws.uniform((PEOPLE,), 0.9, 1.08) * stands
    stride = draws.uniform((PEOPLE,), 0.1, 0.35)
    trousers = draws.color((PEOPLE,), TROUSER_COLORS)
    legs = [_leg(foot, size, swing, trousers) for swing in (stride, -stride)]
    chest = Ellipsoids(
        center=foot.at[:, 1].add(CHEST_M * size),
        radii=size[:, None] * jnp.array(CHEST_RADII_M),
        surface=make_surface(Material.PLAIN, draws.color((PEOPLE,), COAT_COLORS, 0.25)),
    )
    head = Ellipsoids(
        center=foot.at[:, 1].add(HEAD_M * size),
        radii=size[:, None] * jnp.array(HEAD_RADII_M),
        surface=make_surface(Material.PLAIN, draws.color((PEOPLE,), SKIN_COLORS)),
    )
    return join(legs), join([chest, head])


def _leg(
    foot: Float[Array, "n 3"],
    size: Float[Array, " n"],
    swing: Float[Array, " n"],
    color: Float[Array, "n 3"],
) -> Cylinders:
    """Hangs a leg from the hip, swung along the street (tangent of the angle)."""
    axis = jnp.stack([jnp.zeros_like(swing), jnp.ones_like(swing), swing], -1)
    axis /= jnp.linalg.norm(axis, axis=-1, keepdims=True)
    hip = foot.at[:, 1].add(LEG_M * size)
    return Cylinders(
        center=hip - axis * (LEG_M / 2 * size)[:, None],
        axis=axis,
        radius=0.085 * size,
        half_length=LEG_M / 2 * size,
        surface=make_surface(Material.PLAIN, color),
    )
