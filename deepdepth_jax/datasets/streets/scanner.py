"""A lidar with 64 beams that turns about itself in a street scene."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from deepdepth_jax.datasets.streets.geometry import SKY, Rays, Vectors, dot
from deepdepth_jax.datasets.streets.hits import trace
from deepdepth_jax.datasets.streets.scene import Scene

BEAMS = 64
HIGHEST_DEG, LOWEST_DEG = 2.0, -24.8
RANGE_M = 120.0


def scan(
    scene: Scene,
    position: Float[np.ndarray, "3"],
    axes: Float[np.ndarray, "3 3"],
    *,
    azimuth_step_deg: float = 0.17,
    sector_deg: float = 360.0,
) -> Float32[np.ndarray, "n 4"]:
    """Measures one turn, without noise.

    Args:
      scene: the scene.
      position: of the lidar, metres in the world.
      axes: rows are the lidar's forward, left and up in the world.
      azimuth_step_deg: between shots of a beam.
      sector_deg: of the turn that is measured, symmetric about forward.

    Returns:
      Points as KITTI's Velodyne gives them: x forward, y left, z up in metres in the
      lidar's frame, and reflectance in [0, 1]. Beams from above to below, each from
      left to right. Shots that meet nothing within `RANGE_M` have no point.
    """
    shots = _shots(azimuth_step_deg, sector_deg)
    pose = (jnp.asarray(v, jnp.float32) for v in (position, axes))
    distance, reflectance = jax.device_get(_measure(scene, jnp.asarray(shots), *pose))
    points = np.concatenate([shots * distance, reflectance[None]]).T
    return points[distance <= RANGE_M]


def _shots(azimuth_step_deg: float, sector_deg: float) -> Float32[np.ndarray, "3 n"]:
    """Lists the unit directions of all shots in the lidar's frame."""
    count = max(round(sector_deg / azimuth_step_deg), 1)
    middle = (count - 1) / 2
    azimuth = np.deg2rad((middle - np.arange(count)) * azimuth_step_deg)
    elevation = np.deg2rad(np.linspace(HIGHEST_DEG, LOWEST_DEG, BEAMS))
    elevation, azimuth = np.meshgrid(elevation, azimuth, indexing="ij")
    forward = np.cos(elevation) * np.cos(azimuth)
    left = np.cos(elevation) * np.sin(azimuth)
    shots = np.stack([forward, left, np.sin(elevation)])
    return shots.reshape(3, -1).astype(np.float32)


@jax.jit
def _measure(
    scene: Scene, shots: Vectors, position: Float[Array, "3"], axes: Float[Array, "3 3"]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Returns range, infinite for the sky, and reflectance."""
    direction = jnp.matmul(axes.T, shots, precision="highest")
    origin: Rays = position[:, None]
    hits = trace(origin, direction, scene)
    color = scene.surfaces().color[jnp.maximum(hits.solid, 0)].T
    incidence = jnp.clip(-dot(direction, hits.normal), 0.0, 1.0)
    reflectance = jnp.clip(jnp.mean(color, axis=0) * (0.4 + 0.6 * incidence), 0.0, 1.0)
    return jnp.where(hits.solid == SKY, jnp.inf, hits.distance), reflectance
