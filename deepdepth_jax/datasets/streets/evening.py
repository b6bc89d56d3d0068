"""The streets seen otherwise: another palette, light, haze, sensor, lens and height.

The scenes are drawn as those of the world `streets`, whose shapes they share. A network
of the one world meets the other as networks meet another town and another camera.
"""

import dataclasses
from functools import partial
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from deepdepth_jax.datasets.streets.geometry import SKY
from deepdepth_jax.datasets.streets.hits import trace
from deepdepth_jax.datasets.streets.render import View, intrinsics, pixel_rays
from deepdepth_jax.datasets.streets.scene import Camera, Light, Scene, random_scene
from deepdepth_jax.datasets.streets.shading import radiance
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Ellipsoids,
    Surface,
)
from deepdepth_jax.datasets.streets.wide.sensor import Sensor, capture

LENS = 1.3
"""Focal length, in multiples of that of the world `streets`."""
HIGHER_M = 0.45
"""Height of the camera above that of the world `streets`."""
HAZIER = 4.0
PALETTE = ((0.35, 0.25, 0.25), (0.45, 0.6, 0.2), (0.2, 0.15, 0.55))
"""Red, green and blue of a surface, as rows, in each colour of its other paint."""
DARKER = 0.75
SUNLIGHT = (1.0, 0.72, 0.46)
SKYLIGHT = (1.05, 0.85, 0.8)
SENSOR = dict(
    exposure=0.2,
    glare=0.03,
    blur=0.1,
    halo=0.08,
    vignette=0.25,
    balance=(1.06, 1.0, 0.92),
    shot_noise=0.02,
    read_noise=0.004,
    mosaic=1.0,
    saturation=0.8,
    gamma=2.0,
    contrast=0.35,
    black=0.01,
    sharpen=0.4,
    jpeg_step=0.4,
)
"""See `sensor.Sensor`."""


def focal_px(height: int, width: int) -> float:
    """Returns the focal length of an image's size, in pixels."""
    return LENS * intrinsics(height, width).focal_px


@partial(jax.jit, static_argnames=("height", "width"))
def render_view(scene: Scene, key: PRNGKeyArray, height: int, width: int) -> View:
    """Renders a scene of the world `streets` in this one. See `render.render_view`.

    Args:
      scene: as `random_scene` draws it.
      key: of the noise in the image.
      height: rows.
      width: columns.

    Returns:
      The RGB image, and depth in metres along the optical axis, 0 for the sky.
    """
    seen = dataclasses.replace(
        scene,
        ground=_painted(scene.ground),
        boxes=_surfaced(scene.boxes),
        cylinders=_surfaced(scene.cylinders),
        ellipsoids=_surfaced(scene.ellipsoids),
        camera=_raised(scene.camera),
        light=_late(scene.light),
    )
    origin, direction = pixel_rays(_through_lens(seen.camera), height, width)
    hits = trace(origin, direction, seen)
    light_rgb = radiance(hits, direction, seen, focal_px(height, width))
    image = capture(light_rgb.T.reshape(height, width, 3), _sensor(), key)
    depth_m = jnp.where(hits.solid == SKY, 0.0, hits.distance)
    return image, depth_m.reshape(height, width)


def render(key: PRNGKeyArray, height: int, width: int) -> View:
    """Renders the scene of a key. See `render_view`."""
    scene_key, noise_key = jax.random.split(key)
    return render_view(random_scene(scene_key), noise_key, height, width)


Solids = TypeVar("Solids", Boxes, Cylinders, Ellipsoids)


def _surfaced(solids: Solids) -> Solids:
    return dataclasses.replace(solids, surface=_painted(solids.surface))


def _painted(surface: Surface) -> Surface:
    return dataclasses.replace(
        surface, color=_repainted(surface.color), accent=_repainted(surface.accent)
    )


def _repainted(color: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    mixed = jnp.matmul(color, jnp.asarray(PALETTE), precision="highest")
    return jnp.clip(DARKER * mixed, 0.01, 0.95)


def _raised(camera: Camera) -> Camera:
    up = jnp.array([0.0, HIGHER_M, 0.0])
    return dataclasses.replace(camera, position=camera.position + up)


def _through_lens(camera: Camera) -> Camera:
    """Narrows the view: a pixel is a smaller step to the right and down."""
    steps = jnp.array([1 / LENS, 1 / LENS, 1.0])[:, None]
    return dataclasses.replace(camera, axes=camera.axes * steps)


def _late(light: Light) -> Light:
    return dataclasses.replace(
        light,
        sun_color=light.sun_color * jnp.asarray(SUNLIGHT),
        zenith_color=light.zenith_color * jnp.asarray(SKYLIGHT),
        horizon_color=light.horizon_color * jnp.asarray(SKYLIGHT),
        haze_per_m=light.haze_per_m * HAZIER,
    )


def _sensor() -> Sensor:
    return Sensor(**{name: jnp.asarray(value) for name, value in SENSOR.items()})
