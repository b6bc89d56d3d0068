"""The images of training as the network sees them: at one scale for all cameras.

A network knows things by their size in pixels. A run that starts from a depth network
therefore sees its images as evaluation and prediction show them to that network, and
has the camera of that network, so that its own evaluation and prediction agree.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.mixture import PSEUDO
from deepdepth_jax.datasets.pipeline import SeenPair
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.predictions import SeenExample
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.runtime.workdir import has_checkpoint, training_camera
from deepdepth_jax.types import Example
from deepdepth_jax.weights.pretrained import open_pretrained


@dataclasses.dataclass(frozen=True)
class ImageScale:
    """The scale at which a run sees its training images.

    Attributes:
      camera: that images are brought to. Of one without a known focal length and size,
        they stay as they are.
    """

    camera: TrainingCamera

    @classmethod
    def of(cls, config: Config, workdir: Path) -> "ImageScale":
        """Finds the scale of a run.

        Args:
          config: completed.
          workdir: of the run. Its camera counts once it has a checkpoint, as the
            pretrained network may be gone.

        Raises:
          UserError: the pretrained weights are not there, or damaged.
        """
        canonical_px = config.data.canonical_focal_px
        if config.train.resize != "pretrained":
            return cls(TrainingCamera(canonical_px))
        if has_checkpoint(workdir):
            return cls(training_camera(workdir, config))
        camera = open_pretrained(config.model.pretrained).camera
        return cls(dataclasses.replace(camera, canonical_focal_px=canonical_px))

    def check(self, sources: Sequence[Source]) -> None:
        """Refuses images that cannot be brought to the camera.

        Images with pseudo-labels have been brought to it already.

        Raises:
          UserError: the focal length of an image is not known.
        """
        for source in sources if self.camera.is_known else ():
            unknown = source.without_focal_length
            if unknown and source.dataset != PSEUDO:
                raise UserError(
                    "train.resize=pretrained needs the focal length of every image, "
                    f"but {len(unknown)} of {source.dataset} {source.split} have none, "
                    f"such as {unknown[0]}: add it{self._alternative}"
                )

    @property
    def _alternative(self) -> str:
        if self.camera.canonical_focal_px:  # which needs the focal length, too
            return ""
        return ", or set train.resize=none to train on images as they are"

    def see(self, example: Example) -> SeenPair:
        """Computes the image that the network sees of an example, and its depth.

        Raises:
          UserError: no camera has the focal length of the example.
        """
        seen = SeenExample.of(example, self.camera)
        return seen.image, seen.seen_depth_m(example.depth_m)

    def describe(self, example: Example) -> str:
        """Describes the scale by an example.

        Raises:
          UserError: see `see`.
        """
        height, width = example.depth_m.shape
        y, x = self.see(example)[1].shape
        return (
            "train.resize=pretrained: training, evaluation and predict show images at "
            f"the scale of the pretrained network, such as {width} x {height} pixels "
            f"as {x} x {y}"
        )
