"""Whether an image and its depth map lie on each other, pixel by pixel."""

import functools
from pathlib import Path

import numpy as np

from deepdepth_jax.datasets.files import SizeCheck
from deepdepth_jax.datasets.orientation import describe, orientation_of
from deepdepth_jax.errors import UserError


def same_size_as(image: Path, pixels: np.ndarray, depth: Path) -> SizeCheck:
    """Returns the check that a depth map has an image's upright height and width.

    Args:
      image: the image's file.
      pixels: the upright image (h, w, 3).
      depth: the depth map's file.
    """
    return functools.partial(require_same_size, image, pixels.shape[:2], depth)


def require_same_size(
    image: Path, image_size: tuple[int, ...], depth: Path, depth_size: tuple[int, ...]
) -> None:
    """Checks that an image and its depth map have the same upright height and width.

    Args:
      image: path of the image.
      image_size: its upright height and width.
      depth: path of the depth map.
      depth_size: its upright height and width.

    Raises:
      UserError: they differ. Names both files and sizes, and their turns if these
        differ, too.
    """
    if image_size == depth_size:
        return
    turns = describe_turns(image, depth)
    remedy = (
        f"{turns}: save both upright, or both with the same orientation"
        if turns
        else "take the original of the one that was resized or cropped"
    )
    raise UserError(
        f"{image}: is {_format_size(image_size)} pixels, its depth {depth} is "
        f"{_format_size(depth_size)}; they must match pixel by pixel: {remedy}"
    )


def describe_turns(image: Path, depth: Path) -> str:
    """Describes the turns of an image and its depth map. Empty if both are the same.

    The files may match all the same: some programs write depth maps of upright images.
    """
    of_image, of_depth = orientation_of(image), orientation_of(depth)
    if of_image == of_depth:
        return ""
    return f"the image is {describe(of_image)}, its depth is {describe(of_depth)}"


def _format_size(size: tuple[int, ...]) -> str:
    height, width = size
    return f"{width} x {height}"
