"""Lighting and camera of the streets: sun, sky, shadow, haze, sensor."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, UInt8

from deepdepth_jax.datasets.streets.geometry import (
    SKY,
    Rays,
    Vectors,
    dot,
    footprint_distance,
    is_blocked,
)
from deepdepth_jax.datasets.streets.hits import Hits
from deepdepth_jax.datasets.streets.noise import rough_noise, smooth_noise
from deepdepth_jax.datasets.streets.patches import Color, Numbers, Patch, mix, rgb
from deepdepth_jax.datasets.streets.scene import Light, Scene
from deepdepth_jax.datasets.streets.solids import Material
from deepdepth_jax.datasets.streets.textures import appearance_of

SHADOW_OFFSET_M = 0.01  # off the surface, so that it does not shade itself
SKYLIGHT = 0.62  # share of the sky's brightness that an open surface receives
BOUNCE_COLOR = rgb(0.30, 0.28, 0.25)
STREET_COLOR = rgb(0.16, 0.15, 0.14)  # as mirrored by glass and paint
OUT_OF_SIGHT_M = 1e4
MIDDLE_GREY = 0.46  # what the camera's metering aims at
BLUR = 0.13  # share of a pixel's light that the lens gives to each neighbour
GRAIN = 0.008


def radiance(
    hits: Hits, direction: Vectors, scene: Scene, focal_px: float
) -> Float[Array, "3 n"]:
    """Returns the linear RGB that arrives along rays from their hits.

    Args:
      hits: the first solid that each ray meets.
      direction: directions of the rays.
      scene: the scene.
      focal_px: focal length in pixels.

    Returns:
      The linear RGB of each ray.
    """
    ray = direction / jnp.sqrt(dot(direction, direction))[None]
    patch = _patch(hits, ray, scene, focal_px)
    appearance = appearance_of(patch, scene.street)
    matt = appearance.color * _irradiance(_roughened(patch), hits, scene)
    toward = dot(ray, hits.normal)
    fresnel = 0.12 + 0.88 * (1 - jnp.clip(-toward, 0.0, 1.0)) ** 5
    mirrored = mirror(ray - 2 * toward[None] * hits.normal, scene.light)
    color = mix(matt, mirrored, appearance.gloss * fresnel)
    distance = jnp.minimum(hits.distance, OUT_OF_SIGHT_M)
    clear = jnp.exp(-scene.light.haze_per_m * distance)
    color = mix(haze(ray, scene.light), color, clear)
    return jnp.where((hits.solid == SKY)[None], sky(ray, scene.light), color)


def _patch(hits: Hits, ray: Vectors, scene: Scene, focal_px: float) -> Patch:
    solid = jnp.maximum(hits.solid, 0)
    surface = jax.tree.map(lambda leaf: leaf[solid], scene.surfaces())
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


def _roughened(patch: Patch) -> Vectors:
    """Turns the normals of foliage, whose leaves face all ways."""
    at = [v * patch.pattern[0] for v in patch.hits.point]
    jolt = jnp.stack([smooth_noise(*(v + 31.7 * i for v in at)) for i in range(3)])
    rough = patch.hits.normal + 1.3 * (jolt - 0.5)
    rough = rough / jnp.sqrt(dot(rough, rough))[None]
    is_leafy = patch.material == Material.FOLIAGE
    return jnp.where(is_leafy[None], rough, patch.hits.normal)


def _irradiance(normal: Vectors, hits: Hits, scene: Scene) -> Vectors:
    """Computes the irradiance from the sun, the sky and the street around."""
    light = scene.light
    sun, sun_color = light.sun_direction[:, None], light.sun_color[:, None]
    is_shaded = is_blocked(hits.point + SHADOW_OFFSET_M * hits.normal, sun, scene)
    sunshine = jnp.maximum(dot(normal, sun), 0.0) * ~is_shaded
    above = SKYLIGHT * (light.zenith_color + light.horizon_color)[:, None] / 2
    below = BOUNCE_COLOR * (0.35 * sun_color + 0.3)
    ambient = mix(below, above, 0.5 + 0.5 * normal[1])
    return ambient * _openness(hits, scene)[None] + sun_color * sunshine[None]


def _openness(hits: Hits, scene: Scene) -> Numbers:
    """Darkens the feet of walls, and the ground under and about solids."""
    near = footprint_distance(hits.point, scene.boxes)
    is_ground = (hits.normal[1] > 0.9) & (hits.point[1] < 0.4)
    on_ground = 0.42 + 0.58 * jnp.sqrt(jnp.clip(near / 1.2, 0.0, 1.0))
    on_wall = 0.65 + 0.35 * jnp.clip(hits.point[1] / 1.5, 0.0, 1.0)
    return jnp.where(is_ground, on_ground, on_wall)


def haze(ray: Vectors, light: Light) -> Color:
    """Returns the colour of much air: the horizon's, brighter towards the sun."""
    glow = 0.1 * _toward_sun(ray, light) ** 4
    return light.horizon_color[:, None] + light.sun_color[:, None] * glow[None]


