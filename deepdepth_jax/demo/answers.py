"""What the network says of a picture, and of one of its pixels."""

import dataclasses
from pathlib import Path

from deepdepth_jax.demo.photos import Photo
from deepdepth_jax.drawing.colors import ColourScale, confidence_scale, depth_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.models.build import build_bins
from deepdepth_jax.predict.outputs import save_depth_png
from deepdepth_jax.predict.point_cloud import save_point_cloud
from deepdepth_jax.types import Prediction

SURENESS = ((0.10, "sure"), (0.25, "fairly sure"), (float("inf"), "unsure"))
"""Words for the standard deviation of ln depth, each up to a bound."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """A picture, and what the network says of it.

    Attributes:
      photo: the picture.
      asked_focal_px: that the visitor gave, in pixels of the file; 0 = none.
      prediction: float32 (h, w) each, of the picture's size.
      camera: of the picture; its focal length is 0 if not known.
      depth: colours of depth in metres.
      confidence: colours of confidence.
    """

    photo: Photo
    asked_focal_px: float
    prediction: Prediction
    camera: Pinhole
    depth: ColourScale
    confidence: ColourScale

    @property
    def assumes_camera(self) -> bool:
        """Whether the training camera is assumed, because no focal length is known."""
        return not (self.photo.focal_px or self.asked_focal_px)


@dataclasses.dataclass(frozen=True)
class Certainty:
    """How sure the network is of a pixel.

    Attributes:
      low_m, high_m: depth that 5% and 95% of the probability lie before.
      relative_error: that is to be expected, as the standard deviation of ln depth.
      confidence: probability of the most probable bin.
    """

    low_m: float
    high_m: float
    relative_error: float
    confidence: float

    @property
    def in_words(self) -> str:
        """How sure it is, in words."""
        return next(word for up_to, word in SURENESS if self.relative_error <= up_to)


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the network says of a pixel.

    Attributes:
      column, row: of the pixel; the first is 0.
      depth_m: metres along the optical axis.
      certainty: None if the network gives no distribution.
    """

    column: int
    row: int
    depth_m: float
    certainty: Certainty | None


def ask(predictor: DepthPredictor, photo: Photo, focal_px: float) -> Answer:
    """Predicts a picture.

    Args:
      predictor: the trained network.
      photo: the picture.
      focal_px: that the visitor gives, in pixels of the file; 0 = none. Not used if
        the picture's own is known.

    Raises:
      UserError: the network needs a focal length, or no camera has this one.
    """
    picture_focal_px = (photo.focal_px or focal_px) / photo.shrunk_by
    if predictor.config.data.canonical_focal_px and not picture_focal_px:
        raise UserError(
            "This network learnt from several cameras: fill in the focal length of "
            "yours, then give the picture again."
        )
    return Answer(
        photo,
        focal_px,
        predictor(photo.image, picture_focal_px),
        Pinhole(picture_focal_px or predictor.training_focal_px),
        depth_scale(*predictor.depth_range_m(picture_focal_px)),
        confidence_scale(build_bins(predictor.config).num_bins),
    )


def read_pixel(answer: Answer, column: int, row: int) -> Reading:
    """Reads what is said of a pixel.

    Raises:
      UserError: the picture has no such pixel.
    """
    height, width = answer.photo.image.shape[:2]
    if not (0 <= column < width and 0 <= row < height):
        raise UserError(f"The picture has {width} x {height} pixels.")
    said = answer.prediction
    measures = (said.low_m, said.high_m, said.log_depth_std, said.confidence)
    numbers = [float(of[row, column]) for of in measures if of is not None]
    certainty = Certainty(*numbers) if numbers else None
    return Reading(column, row, float(said.depth_m[row, column]), certainty)


def save_depth(answer: Answer, folder: Path) -> Path:
    """Writes depth as 16-bit PNG, metres x 256, under the name of the picture."""
    path = folder / f"{answer.photo.name}_depth.png"
    save_depth_png(path, answer.prediction.depth_m)
    return path


def save_points(answer: Answer, folder: Path, step: int = 1) -> Path:
    """Writes every so manieth row and column as points, under the name of the picture.

    Args:
      answer: of a picture whose camera is known.
      folder: to write to.
      step: 1 for all pixels.
    """
    path = folder / f"{answer.photo.name}_points.ply"
    x_px, y_px = answer.camera.principal_point_of(*answer.photo.image.shape[:2])
    camera = Pinhole(answer.camera.focal_px / step, (x_px / step, y_px / step))
    image, depth_m = answer.photo.image, answer.prediction.depth_m
    save_point_cloud(path, image[::step, ::step], depth_m[::step, ::step], camera)
    return path
