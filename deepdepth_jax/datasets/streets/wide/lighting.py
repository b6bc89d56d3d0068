"""How light falls on the wide world: sun, sky, shade, haze, lit leaves."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.geometry import SKY, Vectors, dot
from deepdepth_jax.datasets.streets.hits import Hits
from deepdepth_jax.datasets.streets.patches import Appearance, Numbers, Patch, mix, rgb
from deepdepth_jax.datasets.streets.scene import Light
from deepdepth_jax.datasets.streets.shading import haze, mirror, sky
from deepdepth_jax.datasets.streets.solids import Surface
from deepdepth_jax.datasets.streets.wide.culling import Columns, columns_of, in_columns
from deepdepth_jax.datasets.streets.wide.fractal_noise import blotches, fractal
from deepdepth_jax.datasets.streets.wide.holes import whole_entry
from deepdepth_jax.datasets.streets.wide.materials import appearance_of
from deepdepth_jax.datasets.streets.wide.scene import WideScene
from deepdepth_jax.datasets.streets.wide.solids import Material
from deepdepth_jax.datasets.streets.wide.tracing import Rayed, is_blocked

OFFSET_M = 0.02  # off the surface, so that it does not shade itself
OUT_OF_SIGHT_M = 1e4
SHADED_M = 120.0  # points beyond do not widen the search for what shades them
FAINT = 0.1  # sunlight that casts no shadow worth a search
LARGE_M = 1.2  # radius of what keeps the sky's light away
ABOVE = np.array([0.25, 0.94, -0.23], np.float32)
THROUGH_LEAVES = rgb(0.55, 0.5, 0.15)


class Shades(NamedTuple):
    """The solids that may cast shade, prepared once per scene."""

    sunward: Columns
    upward: Columns


def shades_of(scene: WideScene) -> Shades:
    """Prepares the solids that may cast shade.

    Args:
      scene: the scene.

    Returns:
      All solids towards the sun, the large ones upwards.
    """
    spheres = scene.solids.sphere
    sunward = columns_of(scene.light.sun_direction, spheres, 0.0)
    return Shades(sunward, columns_of(jnp.asarray(ABOVE), spheres, LARGE_M))


def radiance(
    hits: Hits,
    direction: Vectors,
    scene: WideScene,
    shades: Shades,
    focal_px: Float[Array, ""],
) -> Float[Array, "3 n"]:
    """Computes the linear RGB that arrives along rays from their hits.

    Args:
      hits: the first solid that each ray meets.
      direction: directions of the rays.
      scene: the scene.
      shades: the solids that may cast shade in it.
      focal_px: focal length in pixels.

    Returns:
      The linear RGB of each ray.
    """
    ray = direction / jnp.sqrt(dot(direction, direction))[None]
    patch = patch_of(hits, ray, scene.surface, focal_px)
    appearance = appearance_of(patch, scene.ground, scene.course)
    matt = appearance.color * _irradiance(patch, scene, shades)
    color = jax.lax.cond(
        jnp.any(appearance.gloss > 0),
        lambda: mix(matt, *_mirrored(ray, patch, appearance, scene.light)),
        lambda: matt,
    )
    distance = jnp.minimum(hits.distance, OUT_OF_SIGHT_M)
    clear = jnp.exp(-scene.light.haze_per_m * distance)
    color = mix(haze(ray, scene.light), color, clear)
    is_sky = hits.solid == SKY
    return jax.lax.cond(
        jnp.any(is_sky),
        lambda: jnp.where(is_sky[None], sky(ray, scene.light), color),
        lambda: color,
    )


def patch_of(
    hits: Hits, ray: Vectors, surfaces: Surface, focal_px: Float[Array, ""]
) -> Patch:
    """Gathers the inputs of painting for the bits of surface that pixels see.

    Args:
      hits: the first solid that each ray meets.
      ray: unit directions.
      surfaces: surface of each solid.
      focal_px: focal length in pixels.

    Returns:
      The bits of surface.
    """
    solid = jnp.maximum(hits.solid, 0)
    surface = jax.tree.map(lambda leaf: leaf[solid], surfaces)
    spread = jnp.minimum(hits.distance, OUT_OF_SIGHT_M) / focal_px
    slant = jnp.maximum(jnp.abs(dot(ray, hits.normal)), 0.02)
    return Patch(
        hits=hits,
        solid=solid,
        material=surface.material,
        color=surface.color.T,
        accent=surface.accent.T,
        pattern=surface.pattern.T,
        spread=spread,
        stretch=spread / slant,
        reach=spread[None] + (spread / slant)[None] * jnp.abs(ray),
    )


def _mirrored(
    ray: Vectors, patch: Patch, appearance: Appearance, light: Light
) -> tuple[Vectors, Numbers]:
    """Computes reflections of smooth surfaces, and their shares."""
    normal = patch.hits.normal
    toward = dot(ray, normal)
    fresnel = 0.1 + 0.9 * (1 - jnp.clip(-toward, 0.0, 1.0)) ** 5
    away = ray - 2 * toward[None] * normal
    clutter = 0.6 * fractal(4 * away, 0 * toward + 0.05, 2) * (away[1] < 0.45)
    seen = mirror(away, light) * jnp.exp(2 * clutter)[None]
    return seen, jnp.clip(appearance.gloss, 0.0, 1.0) * fresnel


def _irradiance(patch: Patch, scene: WideScene, shades: Shades) -> Vectors:
    """Computes the irradiance from the sun, the sky and the street around."""
    light = scene.light
    sun, sun_color = light.sun_direction[:, None], light.sun_color[:, None]
    normal = _ruffled(patch)
    is_leafy = patch.material == Material.FOLIAGE
    facing = dot(normal, sun)
    sunshine = jnp.maximum(facing, 0.0)[None] * jnp.ones((3, 1))
    through = jnp.maximum(-facing, 0.0)[None] * THROUGH_LEAVES
    sunshine = jnp.where(is_leafy[None], jnp.maximum(sunshine, through), sunshine)
    shaded, covered = _shade(patch, scene, shades)
    above = scene.skylight * (light.zenith_color + light.horizon_color)[:, None] / 2
    below = scene.bounce[:, None] * (0.3 * sun_color + above)
    ambient = mix(below, above, 0.5 + 0.5 * normal[1])
    openness = (1 - 0.6 * covered) * _crevice(patch)
    return ambient * openness[None] + sun_color * sunshine * ~shaded[None]


def _ruffled(patch: Patch) -> Vectors:
    """Turns the normals of foliage, whose leaves face all ways."""
    is_leafy = patch.material == Material.FOLIAGE

    def rough() -> Vectors:
        jolt = jnp.stack([blotches(patch, 2.7, 31.7 * i) for i in range(3)])
        normal = patch.hits.normal + 1.7 * (jolt - 0.5)
        normal = normal / jnp.sqrt(dot(normal, normal))[None]
        return jnp.where(is_leafy[None], normal, patch.hits.normal)

    return jax.lax.cond(jnp.any(is_leafy), rough, lambda: patch.hits.normal)


def _shade(patch: Patch, scene: WideScene, shades: Shades) -> tuple[Array, Array]:
    """Finds the shadow of the sun, and the occlusion of the sky by large solids."""
    start = patch.hits.point + OFFSET_M * patch.hits.normal
    is_near = (patch.hits.solid != SKY) & (patch.hits.distance < SHADED_M)
    sun = scene.light.sun_direction[:, None]
    faces_sun = dot(patch.hits.normal, sun) > 0
    faces_sun |= patch.material == Material.FOLIAGE

    def shaded() -> Array:
        before = in_columns(start, is_near & faces_sun, shades.sunward)
        return is_blocked(Rayed(start, sun, scene.solids, before))

    above = in_columns(start, is_near, shades.upward)
    upwards = Rayed(start, jnp.asarray(ABOVE)[:, None], scene.solids, above)
    covered = is_blocked(upwards, whole_entry)
    shines = jnp.max(scene.light.sun_color) > FAINT
    return jax.lax.cond(shines, shaded, lambda: jnp.zeros_like(covered)), covered


def _crevice(patch: Patch) -> Numbers:
    """Darkens the ground contact of solids."""
    is_wall = jnp.abs(patch.hits.normal[1]) < 0.5
    height = patch.hits.local[1]
    foot = 0.6 + 0.4 * jnp.clip(height / 0.8, 0.0, 1.0)
    return jnp.where(is_wall & (patch.material != Material.FOLIAGE), foot, 1.0)