def sky(ray: Vectors, light: Light) -> Vectors:
    """Paints the sky: a gradient, the sun, clouds on a flat ceiling.

    Args:
      ray: unit directions.
      light: sun, sky and weather.

    Returns:
      The colours, linear RGB.
    """
    up = jnp.clip(ray[1], 0.0, 1.0)
    air = mix(haze(ray, light), light.zenith_color[:, None], 1 - jnp.exp(-5 * up))
    toward_sun = _toward_sun(ray, light)
    disc = jnp.clip((toward_sun - 0.9995) / 0.0003, 0.0, 1.0)
    air += light.sun_color[:, None] * (disc + 0.3 * toward_sun**60)[None]
    ceiling = 2.2 / (up + 0.12)
    puffs = rough_noise(4, ray[0] * ceiling, ray[2] * ceiling)
    density = jnp.clip((puffs - 0.78 + 0.5 * light.cloudiness) / 0.25, 0.0, 1.0)
    white = (0.35 * light.sun_color + 0.3 + 0.35 * light.horizon_color)[:, None]
    clouds = white * (1.05 - 0.3 * density * puffs)[None]
    return mix(air, clouds, 0.85 * density * jnp.clip(up / 0.1, 0.0, 1.0))


def mirror(ray: Vectors, light: Light) -> Vectors:
    """Returns reflections in glass and paint: the sky above, a dim street below."""
    up = jnp.clip(ray[1], 0.0, 1.0)
    air = mix(light.horizon_color[:, None], light.zenith_color[:, None], up)
    street = STREET_COLOR * (0.5 + 0.3 * light.sun_color[:, None])
    glint = 4 * _toward_sun(ray, light) ** 200
    scenery = mix(street, air, jnp.clip(ray[1] * 5 + 0.3, 0.0, 1.0))
    return scenery + light.sun_color[:, None] * glint[None]


def _toward_sun(ray: Rays, light: Light) -> Numbers:
    return jnp.clip(dot(ray, light.sun_direction[:, None]), 0.0, 1.0)


def develop(
    light_rgb: Float[Array, "h w 3"], exposure: Float[Array, ""], key: PRNGKeyArray
) -> UInt8[Array, "h w 3"]:
    """Simulates the camera: lens, metering, film curve, gamma, grain.

    The film curve is 1 - exp(-x), a little steeper in the shadows.

    Args:
      light_rgb: linear light.
      exposure: factor on the light.
      key: random key.

    Returns:
      The image.
    """
    height, width, _ = light_rgb.shape
    y, x = jnp.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - 0.15 * (x**2 + 0.3 * y**2)
    gain = exposure * (MIDDLE_GREY / jnp.mean(light_rgb)) ** 0.8
    exposed = through_lens(light_rgb) * gain * vignette[..., None]
    film = 1 - jnp.exp(-(exposed**1.15))
    image = film ** (1 / 2.2) + GRAIN * jax.random.normal(key, film.shape)
    return jnp.round(jnp.clip(image, 0.0, 1.0) * 255).astype(jnp.uint8)


def through_lens(light_rgb: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Spreads a little of every pixel's light to its neighbours."""
    height, width, _ = light_rgb.shape
    rows = jnp.pad(light_rgb, ((1, 1), (0, 0), (0, 0)), mode="edge")
    light_rgb = (1 - 2 * BLUR) * light_rgb + BLUR * (rows[:height] + rows[2:])
    columns = jnp.pad(light_rgb, ((0, 0), (1, 1), (0, 0)), mode="edge")
    neighbours = columns[:, :width] + columns[:, 2:]
    return (1 - 2 * BLUR) * light_rgb + BLUR * neighbours
