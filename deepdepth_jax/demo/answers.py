"""Predictions for an image of the page, and readings at single pixels."""

import dataclasses
import warnings
from pathlib import Path

from deepdepth_jax.demo.input_images import InputImage
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength, Pinhole
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.point_cloud import PointCloud
from deepdepth_jax.inference.predictor import DepthPredictor

SURENESS = ((0.10, "sure"), (0.25, "fairly sure"), (float("inf"), "unsure"))
"""Words for the standard deviation of ln depth, each up to a bound."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """An image and its prediction.

    Attributes:
      input: the image.
      asked: focal length from the visitor, for the file.
      prediction: float32 (h, w) maps of the image's size.
    """

    input: InputImage
    asked: FocalLength
    prediction: ImagePrediction

    @property
    def assumes_camera(self) -> bool:
        """Whether a camera is assumed, because no focal length is known."""
        return not self.input.focal_length(self.asked)

    @property
    def reads_exif(self) -> bool:
        """Whether the focal length is that of the file's EXIF tags."""
        own_px = self.input.focal_px
        return bool(own_px) and not (self.input.is_rendered or self.asked)


@dataclasses.dataclass(frozen=True)
class Certainty:
    """The predictive distribution at a pixel, in four numbers.

    Attributes:
      low_m, high_m: 5% and 95% quantiles of depth, in metres.
      relative_error: expected relative error, the standard deviation of ln depth.
      confidence: probability of the most probable bin.
    """

    low_m: float
    high_m: float
    relative_error: float
    confidence: float

    @property
    def in_words(self) -> str:
        """The relative error as a word."""
        return next(word for up_to, word in SURENESS if self.relative_error <= up_to)


@dataclasses.dataclass(frozen=True)
class Reading:
    """The prediction at a pixel.

    Attributes:
      column, row: of the pixel, counted from 0.
      depth_m: metres along the optical axis.
      certainty: None if the network predicts no distribution.
    """

    column: int
    row: int
    depth_m: float
    certainty: Certainty | None


def ask(predictor: DepthPredictor, image: InputImage, asked: FocalLength) -> Answer:
    """Predicts the depth of an image.

    Args:
      predictor: the trained network.
      image: the image.
      asked: focal length from the visitor, for the file.

    Returns:
      The image with its prediction, camera and colour scales.

    Raises:
      UserError: the focal length is out of range.
    """
    focal_px = image.focal_length(asked).px / image.shrunk_by
    with warnings.catch_warnings(action="ignore"):  # the page says what is assumed
        prediction = predictor(image.image, focal_px)
    return Answer(image, asked, prediction)


def read_pixel(answer: Answer, column: int, row: int) -> Reading:
    """Reads the prediction at a pixel.

    Args:
      answer: the image with its prediction.
      column: column of the pixel, from 0.
      row: row of the pixel, from 0.

    Returns:
      The prediction there.

    Raises:
      UserError: the pixel is outside the image.
    """
    height, width = answer.input.image.shape[:2]
    if not (0 <= column < width and 0 <= row < height):
        raise UserError(
            f"This pixel is outside the image of {width} x {height} pixels."
        )
    maps = answer.prediction
    measures = (maps.low_m, maps.high_m, maps.log_depth_std, maps.confidence)
    numbers = [float(m[row, column]) for m in measures if m is not None]
    certainty = Certainty(*numbers) if numbers else None
    return Reading(column, row, float(maps.depth_m[row, column]), certainty)


def save_depth(answer: Answer, folder: Path) -> Path:
    """Writes depth as a 16-bit PNG (metres x 256), named after the image."""
    path = folder / f"{answer.input.name}_depth.png"
    answer.prediction.save(path)
    return path


def save_points(answer: Answer, folder: Path, step: int = 1) -> Path:
    """Writes a point cloud, named after the image.

    Args:
      answer: of an image whose camera is known.
      folder: the output folder.
      step: row and column stride. 1 keeps all pixels.

    Returns:
      The path of the PLY file.
    """
    path = folder / f"{answer.input.name}_points.ply"
    found = answer.prediction
    x_px, y_px = found.camera.principal_point_of(*found.image.shape[:2])
    camera = Pinhole(found.camera.focal_px / step, (x_px / step, y_px / step))
    image, depth_m = found.image[::step, ::step], found.depth_m[::step, ::step]
    PointCloud.of(image, depth_m, camera).save(path)
    return path
