"""From depth to points in space, with their colours, in files that viewers open."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from deepdepth_jax.depth_edges import at_edges
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


@dataclasses.dataclass(frozen=True)
class Pinhole:
    """A camera with square pixels and without distortion.

    Attributes:
      focal_px: focal length, in pixels.
      principal_point_px: where the optical axis meets the picture, as column and row;
        the middle of the first pixel is (0, 0). None: the middle of the picture.
    """

    focal_px: float
    principal_point_px: tuple[float, float] | None = None

    def principal_point_of(self, height: int, width: int) -> tuple[float, float]:
        """Gives the principal point for a picture of this size."""
        return self.principal_point_px or ((width - 1) / 2, (height - 1) / 2)

    def unproject(
        self, depth_m: Float[AnyArray, "h w"]
    ) -> Float32[np.ndarray, "h w 3"]:
        """Gives the point in space that each pixel shows.

        Args:
          depth_m: along the optical axis.

        Returns:
          Metres to the right, down and forward:
          ((u - c_u) z / f, (v - c_v) z / f, z) for column u and row v.
        """
        depth_m = np.asarray(depth_m, np.float32)
        height, width = depth_m.shape
        x_px, y_px = self.principal_point_of(height, width)
        right = ((np.arange(width) - x_px) / self.focal_px).astype(np.float32)
        down = ((np.arange(height) - y_px) / self.focal_px).astype(np.float32)
        return np.stack([depth_m * right, depth_m * down[:, None], depth_m], axis=-1)


def save_point_cloud(
    path: Path,
    image: UInt8[np.ndarray, "h w 3"],
    depth_m: Float[AnyArray, "h w"],
    camera: Pinhole,
) -> None:
    """Writes a picture as coloured points: binary little-endian PLY.

    Axes are the camera's: x to the right, y down, z forward, in metres. Pixels without
    depth (0) and those at edges are left out; see `at_edges`.
    """
    is_shown = (np.asarray(depth_m) > 0) & ~at_edges(depth_m)
    points = np.empty(np.count_nonzero(is_shown), _POINT)
    points["position_m"] = camera.unproject(depth_m)[is_shown]
    points["colour"] = image[is_shown]
    x_px, y_px = camera.principal_point_of(*image.shape[:2])
    header = _HEADER.format(
        focal_px=camera.focal_px, x_px=x_px, y_px=y_px, count=len(points)
    )
    with path.open("wb") as file:
        file.write(header.encode())
        points.tofile(file)
