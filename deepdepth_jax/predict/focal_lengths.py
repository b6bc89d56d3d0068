"""Chooses the focal length of each image, and reports the choices."""

import argparse
import collections
import dataclasses
from collections.abc import Iterable
from pathlib import Path

from deepdepth_jax.datasets.images import CameraImage
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import ASSUMED_MM35, FocalLength, ViewScale
from deepdepth_jax.inference.predictor import DepthPredictor

MOST_LISTED = 8
"""Of the focal lengths, and of the images with ignored tags, that are listed."""
OPTIONS = "--focal_px or --focal_mm35"


@dataclasses.dataclass(frozen=True, order=True)
class Origin:
    """A focal length and where it comes from.

    Attributes:
      focal_px: in pixels of the image. 0 = unknown.
      source: words for its source. Empty if unknown.
    """

    focal_px: float = 0.0
    source: str = ""


class FocalLengths:
    """The focal lengths of the images of one command.

    An option wins over EXIF tags. Without either, it is assumed.

    Args:
      predictor: the network that the images are for.
      given: by an option. Empty if none was given.
      for_points: whether point clouds are written, which need a camera.
    """

    def __init__(
        self, predictor: DepthPredictor, given: FocalLength, *, for_points: bool
    ) -> None:
        self._predictor = predictor
        self._given = given
        self._for_points = for_points
        self._views: dict[Origin, list[ViewScale]] = collections.defaultdict(list)
        self._ignored: list[str] = []

    @classmethod
    def of(
        cls, predictor: DepthPredictor, arguments: argparse.Namespace
    ) -> "FocalLengths":
        """Reads the options of the command line."""
        given = FocalLength(arguments.focal_px, arguments.focal_mm35)
        for_points = "pointcloud" in (arguments.save or ())
        return cls(predictor, given, for_points=for_points)

    def choose(self, path: Path, image: CameraImage) -> float:
        """Chooses the focal length of an image.

        Of a video the first frame decides.

        Args:
          path: the file, for messages.
          image: the image.

        Returns:
          Pixels of the image; 0 = as in training.

        Raises:
          UserError: point clouds need it and it is unknown, or the image cannot be
            scaled by it.
        """
        origin = Origin()
        if self._given:
            option = "--focal_px" if self._given.px else "--focal_mm35"
            origin = Origin(self._given.in_pixels(*image.image.shape[:2]), option)
        elif image.focal_px:
            origin = Origin(image.focal_px, "EXIF")
        else:
            origin = self._assumed(path, image.image.shape)
        try:
            self._predictor.seen_size(image.image.shape, origin.focal_px)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        if not self._given and image.remarks:
            self._ignored.append(f"{path} ({'; '.join(image.remarks)})")
        self._views[origin].append(
            self._predictor.view_scale(origin.focal_px, image.image.shape)
        )
        return origin.focal_px

    def _assumed(self, path: Path, shape: tuple[int, ...]) -> Origin:
        assumed_px = self._predictor.assumed_focal_px(shape)
        if assumed_px:
            words = f"assumed, {ASSUMED_MM35:g} mm as 35 mm equivalent; depth is "
            words += f"proportional to it: give {OPTIONS}"
            return Origin(assumed_px, words)
        if self._for_points and not self._predictor.training_focal_px:
            raise UserError(
                f"{path}: --save=pointcloud needs the focal length of the image, and "
                f"that of training is unknown too: give {OPTIONS}"
            )
        return Origin()

    def report(self) -> list[str]:
        """Returns the focal lengths in use and their effects, and ignored tags."""
        listed = sorted(self._views)
        lines = [self._line(origin) for origin in listed[:MOST_LISTED]]
        if len(listed) > MOST_LISTED:
            lines.append(f"focal length: {len(listed) - MOST_LISTED} more")
        if self._ignored:
            more = len(self._ignored) - MOST_LISTED
            names = self._ignored[:MOST_LISTED] + ([f"{more} more"] if more > 0 else [])
            lines.append(f"EXIF tags ignored: {', '.join(names)}")
        return lines

    def _line(self, origin: Origin) -> str:
        training_px = self._predictor.training_focal_px
        views = self._views[origin]
        files = f"{len(views)} file" + "s" * (len(views) > 1)
        if not origin.focal_px:
            if not training_px:
                return f"focal length of {files}: unknown, and so is that of training"
            return (
                f"focal length of {files}: unknown, assumed to be {training_px:.1f} "
                f"px, as in training; if it is another, give {OPTIONS}"
            )
        line = f"focal length of {files}: {origin.focal_px:.1f} px ({origin.source})"
        if not training_px:
            return f"{line}; that of training is unknown, so depth is not scaled"
        scale = _range(view.scale for view in views)
        depth_factor = _range(view.depth_factor for view in views)
        return (
            f"{line}, in training {training_px:.1f} px: images are scaled by {scale}, "
            f"predicted depth by {depth_factor}"
        )


def _range(numbers: Iterable[float]) -> str:
    """Writes the lowest and the highest number, or the only one."""
    each = sorted({f"{number:.3g}" for number in numbers}, key=float)
    return each[0] if len(each) == 1 else f"{each[0]} to {each[-1]}"
