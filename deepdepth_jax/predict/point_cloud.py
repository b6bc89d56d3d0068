"""From depth to points in space, with their colours, in files that viewers open."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from deepdepth_jax import atomic
from deepdepth_jax.geometry import Pinhole, at_edges
from deepdepth_jax.types import AnyArray

_POINT = np.dtype(
    [("position_m", "<f4", 3), ("colour", "u1", 3)]  # packed, as in the file
)
_HEADER = """ply
format binary_little_endian 1.0
comment metres, seen from the camera: x to the right, y down, z forward
comment focal length {focal_px:g} px, principal point {x_px:g}, {y_px:g} px
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""


def save_point_cloud(
    path: Path,
    image: UInt8[np.ndarray, "h w 3"],
    depth_m: Float[AnyArray, "h w"],
    camera: Pinhole,
) -> None:
    """Writes an image as coloured points: binary little-endian PLY.

    Axes are the camera's: x to the right, y down, z forward, in metres. Pixels without
    depth (0) and those at edges are left out. See `at_edges`.

    Args:
      path: file to write.
      image: RGB.
      depth_m: metres, 0 = no depth.
      camera: the pinhole camera.
    """
    is_shown = (np.asarray(depth_m) > 0) & ~at_edges(depth_m)
    points = np.empty(np.count_nonzero(is_shown), _POINT)
    points["position_m"] = camera.unproject(depth_m)[is_shown]
    points["colour"] = image[is_shown]
    x_px, y_px = camera.principal_point_of(*image.shape[:2])
    header = _HEADER.format(
        focal_px=camera.focal_px, x_px=x_px, y_px=y_px, count=len(points)
    )
    atomic.write(path, header.encode() + points.tobytes())
