"""What runs on the devices to predict: from pictures to depth, and how sure it is."""

import dataclasses
from collections.abc import Callable
from typing import cast

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from deepdepth_jax.bins import Decoding, DepthBins
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.layers import resize_bilinear
from deepdepth_jax.types import AnyArray, Prediction, Tree
from deepdepth_jax.uncertainty.calibration import PixelScores, score_pixels
from deepdepth_jax.uncertainty.confidence import measure_confidence
from deepdepth_jax.uncertainty.temperature import at_temperature, nll_by_temperature


@flax.struct.dataclass
class Trained:
    """What training and calibration have found.

    Attributes:
      variables: of the network.
      temperature: that its distributions are calibrated by; 1 leaves them alone.
    """

    variables: dict[str, Tree]
    temperature: Float[AnyArray, ""] | float = 1.0


@dataclasses.dataclass(frozen=True)
class Views:
    """The forms of a picture whose distributions are averaged, as probabilities.

    Attributes:
      flip: whether the mirrored picture is one.
      scales: how many times larger than the picture each is, with and without flip.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)


Distribution = Callable[[dict[str, Tree], Array], Array]
"""From variables and uint8 (b, h, w, 3) to probabilities (b, h, w, k)."""

PredictStep = Callable[[Trained, Array], Prediction]
ScoreStep = Callable[
    [Trained, Array, Array], tuple[Prediction, PixelScores, PixelScores]
]
LikelihoodStep = Callable[[Trained, Array, Array], tuple[Array, Array]]


def make_distribution(
    model: DeepLabV2, bins: DepthBins, convention: InputConvention, views: Views
) -> Distribution:
    """Builds the function from a picture to the distribution at each of its pixels.

    In a picture enlarged s times everything looks s times nearer: what the network says
    of it is moved to bins s times farther (see `DepthBins.moved`).

    Args:
      model: the network.
      bins: its classes.
      convention: its input.
      views: what is averaged.
    """

    def at_scale(
        variables: dict[str, Tree], image: Float[Array, "b h w 3"], scale: float
    ) -> Float[Array, "b h w k"]:
        size = image.shape[1:3]
        if scale == 1:
            return view(variables, image, size)
        batch, channels = image.shape[0], image.shape[3]
        scaled = (batch, *(round(side * scale) for side in size), channels)
        image = jax.image.resize(image, scaled, "bilinear")
        return view(variables, image, size) @ jnp.asarray(bins.moved(scale))

    def view(
        variables: dict[str, Tree],
        image: Float[Array, "b y x 3"],
        size: tuple[int, ...],
    ) -> Float[Array, "b h w k"]:
        logits = cast(Array, model.apply(variables, convention(image), train=False))
        return jax.nn.softmax(resize_bilinear(logits, (size[0], size[1])))

    def distribution(
        variables: dict[str, Tree], image: UInt8[Array, "b h w 3"]
    ) -> Float[Array, "b h w k"]:
        image = image.astype(jnp.float32)
        parts = [at_scale(variables, image, scale) for scale in views.scales]
        if views.flip:
            mirrored = image[:, :, ::-1]
            parts += [
                at_scale(variables, mirrored, scale)[:, :, ::-1]
                for scale in views.scales
            ]
        return sum(parts[1:], parts[0]) / len(parts)

    return distribution


def make_predict_step(
    distribution: Distribution, bins: DepthBins, decode: Decoding
) -> PredictStep:
    """Builds the function from pictures to depth and confidence.

    Depth is read off the network's own distribution, confidence off the calibrated one:
    a temperature changes what is said about the depth, never the depth.

    Args:
      distribution: see `make_distribution`.
      bins: the classes.
      decode: see `DepthBins.decode`.
    """

    def predict_step(trained: Trained, image: UInt8[Array, "b h w 3"]) -> Prediction:
        own = distribution(trained.variables, image)
        return _predict(own, _calibrated(own, trained), bins, decode)

    return predict_step


def make_score_step(
    distribution: Distribution, bins: DepthBins, decode: Decoding
) -> ScoreStep:
    """Builds the function that also holds distributions against the truth.

    Its last argument is true depth (b, h, w), 0 where it does not count. It gives the
    prediction, the scores of the network's own distribution, and those of the
    calibrated one.
    """

    def score_step(
        trained: Trained, image: UInt8[Array, "b h w 3"], depth_m: Float[Array, "b h w"]
    ) -> tuple[Prediction, PixelScores, PixelScores]:
        own = distribution(trained.variables, image)
        calibrated = _calibrated(own, trained)
        return (
            _predict(own, calibrated, bins, decode),
            score_pixels(own, depth_m, bins),
            score_pixels(calibrated, depth_m, bins),
        )

    return score_step


def _calibrated(
    probabilities: Float[Array, "*n k"], trained: Trained
) -> Float[Array, "*n k"]:
    temperature = jnp.asarray(trained.temperature)
    return at_temperature(jnp.log(probabilities), temperature)


def _predict(
    own: Float[Array, "b h w k"],
    calibrated: Float[Array, "b h w k"],
    bins: DepthBins,
    decode: Decoding,
) -> Prediction:
    confidence = measure_confidence(calibrated, bins)
    return Prediction(
        depth_m=bins.decode(own, decode),
        confidence=confidence.max_probability,
        entropy_nats=confidence.entropy_nats,
        log_depth_std=confidence.log_depth_std,
        low_m=confidence.low_m,
        high_m=confidence.high_m,
    )


def make_likelihood_step(distribution: Distribution, bins: DepthBins) -> LikelihoodStep:
    """Builds the function that a temperature is fitted by; see `nll_by_temperature`.

    Its results have an axis of pictures in front.
    """

    def likelihood_step(
        trained: Trained, image: UInt8[Array, "b h w 3"], depth_m: Float[Array, "b h w"]
    ) -> tuple[Float[Array, "b t"], Int[Array, " b"]]:
        logits = jnp.log(distribution(trained.variables, image))
        # One picture after the other: each takes as many losses as temperatures.
        return jax.lax.map(
            lambda one: nll_by_temperature(*one), (logits, bins.label(depth_m))
        )

    return likelihood_step
