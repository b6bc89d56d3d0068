"""Depth that the network predicts for examples, each in its own camera's metres."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import jax
import numpy as np
from jaxtyping import Float, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.figures import PredictEach
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.geometry import TrainingCamera, ViewScale
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.rescaling import (
    resize_image,
    resize_prediction,
    seen_size,
)
from deepdepth_jax.inference.steps import Scores
from deepdepth_jax.types import AnyArray, Example, Prediction


@dataclasses.dataclass(frozen=True)
class SeenExample:
    """An example as the network sees it.

    Attributes:
      example: at its own size.
      image: at the scale of the view.
      view: how images of its camera are scaled.
    """

    example: Example
    image: UInt8[np.ndarray, "y x 3"]
    view: ViewScale

    @classmethod
    def of(cls, example: Example, camera: TrainingCamera) -> "SeenExample":
        """Brings an example to the training camera; see `evaluation_view_scale`.

        Raises:
          UserError: no camera has the focal length of the example.
        """
        view = camera.evaluation_view_scale(example.focal_px, example.image.shape)
        if view.scale == 1:
            return cls(example, example.image, view)
        try:
            size = seen_size(example.image.shape, example.focal_px, view)
        except UserError as error:
            raise UserError(f"{example.name}: {error}") from error
        return cls(example, resize_image(example.image, size), view)

    def own(self, prediction: Prediction) -> Prediction:
        """Brings the prediction for `image` to the example's size and metres."""
        size = self.example.image.shape[:2]
        return resize_prediction(prediction, size).times(self.view.depth_factor)

    def seen_depth_m(
        self, depth_m: Float[np.ndarray, "h w"]
    ) -> Float[np.ndarray, "y x"]:
        """Scales ground truth to the size and the metres of the network's view.

        The nearest pixel is taken, as depths of two things have no depth between them.
        """
        height, width = self.image.shape[:2]
        if depth_m.shape != (height, width):
            depth_m = cv2.resize(
                depth_m, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
            )
        return depth_m / np.float32(self.view.depth_factor)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class CameraCounts:
    """Counts how the cameras of examples were treated.

    Attributes:
      images_scaled: those that were scaled to the focal length or size of training.
      images_of_unknown_camera: those whose focal length is not known. They count as
        taken by the training camera.
    """

    images_scaled: int = 0
    images_of_unknown_camera: int = 0

    def add(self, seen: SeenExample) -> None:
        """Adds an example."""
        self.images_scaled += seen.view.scale != 1
        self.images_of_unknown_camera += not seen.example.focal_px

    def conditions(self, camera: TrainingCamera) -> dict[str, Any]:
        """Returns the counts as entries of a protocol."""
        focal_px = camera.canonical_focal_px or camera.focal_px
        return {"training_focal_px": focal_px or None, **dataclasses.asdict(self)}

    def remarks(self, camera: TrainingCamera) -> list[str]:
        """Describes images of other or unknown cameras, for people to read.

        Args:
          camera: camera of the training images.

        Returns:
          One line each.
        """
        remarks = []
        if self.images_scaled:
            remarks.append(f"{self.images_scaled} images scaled to {camera.sight}")
        if self.images_of_unknown_camera and camera.focal_px:
            remarks.append(
                f"{self.images_of_unknown_camera} images of unknown focal length "
                "evaluated as if the training camera had taken them"
            )
        return remarks


def see_examples(
    items: Iterator[Example], camera: TrainingCamera
) -> Iterator[SeenExample]:
    """Brings examples to the training camera, one by one."""
    return (SeenExample.of(example, camera) for example in items)


def predict_examples(
    predict: Callable[[np.ndarray], Prediction],
    items: Iterator[Example],
    config: Config,
    camera: TrainingCamera,
) -> Iterator[tuple[Example, Prediction]]:
    """Predicts examples, at their own size and in the metres of their own cameras."""
    for seen, prediction in in_batches(
        predict,
        see_examples(items, camera),
        config.eval.batch_size,
        lambda seen: (seen.image,),
    ):
        yield seen.example, seen.own(prediction)


def score_examples(
    score: Callable[[np.ndarray, np.ndarray], tuple[Prediction, Scores]],
    items: Iterator[Example],
    config: Config,
    camera: TrainingCamera,
    protocol: Protocol,
) -> Iterator[tuple[SeenExample, Prediction, Scores]]:
    """Predicts examples, and compares the distributions with their true depth.

    The predictions are as in `predict_examples`. The scores are of the pixels that the
    network sees.
    """

    def arrays_of(seen: SeenExample) -> tuple[np.ndarray, np.ndarray]:
        depth_m = seen.example.depth_m
        counted_m = np.where(protocol.evaluated(depth_m), depth_m, np.float32(0))
        return seen.image, seen.seen_depth_m(counted_m)

    for seen, (prediction, scores) in in_batches(
        score, see_examples(items, camera), config.eval.batch_size, arrays_of
    ):
        yield seen, seen.own(prediction), scores


def network_predictions(
    predict: Callable[[np.ndarray], Prediction],
    config: Config,
    camera: TrainingCamera,
) -> PredictEach:
    """Returns `predict_examples` of a network in the form that figures are drawn by."""

    def predict_each(
        items: Iterator[Example],
    ) -> Iterator[tuple[Example, AnyArray, AnyArray | None]]:
        for example, found in predict_examples(predict, items, config, camera):
            yield example, found.depth_m, found.confidence

    return predict_each
