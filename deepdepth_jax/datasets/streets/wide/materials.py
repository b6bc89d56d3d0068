"""What the surfaces of the wide world look like before any light falls on them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from deepdepth_jax.datasets.streets.coachwork import cabin, car_body, wheel
from deepdepth_jax.datasets.streets.facades import facade
from deepdepth_jax.datasets.streets.noise import cell_noise
from deepdepth_jax.datasets.streets.patches import (
    Look,
    Patch,
    detail,
    mix,
    rgb,
    striped,
    wrapped,
)
from deepdepth_jax.datasets.streets.textures import paving, roof, sign
from deepdepth_jax.datasets.streets.wide.brushes import blotches, fractal, worn
from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.lattice import cell_level
from deepdepth_jax.datasets.streets.wide.soil import Ground, ground
from deepdepth_jax.datasets.streets.wide.solids import Stuff


def look_of(patch: Patch, soil: Ground, course: Course) -> Look:
    """Paints every bit of surface with the texture of its material.

    Args:
      patch: the visible bits of surface.
      soil: strips of the ground.
      course: course of the road and height of the land.

    Returns:
      Colour and relief of each bit.
    """
    look = Look(patch.color, jnp.zeros_like(patch.spread))
    for stuff, paint in (PAINTERS | {Stuff.GROUND: None}).items():
        here = patch.material == stuff

        def painted(old: Look, paint: Any = paint, here: Any = here) -> Look:
            color, gloss = paint(patch) if paint else ground(patch, soil, course)
            return Look(
                jnp.where(here[None], color, old.color),
                jnp.where(here, gloss, old.gloss),
            )

        look = jax.lax.cond(jnp.any(here), painted, lambda old: old, look)
    return look


def plain(patch: Patch) -> Look:
    """Covers evenly but for wear: concrete, cloth, bark, metal."""
    contrast, stretch, gloss, _ = patch.pattern
    broad = 0.7 * contrast * (blotches(patch, 0.9) - 0.5)
    tone = worn(patch, contrast, stretch) * jnp.exp(broad)
    return Look(patch.color * tone[None], gloss)


def _house(patch: Patch) -> Look:
    """Dirties a facade, and leaves some walls without windows."""
    look = facade(patch)
    is_blank = (patch.pattern[3] > 0.25) & (patch.pattern[3] < 0.5)
    bare = is_blank & ~patch.faces_side
    color = jnp.where(bare[None], patch.color, look.color)
    tone = worn(patch, 0.22) * jnp.exp(0.35 * (blotches(patch, 0.35) - 0.5))
    return Look(color * tone[None], jnp.where(bare, 0.0, look.gloss))


def _tiled(patch: Patch) -> Look:
    look = roof(patch)
    return Look(look.color * worn(patch, 0.3)[None], look.gloss)


def _paved(patch: Patch) -> Look:
    look = paving(patch)
    return Look(look.color * worn(patch, 0.35)[None], look.gloss)


def _painted_metal(patch: Patch) -> Look:
    look = car_body(patch)
    return Look(look.color * worn(patch, 0.08)[None], look.gloss)


def _cabin(patch: Patch) -> Look:
    """Shows seats and the far windows through the glass, darkly."""
    look = cabin(patch)
    inside = jnp.exp(1.1 * fractal(patch.hits.local, 0 * patch.spread + 0.12, 2))
    is_glass = jnp.mean(look.color, 0) < 0.03
    color = jnp.where(is_glass[None], look.color * inside[None], look.color)
    return Look(color, jnp.where(is_glass, 0.8 * look.gloss, look.gloss))


def _foliage(patch: Patch) -> Look:
    """Grows leaves of many shades, with gaps of all sizes between them."""
    size = patch.pattern[0]
    point = patch.hits.point
    leaf = detail(1.3, cell_level(*(v / size for v in point)), 2.0, patch.spread / size)
    clumps = jnp.exp(1.3 * (blotches(patch, 1.4) - 0.5))
    tone = jnp.exp(0.75 * fractal(point, patch.spread, 3)) * clumps
    hue = blotches(patch, 0.8, 11.0) * leaf
    tint = mix(rgb(0.9, 1.0, 0.95), rgb(1.2, 1.08, 0.85), hue)
    color = mix(patch.color, patch.accent, jnp.clip(1.6 * hue - 0.5, 0.0, 1.0))
    return Look(color * tint * (tone * leaf)[None], jnp.zeros_like(size))


def _masonry(patch: Patch) -> Look:
    """Lays blocks or bricks in courses that are shifted against each other."""
    length, height, joint, contrast = patch.pattern
    x, y, z = patch.hits.local
    along = jnp.where(patch.faces_side, z, x)
    course = jnp.floor(y / height)
    along = along + 0.5 * length * wrapped(course, 2.0)
    block = jnp.floor(along / length)
    tone = cell_noise(block.astype(jnp.int32), course.astype(jnp.int32), patch.solid)
    seen = jnp.clip(1.5 - patch.stretch / length, 0.0, 1.0)
    joints = striped(y, height, joint, patch.spread)
    joints += striped(along, length, joint, patch.stretch)
    color = patch.color * (1 + contrast * (tone - 0.5) * seen)[None]
    color = mix(color, patch.accent, 0.8 * jnp.minimum(joints, 1.0))
    stains = jnp.exp(0.5 * (blotches(patch, 0.5) - 0.5))
    return Look(color * (worn(patch, 0.3) * stains)[None], jnp.zeros_like(y))


def _ribbed(patch: Patch) -> Look:
    """Bends sheets or sets boards: containers, garage doors, wooden fences."""
    period, is_upright, depth, gloss = patch.pattern
    x, y, z = patch.hits.local
    along = jnp.where(is_upright > 0.5, jnp.where(patch.faces_side, z, x), y)
    blur = jnp.where(is_upright > 0.5, patch.stretch, patch.spread)
    dark = striped(along, period, 0.3 * period, blur)
    board = cell_noise(jnp.floor(along / period).astype(jnp.int32), patch.solid)
    tone = (1 - depth * dark) * detail(0.5, board, 1.0, blur / period)
    return Look(patch.color * (tone * worn(patch, 0.25))[None], gloss)


def _panel(patch: Patch) -> Look:
    """Writes on a plain side: bands of colour, and blocks like letters."""
    size, seed, gloss, _ = patch.pattern
    x, y, z = patch.hits.local
    along = jnp.where(patch.faces_side, z, x)
    level = y / jnp.maximum(patch.hits.extent[1], 0.1)
    cells = [jnp.floor(v / size).astype(jnp.int32) for v in (1.7 * along, y)]
    is_letter = cell_noise(*cells, patch.solid) < 0.5
    is_line = (level > 0.5) & (level < 0.8) & is_letter
    is_band = level < 0.3 * seed
    seen = jnp.clip(2 - patch.stretch / size, 0.3, 1.0)
    color = mix(
        patch.color, patch.accent, jnp.where(is_band, 0.9, is_line * 0.9 * seen)
    )
    return Look(color * worn(patch, 0.15)[None], gloss)


PAINTERS: dict[Stuff, Callable[[Patch], Look] | None] = {
    Stuff.PLAIN: plain,
    Stuff.FACADE: _house,
    Stuff.ROOF: _tiled,
    Stuff.PAVING: _paved,
    Stuff.CAR_BODY: _painted_metal,
    Stuff.CAR_CABIN: _cabin,
    Stuff.WHEEL: wheel,
    Stuff.FOLIAGE: _foliage,
    Stuff.MASONRY: _masonry,
    Stuff.SIGN: sign,
    Stuff.RIBBED: _ribbed,
    Stuff.PANEL: _panel,
}
