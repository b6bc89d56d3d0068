"""The outside of vehicles: paint, lamps, glass, tyres."""

import jax.numpy as jnp

from deepdepth_jax.datasets.streets.geometry import Vectors
from deepdepth_jax.datasets.streets.patches import (
    Appearance,
    Numbers,
    Patch,
    mix,
    rgb,
    within,
)
from deepdepth_jax.datasets.streets.vehicles import CLEARANCE_M

PAINT_GLOSS, GLASS_GLOSS = 0.3, 0.9
BLACK = rgb(0.015, 0.015, 0.016)
GLASS_COLOR = rgb(0.020, 0.024, 0.026)
HEAD_LAMP, TAIL_LAMP = rgb(0.75, 0.75, 0.72), rgb(0.45, 0.02, 0.02)
PLATE_COLOR = rgb(0.62, 0.62, 0.55)
SEAMS = (-0.4, 0.02, 0.42)  # of the doors, as shares of the half-length


def car_body(patch: Patch) -> Appearance:
    """Paints panels with seams, wheel arches and sills, and both ends.

    Args:
      patch: the visible bits of surface.

    Returns:
      Colour and relief of each bit.
    """
    _, height, half_length = patch.hits.extent
    _, up, z = patch.hits.local
    is_upright = jnp.abs(patch.hits.normal[1]) < 0.5
    is_side = is_upright & (jnp.abs(z) < 0.93 * half_length)
    arches = _arches(patch) * is_side
    sill = within(up / height, -1.0, 0.2, patch.spread / height) * is_upright
    seams = sum(_seam(z - share * half_length, patch) for share in SEAMS) * is_side
    color = mix(patch.color, patch.color * 0.35, jnp.maximum(0.8 * seams, 0.7 * sill))
    color = mix(color, BLACK, arches)
    color = jnp.where((is_upright & ~is_side)[None], _end(patch, color), color)
    return Appearance(color, PAINT_GLOSS * (1 - arches) * (1 - sill))


def _seam(from_seam: Numbers, patch: Patch) -> Numbers:
    return within(jnp.abs(from_seam), -1.0, 0.012, patch.stretch)


def _arches(patch: Patch) -> Numbers:
    """Cuts dark arches about the wheels."""
    axle, radius, _, _ = patch.pattern
    _, up, z = patch.hits.local
    from_hub = jnp.hypot(jnp.abs(z) - axle, up + CLEARANCE_M - radius)
    return within(from_hub, -1.0, 1.22 * radius, patch.stretch)


def _end(patch: Patch, color: Vectors) -> Vectors:
    """Paints the front (+z) with head lamps and grille, the rear with red lamps."""
    half_width, height, _ = patch.hits.extent
    x, up, z = patch.hits.local
    side, level = jnp.abs(x) / half_width, up / height
    blur = patch.spread / 0.8
    lamps = within(side, 0.56, 0.92, blur) * within(level, 0.55, 0.85, blur)
    grille = within(side, -1.0, 0.45, blur) * within(level, 0.28, 0.62, blur) * (z > 0)
    plate = within(jnp.abs(x), -1.0, 0.26, patch.spread)
    plate *= within(level, 0.30, 0.50, blur)
    bumper = within(level, -1.0, 0.26, blur)
    color = mix(color, rgb(0.03, 0.03, 0.03), jnp.maximum(grille, 0.8 * bumper))
    color = mix(color, jnp.where((z > 0)[None], HEAD_LAMP, TAIL_LAMP), lamps)
    return mix(color, PLATE_COLOR, plate)


def cabin(patch: Patch) -> Appearance:
    """Sets glass between dark pillars, under a painted roof.

    Args:
      patch: the visible bits of surface.

    Returns:
      Colour and relief of each bit.
    """
    half_width, height, half_length = patch.hits.extent
    x, up, z = patch.hits.local
    level = up / height
    is_roof = patch.hits.normal[1] > 0.93
    band = within(level, 0.08, 0.86, patch.spread / 0.6) * ~is_roof
    pillars = within(jnp.abs(z - 0.05), -1.0, 0.04, patch.stretch)
    from_rear = jnp.abs(z + 0.55 * half_length)
    pillars = jnp.maximum(pillars, within(from_rear, -1.0, 0.04, patch.stretch))
    half_pane = half_width * (1 - 0.25 * level) - 0.1
    pane = within(jnp.abs(x), -1.0, half_pane, patch.spread)
    glass = band * jnp.where(patch.faces_side, 1 - pillars, pane)
    dark = jnp.maximum(glass, band * pillars * patch.faces_side)
    gloss = PAINT_GLOSS + (GLASS_GLOSS - PAINT_GLOSS) * glass
    return Appearance(mix(patch.color, GLASS_COLOR, dark), gloss)


def wheel(patch: Patch) -> Appearance:
    """Shows a rim with a gap inside the tyre."""
    radial = patch.hits.local[0] / patch.hits.extent[0]
    blur = patch.stretch / 0.3
    rim = within(radial, 0.12, 0.66, blur)
    rim *= 1 - 0.6 * within(radial, 0.30, 0.52, blur)
    return Appearance(mix(patch.color, patch.accent, rim), 0.15 * rim)
