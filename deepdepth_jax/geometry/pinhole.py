"""Where in space the pixels of an image are."""

import dataclasses

import numpy as np
from jaxtyping import Float, Float32

from deepdepth_jax.types import AnyArray


@dataclasses.dataclass(frozen=True)
class Pinhole:
    """A camera with square pixels and without distortion.

    Attributes:
      focal_px: focal length, in pixels.
      principal_point_px: where the optical axis meets the image, as column and row.
        The middle of the first pixel is (0, 0). None: the middle of the image.
    """

    focal_px: float
    principal_point_px: tuple[float, float] | None = None

    def principal_point_of(self, height: int, width: int) -> tuple[float, float]:
        """Returns the principal point for an image of this size."""
        return self.principal_point_px or ((width - 1) / 2, (height - 1) / 2)

    def unproject(
        self, depth_m: Float[AnyArray, "h w"]
    ) -> Float32[np.ndarray, "h w 3"]:
        """Returns the point in space that each pixel shows.

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
