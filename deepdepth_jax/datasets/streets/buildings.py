"""Rows of buildings along both sides of a street: walls and roofs."""

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.layout import BEGIN_M, Street
from deepdepth_jax.datasets.streets.solids import Boxes, Material, join, make_surface

LOTS = 9  # on a side
WALL_COLORS = [
    [0.62, 0.57, 0.48],  # cream
    [0.70, 0.68, 0.64],  # white
    [0.38, 0.17, 0.12],  # red brick
    [0.45, 0.26, 0.18],  # brown brick
    [0.60, 0.46, 0.28],  # ochre
    [0.45, 0.42, 0.38],  # sandstone
    [0.33, 0.34, 0.36],  # grey
    [0.55, 0.38, 0.32],  # salmon
    [0.42, 0.48, 0.50],  # pale blue
]
TILE_COLORS = [
    [0.32, 0.12, 0.08],
    [0.24, 0.13, 0.10],
    [0.12, 0.12, 0.14],
    [0.20, 0.17, 0.15],
]
TRIM_COLORS = [  # doors, and the boards above shops
    [0.22, 0.06, 0.05],
    [0.05, 0.13, 0.09],
    [0.06, 0.09, 0.20],
    [0.30, 0.29, 0.27],
    [0.35, 0.22, 0.06],
    [0.05, 0.05, 0.055],
]


@struct.dataclass
class Lots:
    """The pieces of land of one side, with the middles of their buildings."""

    ground: Float[Array, "n 3"]
    yaw: Float[Array, " n"]
    half_width: Float[Array, " n"]
    half_length: Float[Array, " n"]
    is_built: Bool[Array, " n"]


def random_buildings(draws: Draws, street: Street) -> Boxes:
    """Builds both rows, each building as a body and a top."""
    density = draws.uniform((), 0.55, 1.1)
    rows = []
    for side in (-1.0, 1.0):
        lots = _random_lots(draws, street, side, density)
        storeys = jnp.floor(1 + draws.uniform((LOTS,), 0.35, 2.0 + 4.5 * street.urban))
        body = _bodies(draws, street, lots, storeys)
        is_pitched = (storeys <= 3) & draws.chance((LOTS,), 1.1 - street.urban)
        rows += [body, _tops(draws, body, is_pitched)]
    return join(rows)


def _random_lots(
    draws: Draws, street: Street, side: float, density: Float[Array, ""]
) -> Lots:
    """Parts one side. Lots grow longer with distance, where less of them shows."""
    length = jnp.linspace(9.0, 24.0, LOTS) * draws.uniform((LOTS,), 0.8, 1.2)
    along = BEGIN_M + draws.uniform((), 0.0, 8.0) + jnp.cumsum(length) - length / 2
    gap = (1 - street.urban) * draws.uniform((LOTS,), 0.5, 6.0) + 0.02
    half_length = (length - gap) / 2
    half_width = draws.uniform((LOTS,), 4.0, 7.0)
    jitter = (1 - street.urban) * draws.uniform((LOTS,), 0.0, 1.5)
    front = street.front(jnp.full((LOTS,), side)) + jitter
    return Lots(
        ground=street.place(along, side * (front + half_width)),
        yaw=street.heading(along),
        half_width=half_width,
        half_length=half_length,
        is_built=draws.chance((LOTS,), density) & street.is_clear(along, half_length),
    )


def _bodies(
    draws: Draws, street: Street, lots: Lots, storeys: Float[Array, " n"]
) -> Boxes:
    storey = draws.uniform((LOTS,), 2.7, 3.4)
    bay = draws.uniform((LOTS,), 2.0, 3.6)
    window_share = draws.uniform((LOTS,), 0.32, 0.6)
    is_shop = draws.chance((LOTS,), 0.5 * street.urban) * 1.0
    return Boxes(
        base=lots.ground,
        half_width=lots.half_width,
        half_length=lots.half_length,
        height=(storeys * storey + 0.3) * lots.is_built,
        yaw=lots.yaw,
        lean=jnp.zeros((LOTS, 3)),
        surface=make_surface(
            Material.FACADE,
            draws.color((LOTS,), WALL_COLORS, 0.2),
            draws.color((LOTS,), TRIM_COLORS),
            jnp.stack([bay, storey, window_share, is_shop], -1),
        ),
    )


def _tops(draws: Draws, body: Boxes, is_pitched: Bool[Array, " n"]) -> Boxes:
    """Tops bodies with a gabled or hipped roof, or with a flat cornice."""
    half_width = body.half_width + jnp.where(is_pitched, 0.35, 0.15)
    half_length = body.half_length + 0.05
    ridge_is_along = draws.chance((LOTS,), 0.65)
    slope = draws.uniform((LOTS,), 0.5, 0.95)
    span = jnp.where(ridge_is_along, half_width, half_length)
    cornice = draws.uniform((LOTS,), 0.25, 0.6)
    height = jnp.where(is_pitched, jnp.minimum(slope * span, 4.5), cornice)
    hip = jnp.where(draws.chance((LOTS,), 0.3), 0.5, 0.0)
    sides = is_pitched * ridge_is_along * half_width / height
    ends = is_pitched * jnp.where(ridge_is_along, hip, 1.0) * half_length / height
    tiles = draws.color((LOTS,), TILE_COLORS)
    stone = body.surface.color * draws.uniform((LOTS, 1), 0.7, 1.15)
    return Boxes(
        base=body.base.at[:, 1].add(body.height),
        half_width=half_width,
        half_length=half_length,
        height=height * (body.height > 0),
        yaw=body.yaw,
        lean=jnp.stack([sides, ends, ends], -1),
        surface=make_surface(
            Material.ROOF,
            jnp.where(is_pitched[:, None], tiles, stone),
            body.surface.color,
        ),
    )
