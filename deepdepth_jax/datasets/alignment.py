"""Whether an image and its depth map lie on each other, pixel by pixel."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from deepdepth_jax.config import UntaggedDepth
from deepdepth_jax.datasets.orientation import (
    describe,
    orientation_of,
    upright,
    upright_size,
)
from deepdepth_jax.errors import UserError

UPRIGHT = 1
"""The orientation of a file without a tag."""


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How a depth map is laid on its image.

    Both are upright by their own tags. A map without a tag, whose image has one, may
    belong to the stored or to the upright image. The user knows, or the size says it.

    Attributes:
      image: the image's file.
      image_size: its upright height and width.
      depth: the depth map's file.
      untagged: the field `data.pairs.untagged_depth`.
      remedy: advice where the map fits both ways.
    """

    image: Path
    image_size: tuple[int, ...]
    depth: Path
    untagged: UntaggedDepth = "refuse"
    remedy: str = "save both upright"

    def check_size(self, depth_size: tuple[int, int]) -> None:
        """Checks that the map lies on the image, and in one way only.

        Args:
          depth_size: height and width of the map, upright by its own tag.

        Raises:
          UserError: it does not.
        """
        laid = upright_size(*depth_size, self._turn)
        require_same_size(self.image, self.image_size, self.depth, laid, self.remedy)
        if self.untagged == "refuse":
            self._require_one_way(depth_size)

    def lay(self, depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "_ _"]:
        """Returns the map (h, w) as it lies on the upright image.

        Args:
          depth_m: the map, upright by its own tag.
        """
        return upright(depth_m, self._turn)

    @property
    def _turn(self) -> int:
        return self._open_turn if self.untagged == "as_image" else UPRIGHT

    @functools.cached_property
    def _open_turn(self) -> int:
        """The image's orientation if its depth has none."""
        of_image = orientation_of(self.image)
        if of_image == UPRIGHT or orientation_of(self.depth) != UPRIGHT:
            return UPRIGHT
        return of_image

    def _require_one_way(self, depth_size: tuple[int, int]) -> None:
        turn = self._open_turn
        if turn != UPRIGHT and upright_size(*depth_size, turn) == depth_size:
            raise UserError(
                f"{self.image}: is {describe(turn)}, and its depth {self.depth} has no "
                "orientation tag, so it may belong to the stored or to the upright "
                f"image: {self.remedy}"
            )


def require_stored_upright(image: Path) -> None:
    """Checks that an image onto which lidar is projected has no orientation tag.

    Raises:
      UserError: it has one.
    """
    if (orientation := orientation_of(image)) != UPRIGHT:
        raise UserError(
            f"{image}: is {describe(orientation)}, but its calibration is that of the "
            "stored pixels: remove the tag"
        )


def require_same_size(
    image: Path,
    image_size: tuple[int, ...],
    depth: Path,
    depth_size: tuple[int, ...],
    remedy: str = "save both upright",
) -> None:
    """Checks that an image and its depth map have the same upright height and width.

    Args:
      image: path of the image.
      image_size: its upright height and width.
      depth: path of the depth map.
      depth_size: its upright height and width.
      remedy: advice where their orientation tags differ.

    Raises:
      UserError: they differ. Names both files and sizes, and their turns if these
        differ, too.
    """
    if image_size == depth_size:
        return
    turns = describe_turns(image, depth)
    remedy = (
        f"{turns}: {remedy}"
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
