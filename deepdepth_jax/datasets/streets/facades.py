"""The walls of buildings: plaster or brick, windows, doors, shop fronts."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deepdepth_jax.datasets.streets.geometry import Vectors
from deepdepth_jax.datasets.streets.noise import cell_noise, rough_noise
from deepdepth_jax.datasets.streets.patches import (
    Appearance,
    Numbers,
    Patch,
    detail,
    mix,
    rgb,
    striped,
    within,
)

FRAME_COLOR = rgb(0.62, 0.60, 0.56)
DARK_ROOM = rgb(0.035, 0.040, 0.045)
BLIND_COLOR = rgb(0.36, 0.34, 0.29)
MORTAR_COLOR = rgb(0.42, 0.39, 0.36)
GLASS_GLOSS = 0.75


class Bay(NamedTuple):
    """Where a pixel lies in its bay of a facade, metres from the bay's corner."""

    across: Numbers
    up: Numbers
    width: Numbers
    storey: Numbers
    lot: Numbers  # a random number of the bay's own
    has_shop: Bool[Array, " n"]
    has_door: Bool[Array, " n"]


class Opening(NamedTuple):
    """The rectangle that a bay leaves open in the wall."""

    left: Numbers
    right: Numbers
    low: Numbers
    high: Numbers

    def covers(self, bay: Bay, patch: Patch, margin: float = 0.0) -> Numbers:
        """Returns the share of a pixel in the rectangle, grown by a margin."""
        left, right, low, high = self
        across = within(bay.across, left - margin, right + margin, patch.stretch)
        return across * within(bay.up, low - margin, high + margin, patch.spread)


def facade(patch: Patch) -> Appearance:
    """Paints a wall with a grid of windows. Its lowest row has doors or shops.

    Args:
      patch: the visible bits of surface.

    Returns:
      Colour and relief of each bit.
    """
    bay = _bay(patch)
    opening = _opening(bay, patch.pattern[2])
    sill = opening._replace(low=opening.low - 0.16, high=opening.low)
    has_window = ~(bay.has_shop | bay.has_door)
    frame = opening.covers(bay, patch, 0.09)
    frame = jnp.maximum(frame, sill.covers(bay, patch, 0.07) * has_window)
    inside = opening.covers(bay, patch)
    filling = mix(_room(bay, opening), FRAME_COLOR, _bars(bay, opening, patch))
    filling = jnp.where(bay.has_door[None], patch.accent, filling)
    color = mix(mix(_wall(patch), FRAME_COLOR, frame), filling, inside)
    board = within(bay.up, 2.32, 2.75, patch.spread) * bay.has_shop
    gloss = jnp.where(bay.has_door, 0.1, GLASS_GLOSS) * inside
    return Appearance(mix(color, patch.accent, board), gloss)


def _bay(patch: Patch) -> Bay:
    """Cuts a wall of any length into whole bays of about the wanted width."""
    x, up, z = patch.hits.local
    half_width, _, half_length = patch.hits.extent
    half = jnp.where(patch.faces_side, half_length, half_width)
    along = jnp.where(patch.faces_side, z, x) + half
    wanted, storey, _, shop = patch.pattern
    width = 2 * half / jnp.maximum(jnp.round(2 * half / wanted), 1.0)
    column, row = jnp.floor(along / width), jnp.floor(up / storey)
    lot = cell_noise(column.astype(jnp.int32), row.astype(jnp.int32), patch.solid)
    has_shop = (shop > 0.5) & (row < 0.5)
    return Bay(
        across=along - column * width,
        up=up - row * storey,
        width=width,
        storey=storey,
        lot=lot,
        has_shop=has_shop,
        has_door=~has_shop & (row < 0.5) & (lot < 0.28),
    )


def _opening(bay: Bay, window_share: Numbers) -> Opening:
    """Sizes a bay's window, door or shop window."""
    half = jnp.where(bay.has_door, 0.5, bay.width * window_share / 2)
    half = jnp.where(bay.has_shop, bay.width / 2 - 0.12, half)
    low = jnp.where(bay.has_door, 0.0, 0.28 * bay.storey)
    is_tall = bay.has_shop | bay.has_door
    return Opening(
        left=bay.width / 2 - half,
        right=bay.width / 2 + half,
        low=jnp.where(bay.has_shop, 0.45, low),
        high=jnp.where(is_tall, 2.25, 0.80 * bay.storey),
    )


def _bars(bay: Bay, opening: Opening, patch: Patch) -> Numbers:
    """Crosses a window with a mullion and a transom. A shop's has no transom."""
    middle = (opening.left + opening.right) / 2
    mullion = within(bay.across, middle - 0.03, middle + 0.03, patch.stretch)
    transom = within(bay.up, opening.high - 0.62, opening.high - 0.55, patch.spread)
    return jnp.where(bay.has_shop, 0.0, jnp.maximum(mullion, transom))


def _room(bay: Bay, opening: Opening) -> Vectors:
    """Shows a dark room, or a blind that is partly down."""
    level = (bay.up - opening.low) / (opening.high - opening.low)
    drawn_to = 1.7 * (1 - bay.lot) / 0.38 - 0.6
    is_blind = (bay.lot > 0.62) & (level > drawn_to)
    return jnp.where(is_blind[None], BLIND_COLOR, DARK_ROOM)


def _wall(patch: Patch) -> Float[Array, "3 n"]:
    """Lays bricks or spreads plaster, stained towards the ground."""
    x, up, z = patch.hits.local
    along = x + z
    is_brick = (patch.color[0] > 1.8 * patch.color[2]) & (patch.color[0] < 0.5)
    mortar = striped(up, 0.085, 0.014, patch.spread) * is_brick
    stains = 0.86 + 0.28 * rough_noise(2, along * 0.45, up * 0.3 + patch.solid * 3.7)
    grain = detail(0.16, rough_noise(2, along * 6, up * 9), 0.15, patch.stretch)
    splashes = 0.8 + 0.2 * jnp.clip(up / 0.7, 0.0, 1.0)
    course = striped(up, patch.pattern[1], 0.14, patch.spread)
    tone = stains * grain * splashes * (1 + 0.18 * course)
    return mix(patch.color * tone[None], MORTAR_COLOR, 0.55 * mortar)
