"""The ground of the wide world: strips along the road, its markings, crossings."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from deepdepth_jax.datasets.streets.patches import (
    Look,
    Numbers,
    Patch,
    mix,
    rgb,
    striped,
    within,
)
from deepdepth_jax.datasets.streets.wide.brushes import fractal
from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.soils import PAINTERS, Laid, Soil

STRIPS, LINES, CROSSINGS = 12, 8, 2
PAINT_COLOR = rgb(0.62, 0.62, 0.59)


@struct.dataclass
class Ground:
    """What lies on the ground, by its offset to the right of the road's middle.

    Attributes:
      edges: between the strips, rising. The last ones may be infinite.
      soils: `Soil` of each strip.
      colors: of each strip.
      ragged: metres by which the edges wander.
      lines: rows of offset, width, period of dashes (0 = none), share, strength.
      crossings: rows of place along the road, half width (0 = none), zebra's strength.
      road_color: of crossing roads.
      age: 0 = new asphalt, 1 = cracked and mended.
    """

    edges: Float[Array, " edges"]
    soils: Int[Array, " strips"]
    colors: Float[Array, "strips 3"]
    ragged: Float[Array, " edges"]
    lines: Float[Array, "lines 5"]
    crossings: Float[Array, "crossings 3"]
    road_color: Float[Array, "3"]
    age: Float[Array, ""]


def ground(patch: Patch, ground: Ground, course: Course) -> Look:
    """Paints the strips, then what crosses them, then the markings.

    Args:
      patch: the visible bits of surface.
      ground: strips of the ground.
      course: course of the road and height of the land.

    Returns:
      Colour and relief of each bit.
    """
    x, _, z = patch.hits.point
    across = x - course.middle(z)
    wander = fractal((x, z), patch.stretch, 3, 5.0)
    strip = sum(
        across + ground.ragged[i] * wander > ground.edges[i] for i in range(STRIPS - 1)
    )
    crossing = _on_crossing(patch, ground)
    soil = jnp.where(crossing, Soil.ASPHALT, ground.soils[strip])
    color = jnp.where(
        crossing[None], ground.road_color[:, None], ground.colors[strip].T
    )
    low = jnp.concatenate([ground.edges[:1] - 3, ground.edges])[strip]
    high = jnp.concatenate([ground.edges, ground.edges[-1:] + 3])[strip]
    tone = fractal((x, z), patch.stretch, 5)
    laid = Laid(patch, across, across - (low + high) / 2, z, tone, ground.age, color)
    painted = _painted(laid, soil)
    marks = _markings(patch, across, ground) * ~crossing
    marks = jnp.maximum(marks, _zebra(patch, across, ground))
    marks *= jnp.clip(0.8 + 0.9 * tone, 0.0, 1.0)
    return Look(mix(painted, PAINT_COLOR, marks), jnp.zeros_like(across))


def _painted(laid: Laid, soil: Int[Array, " n"]) -> Any:
    """Paints each soil where there is any of it."""
    painted = laid.color * jnp.exp(0.4 * laid.tone)[None]
    for which, paint in PAINTERS.items():
        here = soil == which

        def over(old: Any, paint: Any = paint, here: Any = here) -> Any:
            return jnp.where(here[None], laid.color * paint(laid), old)

        painted = jax.lax.cond(jnp.any(here), over, lambda old: old, painted)
    return painted


def _on_crossing(patch: Patch, ground: Ground) -> Any:
    z = patch.hits.point[2]
    places, halves = ground.crossings[:, :1], ground.crossings[:, 1:2]
    return jnp.any(jnp.abs(z[None] - places) < halves, 0)


def _markings(patch: Patch, across: Numbers, ground: Ground) -> Numbers:
    """Computes the share of pixels under lines along the road."""
    z = patch.hits.point[2]
    blur_x, _, blur_z = patch.reach
    painted = jnp.zeros_like(z)
    for i in range(LINES):
        offset, width, period, share, strength = ground.lines[i]
        line = within(jnp.abs(across - offset), -1.0, width / 2, blur_x)
        dashes = striped(z, jnp.maximum(period, 1.0), share * period, blur_z)
        painted = jnp.maximum(
            painted, line * strength * jnp.where(period > 0, dashes, 1)
        )
    return painted


def _zebra(patch: Patch, across: Numbers, ground: Ground) -> Numbers:
    """Computes the share of pixels under stripes before crossings."""
    z = patch.hits.point[2]
    blur_x, _, blur_z = patch.reach
    half = (ground.edges[STRIPS // 2] - ground.edges[STRIPS // 2 - 1]) / 2
    middle = (ground.edges[STRIPS // 2] + ground.edges[STRIPS // 2 - 1]) / 2
    on_road = jnp.abs(across - middle) < half
    stripes = striped(across, 1.0, 0.5, blur_x) * on_road
    painted = jnp.zeros_like(z)
    for i in range(CROSSINGS):
        place, half_width, strength = ground.crossings[i]
        before = place - half_width - z
        painted = jnp.maximum(painted, strength * within(before, 1.2, 4.4, blur_z))
    return painted * stripes
