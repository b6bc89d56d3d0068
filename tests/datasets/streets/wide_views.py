"""Scenes of the wide world as their cameras see them, all of one size."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from deepdepth_jax.datasets.streets.wide.cameras import pixel_rays
from deepdepth_jax.datasets.streets.wide.render import render_view
from deepdepth_jax.datasets.streets.wide.scene import WideScene, random_scene
from deepdepth_jax.datasets.streets.wide.tracing import Rayed, nearest

HEIGHT, WIDTH = 36, 60  # no multiples of a tile's
NEAREST = jax.jit(nearest)


@dataclasses.dataclass
class WideView:
    """What a camera sees; rays row by row, vectors last."""

    scene: WideScene
    origin: np.ndarray
    directions: np.ndarray
    image: np.ndarray
    depth_m: np.ndarray
    distance: np.ndarray
    number: np.ndarray


@functools.cache
def wide_scene(number):
    return random_scene(7, number)


def see_wide(scene):
    image, depth_m = render_view(scene, jax.random.key(7), HEIGHT, WIDTH)
    y_px, x_px = (np.float32(v.ravel() + 0.5) for v in np.mgrid[:HEIGHT, :WIDTH])
    origin, directions = pixel_rays(
        scene.camera, jnp.asarray(y_px), jnp.asarray(x_px), (HEIGHT, WIDTH)
    )
    everything = scene.solids.sphere[:, 3] > 0
    rays = Rayed(origin, directions, scene.solids, everything)
    distance, number = NEAREST(rays, scene.course)
    return WideView(
        scene=scene,
        origin=np.asarray(origin, np.float64)[:, 0],
        directions=np.asarray(directions, np.float64).T,
        image=np.asarray(image),
        depth_m=np.asarray(depth_m),
        distance=np.asarray(distance),
        number=np.asarray(number),
    )
