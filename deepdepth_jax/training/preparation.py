"""All that a run needs before its first step, and that may be refused.

Nothing here writes to the folder of the run.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import optax

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.mixture import Mixture
from deepdepth_jax.datasets.pipeline import (
    prepare,
    prepare_training,
    read_examples,
)
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.datasets.registry import held_out_source, training_sources
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.evaluation.baseline import MedianDepth
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.runner import build_prediction
from deepdepth_jax.runtime.content import Content
from deepdepth_jax.training.build import build_schedule
from deepdepth_jax.training.kept_step import kept_step
from deepdepth_jax.training.seen_images import ImageScale
from deepdepth_jax.training.step import TrainStep
from deepdepth_jax.types import Example, Prediction
from deepdepth_jax.weights.adopt import pretrained_digest

BASELINE_IMAGES = 200
"""How many images of a data set the medians are taken over."""


@dataclasses.dataclass(frozen=True)
class RunSources:
    """Where the frames of a run come from.

    Attributes:
      training: the sources to learn from, with their weights.
      validation: the frames that checkpoints are chosen and calibrated by.
    """

    training: Sequence[tuple[Source, float]]
    validation: Source

    @classmethod
    def of(cls, config: Config) -> "RunSources":
        """Makes the sources that a completed config names.

        Raises:
          UserError: a folder or a file in it is not as it must be.
        """
        return cls(training_sources(config.data), held_out_source(config, "val"))

    def content(self, config: Config) -> Content:
        """Computes the fingerprints of the data and the weights of the run.

        Raises:
          UserError: the pretrained weights are not converted.
        """
        return Content(
            training={
                source.dataset: source.fingerprint() for source, _ in self.training
            },
            validation=self.validation.fingerprint(),
            pretrained=pretrained_digest(config),
        )


@dataclasses.dataclass(frozen=True)
class Preparation:
    """The data and the functions of a run.

    Attributes:
      mixture: to learn from.
      validation: to choose checkpoints by; None if there is nothing.
      baseline: the median depth of the training images.
      scale: at which training sees images.
      camera: the focal lengths and the size of training images.
      predict: the function from `Trained` and images to depth.
      schedule: the learning rate as a function of the steps taken.
      train_step: the training step on all devices.
    """

    mixture: Mixture
    validation: Records | None
    baseline: MedianDepth
    scale: ImageScale
    camera: TrainingCamera
    predict: Callable[..., Prediction]
    schedule: optax.Schedule
    train_step: TrainStep

    @classmethod
    def of(
        cls, config: Config, sources: RunSources, scale: ImageScale
    ) -> "Preparation":
        """Prepares the data, and builds the functions of a completed config.

        Prints how training images are resized, if they are.

        Args:
          config: completed.
          sources: of the frames.
          scale: at which training sees images.

        Raises:
          UserError: there is nothing to learn from, a file is broken, or values of the
            config do not fit together.
        """
        programs = dict(
            predict=build_prediction(config),
            schedule=build_schedule(config),
            train_step=kept_step(config),
        )
        scale.check([source for source, _ in sources.training])
        mixture = prepare_training(config.data, sources.training)
        validation = _prepare_validation(config, sources.validation)
        baseline, camera = _survey(mixture, scale)
        return cls(mixture, validation, baseline, scale, camera, **programs)


def _prepare_validation(config: Config, source: Source) -> Records | None:
    if config.eval.every == 0:
        return None
    records = prepare(config.data, source)
    if records.count == 0:
        print("no validation frames: the best checkpoint will be the last", flush=True)
        return None
    return records


def _survey(mixture: Mixture, scale: ImageScale) -> tuple[MedianDepth, TrainingCamera]:
    """Computes the median depth of training images, and their camera.

    That is the one that they are brought to, or else read off them.
    """
    focals_px, pixels = [], []

    def depths_m() -> Iterator[np.ndarray]:
        for example in _spread_examples(mixture):
            focals_px.append(example.focal_px)
            pixels.append(example.depth_m.size)
            yield example.depth_m

    baseline = MedianDepth.of(depths_m())
    if scale.camera.is_known:
        [first] = read_examples(mixture.parts[0], [0])
        print(scale.describe(first), flush=True)
        return baseline, scale.camera
    canonical_px = scale.camera.canonical_focal_px
    return baseline, TrainingCamera.of(canonical_px, focals_px, pixels)


def _spread_examples(mixture: Mixture) -> Iterator[Example]:
    """Reads some images of each part, evenly spread over it."""
    for records in mixture.parts:
        indices = np.linspace(0, records.count - 1, BASELINE_IMAGES).astype(int)
        yield from read_examples(records, sorted(set(indices.tolist())))
