"""The way from an image to depth and confidence, as it is exported."""

import dataclasses
from collections.abc import Callable, Sequence

from jaxtyping import Array

from deepdepth_jax.bins import Decoding
from deepdepth_jax.config import Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.posterior import PixelPosterior, Views
from deepdepth_jax.inference.steps import PredictStep
from deepdepth_jax.models.build import Network, build_network
from deepdepth_jax.types import OUTPUTS, AnyArray, Prediction, Trained


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The network with its decoding, as exported.

    Attributes:
      network: with its head and its input convention.
      decode: see `DepthBins.decode`.
      flip: see `views.Views`.
      canonical_focal_px: of the lens through which the network knows depth. 0 = it
        knows it as it is.
      focal_px: of the camera that takes the images, where there is such a lens.
      outputs: names of the fields of `types.Prediction` that are exported. Those that
        the network does not have are left out.
    """

    network: Network
    decode: Decoding
    flip: bool = False
    canonical_focal_px: float = 0.0
    focal_px: float = 0.0
    outputs: Sequence[str] = OUTPUTS

    @classmethod
    def of(
        cls,
        config: Config,
        focal_px: float,
        outputs: Sequence[str] | None = None,
    ) -> "Pipeline":
        """Reads it out of a completed config.

        Args:
          config: of the run.
          focal_px: of the camera that the model is for. 0 = not given.
          outputs: see the attribute. None for all that the network has.

        Returns:
          The pipeline.

        Raises:
          UserError: images are to be looked at in more than one size or by windows, or
            depth is to be refined by the CRF. Or a focal length is needed and not
            given, or the other way round. Or the network does not have one of the
            outputs.
        """
        _check_exportable(config)
        canonical_focal_px = config.data.canonical_focal_px
        if canonical_focal_px and focal_px <= 0:
            raise UserError(
                "--focal_px is missing: this network needs the focal length in pixels "
                "of the images that the model is given, after they are resized to "
                "about the size of its training images (docs/export.md)"
            )
        if focal_px and not canonical_focal_px:
            raise UserError(
                f"--focal_px={focal_px:g}: leave it out, as this network was not "
                "trained with data.canonical_focal_px"
            )
        network = build_network(config)
        if outputs is not None and not network.head.has_distribution:
            absent = [name for name in outputs if name != "depth_m"]
            if absent:
                raise UserError(
                    f"--outputs: {', '.join(absent)}: a network with "
                    f"model.head={config.model.head} has only depth_m"
                )
        return cls(
            network=network,
            decode=config.eval.decode,
            flip=config.eval.flip,
            canonical_focal_px=canonical_focal_px,
            focal_px=focal_px,
            outputs=OUTPUTS if outputs is None else outputs,
        )

    def select(self, prediction: Prediction) -> dict[str, AnyArray]:
        """Returns the outputs that are exported, by name."""
        present = prediction.maps()
        return {name: present[name] for name in present if name in self.outputs}

    @property
    def depth_factor(self) -> float:
        """The factor from the depth that the network knows to metres."""
        camera = TrainingCamera(self.canonical_focal_px)
        return camera.view_scale(self.focal_px).depth_factor

    @property
    def posterior(self) -> PixelPosterior:
        """Computes the distributions that depth is decoded from."""
        parts, views = self.network, Views(self.flip)
        return PixelPosterior(parts.model, parts.head, parts.convention, views)

    def predict_step(
        self, posterior: PixelPosterior
    ) -> Callable[[Trained, Array], Prediction]:
        """Builds the function from images to metres. See `PredictStep`."""
        step = PredictStep(posterior, self.decode)

        def predict_step(trained: Trained, image: Array) -> Prediction:
            return step(trained, image).times(self.depth_factor)

        return predict_step


def _check_exportable(config: Config) -> None:
    """Refuses what evaluation can do and an exported model cannot."""
    whole = "takes the whole image at its own size"
    for field, value, exported, why in (
        ("eval.scales", config.eval.scales, (1.0,), whole),
        ("eval.window", config.eval.window, (0, 0), whole),
        ("crf.enabled", config.crf.enabled, False, "has no CRF"),
    ):
        if value != exported:
            raise UserError(
                f"{field}={value}: an exported model {why}; add "
                f"--config.{field}='{exported}'"
            )
