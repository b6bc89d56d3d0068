"""Reflectance of the wide world's surfaces, before lighting."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from deepdepth_jax.datasets.streets.car_textures import cabin, car_body, wheel
from deepdepth_jax.datasets.streets.facades import facade
from deepdepth_jax.datasets.streets.noise import cell_noise
from deepdepth_jax.datasets.streets.patches import (
    Appearance,
    Patch,
    detail,
    mix,
    rgb,
    striped,
    wrapped,
)
from deepdepth_jax.datasets.streets.textures import paving, roof, sign
from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.fractal_noise import blotches, fractal, worn
from deepdepth_jax.datasets.streets.wide.ground import Ground, paint_ground
from deepdepth_jax.datasets.streets.wide.solids import Material
from deepdepth_jax.datasets.streets.wide.value_noise import cell_level


def appearance_of(patch: Patch, ground: Ground, course: Course) -> Appearance:
    """Computes the texture of every pixel's material.

    Args:
      patch: the surface that each pixel sees.
      ground: strips of the ground.
      course: course of the road and height of the land.

    Returns:
      Colour and gloss of each pixel.
    """
    appearance = Appearance(patch.color, jnp.zeros_like(patch.spread))
    for material, paint in (PAINTERS | {Material.GROUND: None}).items():
        here = patch.material == material

        def painted(
            old: Appearance, paint: Any = paint, here: Any = here
        ) -> Appearance:
            color, gloss = (
                paint(patch) if paint else paint_ground(patch, ground, course)
            )
            return Appearance(
                jnp.where(here[None], color, old.color),
                jnp.where(here, gloss, old.gloss),
            )

        appearance = jax.lax.cond(jnp.any(here), painted, lambda old: old, appearance)
    return appearance


def plain(patch: Patch) -> Appearance:
    """Covers evenly but for wear: concrete, cloth, bark, metal."""
    contrast, stretch, gloss, _ = patch.pattern
    broad = 0.7 * contrast * (blotches(patch, 0.9) - 0.5)
    tone = worn(patch, contrast, stretch) * jnp.exp(broad)
    return Appearance(patch.color * tone[None], gloss)


def _house(patch: Patch) -> Appearance:
    """Dirties a facade, and leaves some walls without windows."""
    appearance = facade(patch)
    is_blank = (patch.pattern[3] > 0.25) & (patch.pattern[3] < 0.5)
    bare = is_blank & ~patch.faces_side
    color = jnp.where(bare[None], patch.color, appearance.color)
    tone = worn(patch, 0.22) * jnp.exp(0.35 * (blotches(patch, 0.35) - 0.5))
    return Appearance(color * tone[None], jnp.where(bare, 0.0, appearance.gloss))


def _tiled(patch: Patch) -> Appearance:
    appearance = roof(patch)
    return Appearance(appearance.color * worn(patch, 0.3)[None], appearance.gloss)


def _paved(patch: Patch) -> Appearance:
    appearance = paving(patch)
    return Appearance(appearance.color * worn(patch, 0.35)[None], appearance.gloss)


def _painted_metal(patch: Patch) -> Appearance:
    appearance = car_body(patch)
    return Appearance(appearance.color * worn(patch, 0.08)[None], appearance.gloss)


def _cabin(patch: Patch) -> Appearance:
    """Shows seats and the far windows through the glass, darkly."""
    appearance = cabin(patch)
    inside = jnp.exp(1.1 * fractal(patch.hits.local, 0 * patch.spread + 0.12, 2))
    is_glass = jnp.mean(appearance.color, 0) < 0.03
    color = jnp.where(is_glass[None], appearance.color * inside[None], appearance.color)
    return Appearance(
        color, jnp.where(is_glass, 0.8 * appearance.gloss, appearance.gloss)
    )


def _foliage(patch: Patch) -> Appearance:
    """Grows leaves of many shades, with gaps of all sizes between them."""
    size = patch.pattern[0]
    point = patch.hits.point
    leaf = detail(1.3, cell_level(*(v / size for v in point)), 2.0, patch.spread / size)
    clumps = jnp.exp(1.3 * (blotches(patch, 1.4) - 0.5))
    tone = jnp.exp(0.75 * fractal(point, patch.spread, 3)) * clumps
    hue = blotches(patch, 0.8, 11.0) * leaf
    tint = mix(rgb(0.9, 1.0, 0.95), rgb(1.2, 1.08, 0.85), hue)
    color = mix(patch.color, patch.accent, jnp.clip(1.6 * hue - 0.5, 0.0, 1.0))
    return Appearance(color * tint * (tone * leaf)[None], jnp.zeros_like(size))


def _masonry(patch: Patch) -> Appearance:
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
    return Appearance(color * (worn(patch, 0.3) * stains)[None], jnp.zeros_like(y))


def _ribbed(patch: Patch) -> Appearance:
    """Bends sheets or sets boards: containers, garage doors, wooden fences."""
    period, is_upright, depth, gloss = patch.pattern
    x, y, z = patch.hits.local
    along = jnp.where(is_upright > 0.5, jnp.where(patch.faces_side, z, x), y)
    blur = jnp.where(is_upright > 0.5, patch.stretch, patch.spread)
    dark = striped(along, period, 0.3 * period, blur)
    board = cell_noise(jnp.floor(along / period).astype(jnp.int32), patch.solid)
    tone = (1 - depth * dark) * detail(0.5, board, 1.0, blur / period)
    return Appearance(patch.color * (tone * worn(patch, 0.25))[None], gloss)


def _panel(patch: Patch) -> Appearance:
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
    return Appearance(color * worn(patch, 0.15)[None], gloss)


PAINTERS: dict[Material, Callable[[Patch], Appearance] | None] = {
    Material.PLAIN: plain,
    Material.FACADE: _house,
    Material.ROOF: _tiled,
    Material.PAVING: _paved,
    Material.CAR_BODY: _painted_metal,
    Material.CAR_CABIN: _cabin,
    Material.WHEEL: wheel,
    Material.FOLIAGE: _foliage,
    Material.MASONRY: _masonry,
    Material.SIGN: sign,
    Material.RIBBED: _ribbed,
    Material.PANEL: _panel,
}
