"""Images at the scale that the network sees, and predictions at the images' own."""

import math

import jax
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import ViewScale
from deepdepth_jax.types import Prediction

LARGEST_SEEN_PX = 200_000_000
"""Pixels that an image may be enlarged to. More is a mistake."""
SMALLEST_SEEN_PX = 8
"""Rows or columns that an image may be reduced to. Fewer is a mistake."""
WIDEST_VIEW_DEG = 160
"""A focal length that means a wider view is a mistake, such as one in millimetres."""


def seen_size(
    shape: tuple[int, ...], focal_px: float | int, view: ViewScale
) -> tuple[int, int]:
    """Computes height and width of the image that the network sees.

    Args:
      shape: shape of the image, beginning with height and width.
      focal_px: of its camera, in its pixels. 0 = unknown.
      view: how images of its camera are scaled.

    Returns:
      Height and width in pixels.

    Raises:
      UserError: no camera has that focal length, or the image would be enlarged beyond
        all memory or reduced to nothing.
    """
    height, width = shape[:2]
    view_deg = math.degrees(2 * math.atan2(width, 2 * focal_px))
    if focal_px and view_deg > WIDEST_VIEW_DEG:
        raise UserError(
            f"focal_px={focal_px:g}: would mean a field of view of {view_deg:.0f} "
            f"degrees for an image {width} pixels wide; give the focal length in pixels"
        )
    scale = view.scale
    if scale > 1 and height * width * scale**2 > LARGEST_SEEN_PX:
        raise UserError(
            f"an image of {width} x {height} pixels would be enlarged by a factor of "
            f"{scale:.3g}, beyond {LARGEST_SEEN_PX / 1e6:g} megapixels; give a smaller "
            "scale or a longer focal length"
        )
    if min(height, width) * scale < SMALLEST_SEEN_PX <= min(height, width):
        raise UserError(
            f"an image of {width} x {height} pixels would be reduced by a factor of "
            f"{scale:.3g}, to less than {SMALLEST_SEEN_PX} rows or columns; give a "
            "larger scale or a shorter focal length"
        )
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize_image(
    image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "y x 3"]:
    """Resizes an image bilinearly to a height and width."""
    if image.shape[:2] == size:
        return image
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)


def resize_prediction(prediction: Prediction, size: tuple[int, int]) -> Prediction:
    """Resizes the prediction of one image bilinearly to a height and width."""
    return jax.tree.map(lambda values: resize_map(values, size), prediction)


def resize_map(
    values: Float[np.ndarray, "y x"], size: tuple[int, int]
) -> Float[np.ndarray, "h w"]:
    """Resizes a map bilinearly to a height and width."""
    if values.shape == size:
        return values
    resized = Image.fromarray(values).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)
