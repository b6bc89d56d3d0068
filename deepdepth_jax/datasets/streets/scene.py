"""A whole scene from a random key: solids, camera, light."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, PRNGKeyArray

from deepdepth_jax.datasets.streets.buildings import random_buildings
from deepdepth_jax.datasets.streets.draws import Draws
from deepdepth_jax.datasets.streets.furniture import (
    random_lamps,
    random_people,
    random_signs,
)
from deepdepth_jax.datasets.streets.layout import Street, pavements, random_street
from deepdepth_jax.datasets.streets.solids import (
    Boxes,
    Cylinders,
    Ellipsoids,
    Material,
    Surface,
    join,
    make_surface,
)
from deepdepth_jax.datasets.streets.vegetation import (
    random_hedges,
    random_hills,
    random_trees,
)
from deepdepth_jax.datasets.streets.vehicles import random_vehicles

NUMBERS_PER_SCENE = 4096
PAVED_SHADE = 0.2
HAZE_PER_M = 1 / 2500  # at its clearest
GROUND_COLORS = [
    [0.10, 0.15, 0.04],
    [0.13, 0.17, 0.06],
    [0.16, 0.16, 0.07],
    [0.22, 0.19, 0.14],
]


@struct.dataclass
class Camera:
    """Where the camera is and looks.

    Attributes:
      position: metres.
      axes: rows are the image's right, down, and the optical axis, in the world.
    """

    position: Float[Array, "3"]
    axes: Float[Array, "3 3"]


@struct.dataclass
class Light:
    """The weather: sun, sky and haze, in linear RGB.

    Attributes:
      sun_direction: unit vector towards the sun.
      sun_color: irradiance of a surface that faces the sun.
      zenith_color: the sky overhead.
      horizon_color: the sky at the horizon, and the colour of haze.
      cloudiness: share of the sky under clouds.
      haze_per_m: extinction of the air.
      exposure: gain of the camera.
    """

    sun_direction: Float[Array, "3"]
    sun_color: Float[Array, "3"]
    zenith_color: Float[Array, "3"]
    horizon_color: Float[Array, "3"]
    cloudiness: Float[Array, ""]
    haze_per_m: Float[Array, ""]
    exposure: Float[Array, ""]


@struct.dataclass
class Scene:
    """Everything there is to see. The ground is solid 0, boxes come next."""

    street: Street
    ground: Surface
    boxes: Boxes
    cylinders: Cylinders
    ellipsoids: Ellipsoids
    camera: Camera
    light: Light

    def surfaces(self) -> Surface:
        """Lists the surfaces of the solids, in the order of their numbers."""
        solids = (self.boxes, self.cylinders, self.ellipsoids)
        return join([self.ground, *(solid.surface for solid in solids)])


@jax.jit
def random_scene(key: PRNGKeyArray) -> Scene:
    """Draws a scene. The same key gives the same scene.

    Args:
      key: random key.

    Returns:
      The scene.
    """
    draws = Draws(key, NUMBERS_PER_SCENE)
    street = random_street(draws)
    bodies, wheels = random_vehicles(draws, street)
    trunks, crowns = random_trees(draws, street)
    heads, posts = random_lamps(draws, street)
    legs, people = random_people(draws, street)
    signs = random_signs(draws, street)
    return Scene(
        street=street,
        ground=_ground(draws, street),
        boxes=join(
            [
                pavements(draws, street),
                random_buildings(draws, street),
                random_hedges(draws, street),
                bodies,
                heads,
            ]
        ),
        cylinders=join([wheels, trunks, posts, signs, legs]),
        ellipsoids=join([crowns, people, random_hills(draws)]),
        camera=_random_camera(draws, street),
        light=_random_light(draws),
    )


def _ground(draws: Draws, street: Street) -> Surface:
    """Covers the ground beside the pavements: grass, or paving in a city."""
    paved = draws.chance((), street.urban - 0.2)
    color = jnp.where(paved, PAVED_SHADE, draws.color((), GROUND_COLORS))
    pattern = jnp.stack([paved * 1.0, *draws.uniform((3,))])
    return make_surface(Material.GROUND, color[None], pattern=pattern[None])


def _random_camera(draws: Draws, street: Street) -> Camera:
    """Puts the camera behind the windscreen of a car in the right lane."""
    beside = street.lane_m / 2 + draws.uniform((), -0.5, 0.4)
    height = draws.uniform((), 1.5, 1.85)
    yaw, pitch = draws.uniform((), -0.06, 0.06), draws.uniform((), -0.02, 0.03)
    position = jnp.stack([beside, height, jnp.zeros(())])
    return Camera(position=position, axes=look(yaw, pitch))


def look(yaw: Float[Array, ""], pitch: Float[Array, ""]) -> Float[Array, "3 3"]:
    """Returns the axes of a camera turned right by yaw, then up by pitch (radians)."""
    cos_yaw, sin_yaw = jnp.cos(yaw), jnp.sin(yaw)
    cos_pitch, sin_pitch = jnp.cos(pitch), jnp.sin(pitch)
    right = jnp.stack([cos_yaw, jnp.zeros(()), -sin_yaw])
    down = jnp.stack([sin_yaw * sin_pitch, -cos_pitch, cos_yaw * sin_pitch])
    ahead = jnp.stack([sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch])
    return jnp.stack([right, down, ahead])


def _random_light(draws: Draws) -> Light:
    """Draws the weather, from a clear low sun to a bright overcast."""
    azimuth, elevation = draws.uniform((), -3.1, 3.1), draws.uniform((), 0.35, 1.1)
    sun = [
        jnp.cos(elevation) * jnp.sin(azimuth),
        jnp.sin(elevation),
        jnp.cos(elevation) * jnp.cos(azimuth),
    ]
    cloudiness = draws.uniform()
    clear = 1 - jnp.clip(2.2 * cloudiness - 1.2, 0.0, 0.92)
    high = jnp.clip((elevation - 0.3) / 0.4, 0.0, 1.0)
    low_sun, high_sun = jnp.array([1.0, 0.82, 0.6]), jnp.array([1.0, 0.95, 0.88])
    blue, pale = jnp.array([0.12, 0.29, 0.68]), jnp.array([0.58, 0.71, 0.88])
    grey = jnp.array([0.62, 0.66, 0.72])
    return Light(
        sun_direction=jnp.stack(sun),
        sun_color=2.3 * clear * (low_sun + (high_sun - low_sun) * high),
        zenith_color=grey + (blue - grey) * clear,
        horizon_color=pale * clear + 0.95 * grey * (1 - clear),
        cloudiness=cloudiness,
        haze_per_m=HAZE_PER_M * jnp.exp(draws.uniform((), 0.0, 2.3)),
        exposure=1.25 * jnp.exp(draws.uniform((), -0.2, 0.2)),
    )
