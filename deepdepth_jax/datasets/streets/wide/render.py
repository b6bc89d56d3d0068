"""Images of the wide world, with the exact depth at the middle of every pixel."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, PRNGKeyArray, UInt8

from deepdepth_jax.datasets.streets.geometry import SKY, Vectors
from deepdepth_jax.datasets.streets.wide.cameras import pixel_rays
from deepdepth_jax.datasets.streets.wide.culling import in_cone
from deepdepth_jax.datasets.streets.wide.lighting import radiance, shades_of
from deepdepth_jax.datasets.streets.wide.scene import WideScene, random_scene
from deepdepth_jax.datasets.streets.wide.sensor import capture
from deepdepth_jax.datasets.streets.wide.surface_hits import surface_hits
from deepdepth_jax.datasets.streets.wide.tracing import Rayed, nearest

TILE = 24, 40  # rows and columns

View = tuple[UInt8[Array, "{height} {width} 3"], Float32[Array, "{height} {width}"]]


def render_scene(
    key: PRNGKeyArray, height: int, width: int
) -> tuple[UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"], float]:
    """Renders the scene of a key.

    Returns:
      The RGB image, its depth (metres along the optical axis, 0 = sky), and the focal
      length in pixels.
    """
    scene = random_scene(*(int(part) for part in np.ravel(jax.random.key_data(key))))
    image, depth_m = jax.device_get(render_view(scene, key, height, width))
    return image, depth_m, scene.camera.focal_px(width)


@partial(jax.jit, static_argnames=("height", "width"))
def render_view(scene: WideScene, key: PRNGKeyArray, height: int, width: int) -> View:
    """Renders the view of a scene's camera.

    Args:
      scene: the scene and its camera.
      key: of the noise in the image.
      height: rows.
      width: columns.

    Returns:
      The RGB image, and depth in metres along the optical axis, 0 for the sky. Depth
      is the exact intersection at the middle of each pixel.
    """
    y_px, x_px = (_in_tiles(place + 0.5) for place in jnp.mgrid[:height, :width])
    focal_px = scene.camera.focal[0] * width
    shades = shades_of(scene)

    def tile(place: tuple[Array, Array]) -> tuple[Vectors, Array]:
        origin, direction = pixel_rays(scene.camera, *place, (height, width))
        mask = in_cone(scene.camera.position, direction, scene.solids.sphere)
        rays = Rayed(origin, direction, scene.solids, mask)
        found = nearest(rays, scene.course)
        hits = surface_hits(origin, direction, found, scene.solids, scene.course)
        depth_m = jnp.where(hits.solid == SKY, 0.0, hits.distance)
        return radiance(hits, direction, scene, shades, focal_px), depth_m

    light, depth = jax.lax.map(tile, (y_px, x_px))
    size = height, width
    light_rgb = jnp.stack([_from_tiles(light[:, i], size) for i in range(3)], -1)
    return capture(light_rgb, scene.sensor, key), _from_tiles(depth, size)


def _in_tiles(image: Float[Array, "h w"]) -> Float[Array, "tiles n"]:
    """Cuts an image into tiles. Those at the far edges repeat its last pixels."""
    rows, columns = (-side % tile for side, tile in zip(image.shape, TILE, strict=True))
    image = jnp.pad(image, ((0, rows), (0, columns)), mode="edge")
    tall, wide = image.shape[0] // TILE[0], image.shape[1] // TILE[1]
    tiles = image.reshape(tall, TILE[0], wide, TILE[1]).swapaxes(1, 2)
    return tiles.reshape(tall * wide, TILE[0] * TILE[1])


def _from_tiles(
    tiles: Float[Array, "tiles n"], size: tuple[int, int]
) -> Float[Array, "h w"]:
    """Puts tiles together again."""
    tall, wide = (-(-side // tile) for side, tile in zip(size, TILE, strict=True))
    image = tiles.reshape(tall, wide, *TILE).swapaxes(1, 2)
    return image.reshape(tall * TILE[0], wide * TILE[1])[: size[0], : size[1]]
