"""The worlds that street scenes are drawn from, by the name a config has for them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, PRNGKeyArray, UInt8

from deepdepth_jax.datasets.streets import evening
from deepdepth_jax.datasets.streets.render import intrinsics, render
from deepdepth_jax.datasets.streets.wide.render import render_scene


class Rendered(NamedTuple):
    """A scene as its camera sees it.

    Attributes:
      image: RGB.
      depth_m: along the optical axis, 0 for the sky.
      focal_px: of the camera.
    """

    image: UInt8[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    focal_px: float


class World(NamedTuple):
    """A distribution of scenes.

    Attributes:
      version: increases with every change of the rendered images, so that records of
        another version are prepared again.
      render: renders the scene of a key at a height and a width.
    """

    version: int
    render: Callable[[PRNGKeyArray, int, int], Rendered]


def _streets(key: PRNGKeyArray, height: int, width: int) -> Rendered:
    image, depth_m = jax.device_get(render(key, height, width))
    return Rendered(image, depth_m, intrinsics(height, width).focal_px)


def _wide(key: PRNGKeyArray, height: int, width: int) -> Rendered:
    return Rendered(*render_scene(key, height, width))


def _evening(key: PRNGKeyArray, height: int, width: int) -> Rendered:
    image, depth_m = jax.device_get(evening.render(key, height, width))
    return Rendered(image, depth_m, evening.focal_px(height, width))


WORLDS: Mapping[str, World] = MappingProxyType(
    {
        "streets": World(1, _streets),
        "wide": World(1, _wide),
        "evening": World(1, _evening),
    }
)
