"""Steps of inference: from images to depth and confidence, on one device."""

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped, UInt8

from deepdepth_jax.bins import Decoding
from deepdepth_jax.config import Config
from deepdepth_jax.inference.posterior import ImageScores, PixelPosterior, whole
from deepdepth_jax.models.layers import Extent
from deepdepth_jax.types import DEPTH, OUTPUTS, AnyArray, Prediction, Trained
from deepdepth_jax.uncertainty.calibration import PixelScores, score_pixels
from deepdepth_jax.uncertainty.confidence import MEASURES, calibrate
from deepdepth_jax.uncertainty.temperature import nll_by_temperature


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Distributions:
    """The predictive distributions of some pixels, from the network to the readout.

    Attributes:
      own: the network's own. None where `Step.reads_own` is False and a CRF took them.
      decoded: for depth: the network's own, which no temperature changes, or the
        refined ones after a CRF.
      calibrated: for confidence: the network's own at the trained temperature, or the
        refined ones after a CRF. None if the head has none.
    """

    own: Float[Array, "*n m"] | None
    decoded: Float[Array, "*n m"]
    calibrated: Float[Array, "*n k"] | None


Scores = tuple[PixelScores, ...]
"""Of the network's own distributions, and of the calibrated ones. None without any."""

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Step(abc.ABC, Generic[Result]):
    """A function from images to a result, that runs on one device.

    Attributes:
      posterior: computes the distributions that the result is read off.
    """

    posterior: PixelPosterior
    reads_own: ClassVar[bool] = True
    """Whether `read` needs `Distributions.own` after a CRF."""

    def __call__(
        self,
        trained: Trained,
        image: UInt8[Array, "b h w 3"],
        *maps: Shaped[Array, "b h w"],
        extent: Extent = None,
    ) -> Result:
        """Runs the network and reads the result off its distributions.

        Args:
          trained: variables and temperature.
          image: RGB.
          *maps: of the images' size. Which, the subclass says.
          extent: of the images, if they are padded. See `layers.Extent`.
        """

        def read(own: Float[Array, "b r w m"], *rows: Shaped[Array, "b r w"]) -> Result:
            calibrated = None
            if self.posterior.head.has_distribution:
                calibrated = calibrate(own, trained.temperature)
            return self.read(Distributions(own, own, calibrated), *rows)

        scores = self.posterior.scores(trained.variables, image, extent)
        bands = self.posterior.read(read, scores, *maps)
        return self.join(bands, image.shape[1])

    @abc.abstractmethod
    def read(
        self, distributions: Distributions, *maps: Any, **named_maps: Any
    ) -> Result:
        """Decodes the result from the distributions of some rows.

        Args:
          distributions: of b images' rows, (b, r, w, m).
          *maps: the same rows of the maps that the subclass takes.
          **named_maps: none. Subclasses may name their maps.

        Returns:
          Depth in metres, with confidence if there is a distribution.
        """

    def join(self, bands: Result, height: Any) -> Result:
        """Joins the results of all bands of rows, which have an axis of bands."""
        return whole(bands, height)


@dataclasses.dataclass(frozen=True)
class PredictStep(Step[Prediction]):
    """Predicts depth and confidence. A head without distributions, depth alone.

    Attributes:
      decode: see `DepthBins.decode`.
    """

    decode: Decoding
    reads_own: ClassVar[bool] = False

    @classmethod
    def of(cls, config: Config) -> "PredictStep":
        """Builds the step of a completed config, with its network."""
        return cls(PixelPosterior.of(config), config.eval.decode)

    def read(self, distributions: Distributions) -> Prediction:
        """Decodes depth and confidence from the distributions.

        Args:
          distributions: of some pixels.

        Returns:
          Depth and confidence of these pixels.
        """
        has_confidence = distributions.calibrated is not None
        names = OUTPUTS if has_confidence else (DEPTH,)
        return Prediction(**self._read_maps(distributions, names))

    def maps(
        self,
        scores: ImageScores,
        temperature: Float[AnyArray, ""] | float,
        names: Sequence[str],
    ) -> dict[str, Float[Array, "b h w"]]:
        """Computes the chosen maps, and nothing else, from the network's scores.

        Args:
          scores: of the images.
          temperature: see `Trained`.
          names: of fields of `Prediction`. A head without distributions has only depth.

        Returns:
          The maps by name.
        """

        def read(own: Float[Array, "b r w m"]) -> dict[str, Float[Array, "b r w"]]:
            is_depth_alone = tuple(names) == (DEPTH,)
            calibrated = None if is_depth_alone else calibrate(own, temperature)
            return self._read_maps(Distributions(own, own, calibrated), names)

        return whole(self.posterior.read(read, scores), scores.shape[1])

    def _read_maps(
        self, distributions: Distributions, names: Sequence[str]
    ) -> dict[str, Float[Array, "b r w"]]:
        head, calibrated = self.posterior.head, distributions.calibrated
        found = {}
        for name in names:
            if name == DEPTH:
                found[name] = head.depth_m(distributions.decoded, self.decode)
            else:
                assert calibrated is not None, name
                found[name] = MEASURES[name](calibrated, head.bins)
        return found


@dataclasses.dataclass(frozen=True)
class ScoreStep(Step[tuple[Prediction, Scores]]):
    """Predicts, and scores the distributions against the ground truth.

    Takes true depth (b, h, w) in metres after the images, 0 where it does not count.

    Attributes:
      decode: see `DepthBins.decode`.
    """

    decode: Decoding

    def read(
        self, distributions: Distributions, depth_m: Float[Array, "b r w"]
    ) -> tuple[Prediction, Scores]:
        """Reads the prediction off the distributions, and scores them."""
        prediction = PredictStep(self.posterior, self.decode).read(distributions)
        own, calibrated = distributions.own, distributions.calibrated
        if own is None or calibrated is None:
            return prediction, ()
        bins = self.posterior.head.bins
        return prediction, tuple(
            score_pixels(each, depth_m, bins) for each in (own, calibrated)
        )


@dataclasses.dataclass(frozen=True)
class LikelihoodStep(Step[tuple[Array, Array]]):
    """Computes the likelihoods that a temperature is fitted by.

    Takes true depth (b, h, w) in metres after the images, 0 where there is none. The
    results have an axis of images in front. See `nll_by_temperature`.
    """

    def read(
        self, distributions: Distributions, depth_m: Float[Array, "b r w"]
    ) -> tuple[Float[Array, "b t"], Int[Array, " b"]]:
        """Sums the likelihoods over some rows."""
        labels = self.posterior.head.bins.label(depth_m)
        own = distributions.decoded  # there is no CRF where a temperature is fitted
        # A probability that is too small for its type is not an impossible one.
        logits = jnp.log(jnp.maximum(own, jnp.finfo(own.dtype).tiny))
        return jax.vmap(nll_by_temperature)(logits, labels)

    def join(
        self, bands: tuple[Array, Array], height: Any
    ) -> tuple[Float[Array, "b t"], Int[Array, " b"]]:
        """Sums over the bands."""
        return jax.tree.map(lambda x: jnp.sum(x, axis=0), bands)
