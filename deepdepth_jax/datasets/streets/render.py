"""Images of scenes, with the exact depth at the middle of every pixel."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, PRNGKeyArray, UInt8

from deepdepth_jax.datasets.streets.geometry import SKY, Rays, Vectors
from deepdepth_jax.datasets.streets.hits import trace
from deepdepth_jax.datasets.streets.scene import Camera, Scene, random_scene
from deepdepth_jax.datasets.streets.shading import develop, radiance

KITTI_FOCAL_PX, KITTI_WIDTH_PX = 721.5377, 1242
HORIZON_SHARE = 0.46  # of the height, from above, to the optical axis

View = tuple[UInt8[Array, "{height} {width} 3"], Float32[Array, "{height} {width}"]]


class Intrinsics(NamedTuple):
    """A pinhole camera. X and y count from the image's corner, in pixels."""

    focal_px: float
    center_x_px: float
    center_y_px: float


def intrinsics(height: int, width: int) -> Intrinsics:
    """Returns the camera of an image's size: KITTI's, scaled to the width."""
    return Intrinsics(
        focal_px=KITTI_FOCAL_PX * width / KITTI_WIDTH_PX,
        center_x_px=width / 2,
        center_y_px=HORIZON_SHARE * height,
    )


def pixel_rays(camera: Camera, height: int, width: int) -> tuple[Rays, Vectors]:
    """Returns the rays through the middles of all pixels, row by row.

    Returns:
      One origin for all, and directions that advance one metre along the optical axis:
      distances in their units are z-depths.
    """
    focal_px, center_x_px, center_y_px = intrinsics(height, width)
    y_px, x_px = jnp.mgrid[:height, :width] + 0.5
    right = ((x_px - center_x_px) / focal_px).ravel()
    down = ((y_px - center_y_px) / focal_px).ravel()
    in_camera = jnp.stack([right, down, jnp.ones_like(right)])
    direction = jnp.matmul(camera.axes.T, in_camera, precision="highest")
    return camera.position[:, None], direction


@partial(jax.jit, static_argnames=("height", "width"))
def render_view(scene: Scene, key: PRNGKeyArray, height: int, width: int) -> View:
    """Renders the view of a scene's camera.

    Args:
      scene: the scene and its camera.
      key: of the grain in the image.
      height: rows.
      width: columns.

    Returns:
      The RGB image, and depth in metres along the optical axis, 0 for the sky. Depth
      is the exact intersection, nothing is sampled or stored in between.
    """
    origin, direction = pixel_rays(scene.camera, height, width)
    hits = trace(origin, direction, scene)
    light_rgb = radiance(hits, direction, scene, intrinsics(height, width).focal_px)
    image = develop(light_rgb.T.reshape(height, width, 3), scene.light.exposure, key)
    depth_m = jnp.where(hits.solid == SKY, 0.0, hits.distance)
    return image, depth_m.reshape(height, width)


def render(key: PRNGKeyArray, height: int, width: int) -> View:
    """Renders the scene of a key. See `render_view`."""
    scene_key, grain_key = jax.random.split(key)
    return render_view(random_scene(scene_key), grain_key, height, width)
