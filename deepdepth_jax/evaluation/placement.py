"""Depth maps of other sizes than their images: resized, placed, or refused."""

import dataclasses
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.errors import UserError

KITTI_CROP = (352, 1216)
"""Height and width of the crop at the bottom centre that KITTI's depth benchmark, BTS
and most of its successors predict."""
_CROP = f"{KITTI_CROP[0]} x {KITTI_CROP[1]}"
KITTI_HEIGHTS = range(370, 377)
KITTI_WIDTHS = range(1224, 1243)
"""The sizes of KITTI's rectified images, which differ from day to day."""
LARGEST_FACTOR = 8
"""A map is at most this many times as high as its image."""
NEARLY_WHOLE = 0.9
"""A map with at least this share of its image's rows and columns may be cut from it."""
ASPECT_TOLERANCE = 0.01
"""Networks round heights and widths to multiples of 32: 192 x 640 for 376 x 1241."""


@dataclasses.dataclass(frozen=True)
class PlacedMap:
    """A predicted depth map, pixel by pixel over its image.

    Attributes:
      depth_m: metres. 0 where nothing is predicted.
      window: the rows and columns that the map covers.
      is_resized: whether the map had another size.
      is_cropped: whether the map covers a part of the image only.
    """

    depth_m: Float[np.ndarray, "h w"]
    window: tuple[slice, slice]
    is_resized: bool = False
    is_cropped: bool = False

    def inside(self, truth_m: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
        """Returns true depth inside the window, and 0 (no ground truth) outside."""
        kept_m = np.zeros_like(truth_m)
        kept_m[self.window] = truth_m[self.window]
        return kept_m


@dataclasses.dataclass
class PlacementCounts:
    """Counts the maps that had another size than their images.

    Attributes:
      maps_resized: those with the image's aspect ratio.
      maps_placed: crops that were put back where they were cut from.
    """

    maps_resized: int = 0
    maps_placed: int = 0

    def add(self, placed: PlacedMap) -> None:
        """Adds a map."""
        self.maps_resized += placed.is_resized
        self.maps_placed += placed.is_cropped

    def conditions(self) -> dict[str, Any]:
        """Returns the counts as entries of a protocol."""
        where = f"{_CROP} at the bottom centre; only these pixels count"
        return {
            **dataclasses.asdict(self),
            "maps_placed_at": where if self.maps_placed else None,
        }

    def remarks(self) -> list[str]:
        """Describes the counts that are not 0, for people to read."""
        remarks = []
        if self.maps_resized:
            remarks.append(f"{self.maps_resized} maps resized")
        if self.maps_placed:
            remarks.append(
                f"{self.maps_placed} maps of {_CROP} placed at the bottom centre: only "
                "their pixels count"
            )
        return remarks


def place(
    depth_m: Float[np.ndarray, "y x"], shape: tuple[int, int], origin: str
) -> PlacedMap:
    """Brings a predicted depth map over its image.

    - A map of the image's size stays as it is.
    - A map of `KITTI_CROP` for an image of KITTI's size is put back where it was cut
      from: at the bottom, in the middle column.
    - A map of the image's aspect ratio, up to `ASPECT_TOLERANCE`, is resized
      bilinearly, unless it is so large that it may be a crop.

    Args:
      depth_m: metres. 0 where nothing is predicted.
      shape: height and width of the image.
      origin: of the map, for people to read.

    Returns:
      The map at the size of its image.

    Raises:
      UserError: the map has any other size.
    """
    require_fitting_size(shape, origin, depth_m.shape)
    height, width = shape
    if depth_m.shape == shape:
        return PlacedMap(depth_m, (slice(height), slice(width)))
    if depth_m.shape == KITTI_CROP and is_kitti_size(shape):
        return _at_the_bottom_centre(depth_m, shape)
    window = slice(height), slice(width)
    return PlacedMap(_resize(depth_m, shape), window, is_resized=True)


def require_fitting_size(
    shape: tuple[int, int], origin: str, size: tuple[int, int]
) -> None:
    """Checks that a map of a size can be brought over its image. See `place`.

    Args:
      shape: height and width of the image.
      origin: of the map, for people to read.
      size: height and width of the map.

    Raises:
      UserError: it cannot.
    """
    (height, width), (y, x) = shape, size
    is_crop = size == KITTI_CROP and is_kitti_size(shape)
    if size == shape or is_crop:
        return
    if NEARLY_WHOLE * height <= y <= height and NEARLY_WHOLE * width <= x <= width:
        raise UserError(
            f"{origin}: is {y} x {x} pixels (height x width), its image is {height} x "
            f"{width}; so near to that size, a map may be cut from the image or "
            "resized: save it at the size of its image"
        )
    is_bounded = x > 0 and 0 < y <= LARGEST_FACTOR * height
    if is_bounded and abs(x * height / (y * width) - 1) <= ASPECT_TOLERANCE:
        return
    raise UserError(
        f"{origin}: is {y} x {x} pixels (height x width), its image is {height} x "
        f"{width}; a map must have the size of its image, or its aspect ratio and at "
        f"most {LARGEST_FACTOR} times its height, or be the bottom-centre {_CROP} crop "
        "of a KITTI image"
    )


def is_kitti_size(shape: tuple[int, int]) -> bool:
    """Returns whether KITTI has images of this height and width."""
    return shape[0] in KITTI_HEIGHTS and shape[1] in KITTI_WIDTHS


def _at_the_bottom_centre(
    depth_m: Float[np.ndarray, "y x"], shape: tuple[int, int]
) -> PlacedMap:
    height, width = KITTI_CROP
    top, left = shape[0] - height, (shape[1] - width) // 2
    window = slice(top, top + height), slice(left, left + width)
    whole_m = np.zeros(shape, depth_m.dtype)
    whole_m[window] = depth_m
    return PlacedMap(whole_m, window, is_cropped=True)


def _resize(
    depth_m: Float[np.ndarray, "y x"], shape: tuple[int, int]
) -> Float[np.ndarray, "h w"]:
    """Resizes depth. Where a pixel without depth takes part, there is none."""
    size = shape[::-1]
    is_empty: Bool[np.ndarray, "y x"] = depth_m <= 0
    mixed = cv2.resize(is_empty.astype(np.float32), size) > 0
    return np.where(mixed, np.float32(0), cv2.resize(depth_m, size))
