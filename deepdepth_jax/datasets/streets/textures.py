"""Reflectance of the surfaces of a street, before lighting."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from deepdepth_jax.datasets.streets.car_textures import cabin, car_body, wheel
from deepdepth_jax.datasets.streets.facades import facade
from deepdepth_jax.datasets.streets.layout import Street
from deepdepth_jax.datasets.streets.noise import cell_noise, rough_noise, smooth_noise
from deepdepth_jax.datasets.streets.patches import (
    Appearance,
    Patch,
    detail,
    mix,
    rgb,
    striped,
    within,
    wrapped,
)
from deepdepth_jax.datasets.streets.roads import ground
from deepdepth_jax.datasets.streets.solids import Material

KERBSTONE_COLOR = rgb(0.42, 0.41, 0.39)
SIGN_BACK_COLOR = rgb(0.30, 0.30, 0.30)


def appearance_of(patch: Patch, street: Street) -> Appearance:
    """Paints every bit of surface with the texture of its material.

    Args:
      patch: the visible bits of surface.
      street: plan of the street.

    Returns:
      Colour and relief of each bit.
    """
    painters: dict[Material, Callable[[], Appearance]] = {
        Material.GROUND: lambda: ground(patch, street),
        Material.FACADE: lambda: facade(patch),
        Material.ROOF: lambda: roof(patch),
        Material.PAVING: lambda: paving(patch),
        Material.CAR_BODY: lambda: car_body(patch),
        Material.CAR_CABIN: lambda: cabin(patch),
        Material.WHEEL: lambda: wheel(patch),
        Material.FOLIAGE: lambda: foliage(patch),
        Material.STONE: lambda: stone(patch),
        Material.SIGN: lambda: sign(patch),
    }
    appearance = plain(patch)
    for material, paint in painters.items():
        appearance = _painted_over(appearance, patch, material, paint)
    return appearance


def _painted_over(
    appearance: Appearance,
    patch: Patch,
    material: Material,
    paint: Callable[[], Appearance],
) -> Appearance:
    """Returns the pixels of one material their texture.

    A branch skips invisible surfaces, and keeps XLA from fusing all textures into one
    loop that computes them many times over.
    """
    here = patch.material == material

    def painted(old: Appearance) -> Appearance:
        color, gloss = paint()
        return Appearance(
            color=jnp.where(here[None], color, old.color),
            gloss=jnp.where(here, gloss, old.gloss),
        )

    return jax.lax.cond(jnp.any(here), painted, lambda old: old, appearance)


def plain(patch: Patch) -> Appearance:
    """Covers evenly, a little stained."""
    grain = smooth_noise(*(7 * v for v in patch.hits.point))
    stain = detail(0.3, grain, 0.3, patch.spread)
    return Appearance(patch.color * stain[None], jnp.full_like(stain, 0.02))


def paving(patch: Patch) -> Appearance:
    """Lays slabs, and kerbstones at the edge.

    Args:
      patch: the visible bits of surface.

    Returns:
      Colour and relief of each bit.
    """
    x, _, z = patch.hits.local
    slab = 0.6
    blur_x, _, blur_z = patch.reach
    joints = striped(x, slab, 0.03, blur_x) + striped(z, slab, 0.03, blur_z)
    cells = [jnp.floor(v / slab).astype(jnp.int32) for v in (x, z)]
    tone = detail(0.25, cell_noise(*cells, patch.solid), slab, patch.stretch)
    world_x, _, world_z = patch.hits.point
    dirt = 0.85 + 0.3 * rough_noise(2, world_x * 0.8, world_z * 0.8)
    slabs = mix(patch.color, patch.color * 0.55, 0.8 * jnp.minimum(joints, 1.0))
    edge = patch.hits.extent[0]
    kerb = within(jnp.abs(x), edge - 0.16, edge, blur_x)
    color = mix(slabs * tone[None], KERBSTONE_COLOR, kerb) * dirt[None]
    return Appearance(color, jnp.zeros_like(x))


def foliage(patch: Patch) -> Appearance:
    """Grows leaves: light tips and dark gaps, in clumps."""
    per_m = patch.pattern[0]
    at = tuple(v * per_m for v in patch.hits.point)
    clumps = smooth_noise(*(v * 0.3 for v in at))
    leaves = rough_noise(3, *at)
    tips = detail(2.2, leaves, 1.0, patch.spread * per_m)
    yellowing = mix(rgb(1.0, 1.0, 1.0), rgb(1.25, 1.1, 0.7), clumps * leaves)
    color = patch.color * yellowing * ((0.55 + 0.9 * clumps) * tips)[None]
    return Appearance(color, jnp.zeros_like(per_m))


def stone(patch: Patch) -> Appearance:
    """Builds courses of blocks that are shifted against each other.

    Args:
      patch: the surface that each pixel sees.

    Returns:
      Colour and gloss of each pixel.
    """
    x, y, z = patch.hits.local
    course = jnp.floor(y / 0.2)
    along = x + z + 0.22 * wrapped(course, 2.0)
    block = jnp.floor(along / 0.44)
    tone = cell_noise(block.astype(jnp.int32), course.astype(jnp.int32), patch.solid)
    joints = striped(y, 0.2, 0.02, patch.spread)
    joints += striped(along, 0.44, 0.02, patch.stretch)
    color = patch.color * detail(0.5, tone, 0.3, patch.stretch)[None]
    color = mix(color, patch.color * 0.6, 0.8 * jnp.minimum(joints, 1.0))
    return Appearance(color, jnp.zeros_like(x))


def roof(patch: Patch) -> Appearance:
    """Lays tiles in courses where the face leans. Gables look like the wall below.

    Args:
      patch: the surface that each pixel sees.

    Returns:
      Colour and gloss of each pixel.
    """
    x, y, z = patch.hits.local
    courses = 0.78 + 0.3 * striped(y, 0.25, 0.18, patch.spread)
    cells = [jnp.floor(v / 0.3).astype(jnp.int32) for v in (x + z, y * 1.2)]
    tone = detail(0.4, cell_noise(*cells, patch.solid), 0.3, patch.stretch)
    moss = 0.8 + 0.4 * rough_noise(2, x * 0.7 + z * 0.5, y * 0.7 + z * 0.3)
    is_cornice = patch.hits.extent[1] < 0.65
    leans = patch.hits.normal[1] > 0.05
    tiles = patch.color * (courses * tone * moss)[None]
    color = jnp.where(leans[None], tiles, patch.accent)
    return Appearance(
        jnp.where(is_cornice[None], patch.color, color), jnp.zeros_like(x)
    )


def sign(patch: Patch) -> Appearance:
    """Paints a light middle in a coloured rim, or a light ring on a coloured disc."""
    radial = patch.hits.local[0] / patch.hits.extent[0]
    blur = patch.spread / 0.3
    middle = within(radial, -1.0, 0.72, blur)
    ring = within(radial, 0.78, 0.92, blur)
    light = jnp.where(patch.solid % 2 == 0, middle, ring)
    faces_camera = patch.hits.normal[2] < -0.5
    color = mix(patch.color, patch.accent, light)
    color = jnp.where(faces_camera[None], color, SIGN_BACK_COLOR)
    return Appearance(color, jnp.full_like(radial, 0.05))
