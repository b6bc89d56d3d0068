"""The ground of the wide world: strips along the road, its markings, crossings."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from deepdepth_jax.datasets.streets.patches import (
    Appearance,
    Numbers,
    Patch,
    mix,
    rgb,
    striped,
    within,
)
from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.fractal_noise import fractal
from deepdepth_jax.datasets.streets.wide.ground_materials import (
    PAINTERS,
    GroundMaterial,
    GroundPatch,
)

STRIPS, LINES, CROSSINGS = 12, 8, 2
PAINT_COLOR = rgb(0.62, 0.62, 0.59)


@struct.dataclass
class Ground:
    """Strips along the road, by their offset to the right of its centre line.

    Attributes:
      edges: offsets between the strips, metres, ascending. The last may be infinite.
      materials: `GroundMaterial` of each strip.
      colors: linear RGB of each strip.
      ragged: amplitude of each edge's waviness, metres.
      lines: rows of offset, width, period of dashes (0 = none), share, strength.
      crossings: rows of place along the road, half width (0 = none), zebra's strength.
      road_color: linear RGB of crossing roads.
      age: 0 = new asphalt, 1 = cracked and mended.
    """

    edges: Float[Array, " edges"]
    materials: Int[Array, " strips"]
    colors: Float[Array, "strips 3"]
    ragged: Float[Array, " edges"]
    lines: Float[Array, "lines 5"]
    crossings: Float[Array, "crossings 3"]
    road_color: Float[Array, "3"]
    age: Float[Array, ""]


def paint_ground(patch: Patch, ground: Ground, course: Course) -> Appearance:
    """Paints the strips, then the crossing roads, then the markings.

    Args:
      patch: the surface that each pixel sees.
      ground: strips of the ground.
      course: course of the road and height of the land.

    Returns:
      Colour and gloss of each pixel.
    """
    x, _, z = patch.hits.point
    across = x - course.middle(z)
    wander = fractal((x, z), patch.stretch, 3, 5.0)
    strip = sum(
        across + ground.ragged[i] * wander > ground.edges[i] for i in range(STRIPS - 1)
    )
    crossing = _on_crossing(patch, ground)
    material = jnp.where(crossing, GroundMaterial.ASPHALT, ground.materials[strip])
    color = jnp.where(
        crossing[None], ground.road_color[:, None], ground.colors[strip].T
    )
    low = jnp.concatenate([ground.edges[:1] - 3, ground.edges])[strip]
    high = jnp.concatenate([ground.edges, ground.edges[-1:] + 3])[strip]
    tone = fractal((x, z), patch.stretch, 5)
    on_ground = GroundPatch(
        patch, across, across - (low + high) / 2, z, tone, ground.age, color
    )
    painted = _painted(on_ground, material)
    marks = _markings(patch, across, ground) * ~crossing
    marks = jnp.maximum(marks, _zebra(patch, across, ground))
    marks *= jnp.clip(0.8 + 0.9 * tone, 0.0, 1.0)
    return Appearance(mix(painted, PAINT_COLOR, marks), jnp.zeros_like(across))


def _painted(on_ground: GroundPatch, material: Int[Array, " n"]) -> Any:
    """Paints each material. Materials that no pixel sees cost nothing."""
    painted = on_ground.color * jnp.exp(0.4 * on_ground.tone)[None]
    for which, paint in PAINTERS.items():
        here = material == which

        def over(old: Any, paint: Any = paint, here: Any = here) -> Any:
            return jnp.where(here[None], on_ground.color * paint(on_ground), old)

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
