"""The ground: asphalt with markings between the kerbs, grass or paving beyond."""

import jax.numpy as jnp
from jaxtyping import Array, Int

from deepdepth_jax.datasets.streets.geometry import Vectors
from deepdepth_jax.datasets.streets.layout import Street
from deepdepth_jax.datasets.streets.noise import cell_noise, rough_noise, smooth_noise
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

PAINT_COLOR = rgb(0.60, 0.60, 0.57)
ASPHALT_COLOR = rgb(0.140, 0.140, 0.146)
TRACK_M = 0.75  # from the middle of a lane to where wheels run


def ground(patch: Patch, street: Street) -> Appearance:
    """Paints roads where they run and the land beside them.

    Args:
      patch: the surface that each pixel sees.
      street: plan of the roads.

    Returns:
      Colour and gloss of each pixel.
    """
    x, _, z = patch.hits.point
    across = x - street.curvature_per_m / 2 * z**2
    left, right = street.kerb_m
    on_street = (across > -left - 0.3) & (across < right + 0.3)
    on_crossing = ~street.is_clear(z, 0.0)
    worn = 0.55 + 0.45 * rough_noise(2, x * 3, z * 3)
    marks = _markings(patch, across, street) * on_street * ~on_crossing
    road = mix(_asphalt(patch, across, street), PAINT_COLOR, marks * worn)
    is_road = on_street | on_crossing
    return Appearance(jnp.where(is_road[None], road, _land(patch)), 0.03 * is_road)


def _asphalt(patch: Patch, across: Numbers, street: Street) -> Vectors:
    """Lays grey with wheel tracks, mended pieces, a tar seam and grit."""
    x, _, z = patch.hits.point
    _, _, seam, age = patch.pattern
    broad = 0.82 + 0.36 * rough_noise(3, x * 0.7, z * 0.22)
    grit = detail(0.45, cell_noise(*_cells(x, z, 0.05)), 0.05, patch.stretch)
    grit *= detail(0.25, smooth_noise(x * 6, z * 6), 0.2, patch.stretch)
    from_track = jnp.abs(jnp.abs(jnp.abs(across) - street.lane_m / 2) - TRACK_M)
    tracks = 1 - 0.12 * jnp.clip(1 - from_track / 0.45, 0.0, 1.0)
    is_mended = cell_noise(*_cells(across + 30.0, z, 3.3)) < 0.07
    from_seam = jnp.abs(across + 0.25 * smooth_noise(z * 0.3)) - 3 * seam
    tar = within(from_seam, 0.0, 0.03, patch.reach[0])
    tone = broad * grit * tracks * jnp.where(is_mended, 0.72, 1.0)
    return ASPHALT_COLOR * (tone * (1 - 0.45 * tar) * (0.75 + 0.5 * age))[None]


def _cells(x: Numbers, z: Numbers, size: float) -> list[Int[Array, " n"]]:
    return [jnp.floor(v / size).astype(jnp.int32) for v in (x, z)]


def _markings(patch: Patch, across: Numbers, street: Street) -> Numbers:
    """Returns the share of a pixel under paint."""
    z = patch.hits.point[2]
    before = street.crossing_m - street.crossing_half_m - z
    has_crossing = street.crossing_half_m > 0
    blur_x, _, blur_z = patch.reach
    zebra = striped(across, 1.0, 0.5, blur_x) * within(before, 1.6, 4.6, blur_z)
    stop_line = within(before, 5.2, 5.6, blur_z) * (across > 0)
    beyond = -2 * street.crossing_half_m - 2
    is_near = has_crossing & (before < 5.7) & (before > beyond)
    lengthwise = _lengthwise(patch, across, street) * ~is_near
    return jnp.maximum(lengthwise, jnp.maximum(zebra, stop_line) * has_crossing)


def _lengthwise(patch: Patch, across: Numbers, street: Street) -> Numbers:
    """Draws the middle line, dashed, double or none, and the lanes' outer edges."""
    blur_x, _, blur_z = patch.reach
    from_middle = jnp.abs(across)
    style = patch.pattern[1]
    dashes = striped(patch.hits.point[2], 9.0, 4.0, blur_z)
    single = within(from_middle, -1.0, 0.07, blur_x) * dashes
    double = within(from_middle, 0.08, 0.2, blur_x)
    middle = jnp.where(style < 0.65, single, jnp.where(style < 0.8, double, 0.0))
    parks = jnp.where(across > 0, street.parking[1], street.parking[0])
    edge = street.lane_m - 0.05 * ~parks
    edges = within(from_middle, edge, edge + 0.1, blur_x)
    return jnp.maximum(middle, edges * jnp.where(parks, 0.6, 1.0))


def _land(patch: Patch) -> Vectors:
    """Grows grass, or lays the paving of a courtyard."""
    x, _, z = patch.hits.point
    broad = 0.7 + 0.6 * rough_noise(3, x * 0.25, z * 0.25)
    blades = detail(0.9, rough_noise(2, x * 9, z * 5), 0.15, patch.stretch)
    blur_x, _, blur_z = patch.reach
    joints = striped(x, 1.2, 0.04, blur_x) + striped(z, 1.2, 0.04, blur_z)
    slabs = 0.85 + 0.3 * broad - 0.2 * jnp.minimum(joints, 1.0)
    is_paved = patch.pattern[0] > 0.5
    return patch.color * jnp.where(is_paved, slabs, broad * blades)[None]
