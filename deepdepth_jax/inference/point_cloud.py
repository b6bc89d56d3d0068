"""From depth to points in space, with their colours, in files that viewers open."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.geometry.edges import at_edges
from deepdepth_jax.runtime import atomic
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
class PointCloud:
    """Coloured points. Axes are the camera's: x to the right, y down, z forward.

    Attributes:
      position_m: place of each point, in metres.
      colour: RGB of each point.
      focal_px: focal length of the camera, in pixels.
      principal_point_px: column and row where its optical axis meets the image.
    """

    position_m: Float32[np.ndarray, "n 3"]
    colour: UInt8[np.ndarray, "n 3"]
    focal_px: float
    principal_point_px: tuple[float, float]

    @classmethod
    def of(
        cls,
        image: UInt8[np.ndarray, "h w 3"],
        depth_m: Float[AnyArray, "h w"],
        camera: Pinhole,
    ) -> "PointCloud":
        """Unprojects an image.

        Pixels without depth (0) and those at edges are left out. See `at_edges`.

        Args:
          image: RGB.
          depth_m: metres, 0 = no depth.
          camera: the pinhole camera.

        Returns:
          A point for each of the other pixels, in the order of rows.
        """
        is_shown = (np.asarray(depth_m) > 0) & ~at_edges(depth_m)
        return cls(
            camera.unproject(depth_m)[is_shown],
            image[is_shown],
            camera.focal_px,
            camera.principal_point_of(*image.shape[:2]),
        )

    def save(self, path: Path) -> None:
        """Writes the points as binary little-endian PLY."""
        points = np.empty(len(self.position_m), _POINT)
        points["position_m"] = self.position_m
        points["colour"] = self.colour
        x_px, y_px = self.principal_point_px
        header = _HEADER.format(
            focal_px=self.focal_px, x_px=x_px, y_px=y_px, count=len(points)
        )
        atomic.write(path, header.encode() + points.tobytes())
