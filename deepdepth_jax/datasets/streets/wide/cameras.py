"""Cameras of the wide world: focal lengths, heights and attitudes of many cars."""

import math

import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.geometry import Rays, Vectors
from deepdepth_jax.datasets.streets.render import KITTI_FOCAL_PX, KITTI_WIDTH_PX
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.solids import on_device

FOCAL_RANGE = (0.5, 2.0)  # of KITTI's, scaled to the width
HEIGHT_RANGE_M = (1.2, 2.2)
PIXEL_ASPECT = 1.06  # of pixels, at most
YAW_LIMIT, PITCH_LIMIT, ROLL_LIMIT = 0.7, 0.12, 0.05  # radians


@struct.dataclass
class WideCamera:
    """A pinhole camera.

    Attributes:
      position: metres.
      axes: rows are the image's right, down, and the optical axis, in the world.
      focal: of x and y, as shares of the width of the image.
      center: the principal point, as shares of width and height.
    """

    position: Float[Array, "3"]
    axes: Float[Array, "3 3"]
    focal: Float[Array, "2"]
    center: Float[Array, "2"]

    def focal_px(self, width: int) -> float:
        """Computes the focal length: the geometric mean of those of x and y."""
        return width * float(np.sqrt(np.prod(np.asarray(self.focal, np.float64))))


def random_camera(draws: Draws, beside_m: float, yaw: float) -> WideCamera:
    """Draws a camera over the road.

    Args:
      draws: random numbers.
      beside_m: offset to the right of the road's middle.
      yaw: where it looks, radians from the road's direction to the right.

    Returns:
      The camera.
    """
    focal = KITTI_FOCAL_PX / KITTI_WIDTH_PX * _focal_factor(draws)
    aspect = draws.log_uniform(1 / PIXEL_ASPECT, PIXEL_ASPECT)
    height = (
        draws.uniform(*HEIGHT_RANGE_M) if draws.chance(0.4) else draws.uniform(1.5, 1.8)
    )
    pitch = draws.normal(0.025 if draws.chance(0.8) else 0.06)
    roll = draws.normal(0.012)
    pitch, roll = (
        np.clip(pitch, -PITCH_LIMIT, PITCH_LIMIT),
        np.clip(roll, -ROLL_LIMIT, ROLL_LIMIT),
    )
    spread = 0.02 if draws.chance(0.6) else 0.1
    center = np.array([0.5, 0.47]) + draws.normal(spread, shape=(2,)) * [0.6, 1.0]
    fields = on_device(
        position=[beside_m, height, 0.0],
        axes=attitude(np.clip(yaw, -YAW_LIMIT, YAW_LIMIT), pitch, roll),
        focal=[focal * aspect**0.5, focal / aspect**0.5],
        center=center,
    )
    return WideCamera(**fields)


def _focal_factor(draws: Draws) -> float:
    """Draws about half of the cameras near KITTI's, the others over the whole range."""
    if draws.chance(0.45):
        return draws.log_uniform(0.85, 1.18)
    return draws.log_uniform(*FOCAL_RANGE)


def attitude(yaw: float, pitch: float, roll: float) -> Float[np.ndarray, "3 3"]:
    """Computes the axes of a camera turned right, then up, then clockwise (radians)."""
    sy, cy, sp, cp = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
    right = np.array([cy, 0.0, -sy])
    down = np.array([sy * sp, -cp, cy * sp])
    ahead = np.array([sy * cp, sp, cy * cp])
    cr, sr = math.cos(roll), math.sin(roll)
    return np.stack([cr * right + sr * down, cr * down - sr * right, ahead])


def pixel_rays(
    camera: WideCamera, y_px: Array, x_px: Array, size: tuple[int, int]
) -> tuple[Rays, Vectors]:
    """Computes the rays through points of an image of a size (height, width).

    Returns:
      One origin for all, and directions that advance one metre along the optical axis:
      distances in their units are z-depths.
    """
    height, width = size
    right = (x_px / width - camera.center[0]) / camera.focal[0]
    down = (y_px - camera.center[1] * height) / (camera.focal[1] * width)
    axes = camera.axes
    rows = [right * axes[0, i] + down * axes[1, i] + axes[2, i] for i in range(3)]
    return camera.position[:, None], jnp.stack(rows)
