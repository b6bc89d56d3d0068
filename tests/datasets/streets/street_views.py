"""Scenes as their cameras see them, all of one size: each size compiles for seconds."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np

from deepdepth_jax.datasets.streets.hits import trace
from deepdepth_jax.datasets.streets.render import pixel_rays, render_view
from deepdepth_jax.datasets.streets.scene import Scene

HEIGHT, WIDTH = 48, 160


@dataclasses.dataclass
class View:
    """What a camera sees; rays and hits row by row, vectors last."""

    scene: Scene
    origin: np.ndarray
    directions: np.ndarray
    image: np.ndarray
    depth_m: np.ndarray
    hits: SimpleNamespace


def in_numpy(tree):
    """Turns a scene into plain objects of NumPy arrays, which are quick to ask."""
    if not dataclasses.is_dataclass(tree):
        return np.asarray(tree)
    return SimpleNamespace(**{name: in_numpy(v) for name, v in vars(tree).items()})


def see(scene):
    image, depth_m = render_view(scene, jax.random.key(7), height=HEIGHT, width=WIDTH)
    origin, directions = pixel_rays(scene.camera, HEIGHT, WIDTH)
    hits = jax.jit(trace)(origin, directions, scene)
    return View(
        scene=scene,
        origin=np.asarray(origin, np.float64)[:, 0],
        directions=np.asarray(directions, np.float64).T,
        image=np.asarray(image),
        depth_m=np.asarray(depth_m),
        hits=in_numpy(hits),
    )
