"""What runs on the devices to predict: from pictures to depth, and how sure it is."""

from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from deepdepth_jax.bins import Decoding
from deepdepth_jax.inference.posterior import Belief, whole
from deepdepth_jax.models.heads import Head
from deepdepth_jax.models.layers import Extent
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


PredictStep = Callable[..., Prediction]
Scores = tuple[PixelScores, ...]
"""Of the network's own distributions, and of the calibrated ones; none without any."""
ScoreStep = Callable[..., tuple[Prediction, Scores]]
CalibratedStep = Callable[..., tuple[Array, Array]]
RefinedPredictStep = Callable[[Trained, Array, Array], Prediction]
RefinedScoreStep = Callable[[Trained, Array, Array, Array], tuple[Prediction, Scores]]
LikelihoodStep = Callable[..., tuple[Array, Array]]


def make_predict_step(belief: Belief, decode: Decoding) -> PredictStep:
    """Builds the function from pictures to depth and confidence.

    Depth is read off the network's own distribution, confidence off the calibrated one:
    a temperature changes what is said about the depth, never the depth. A network
    without distributions gives depth alone.

    Args:
      belief: what it is read off.
      decode: see `DepthBins.decode`.

    Returns:
      The function of `Trained`, pictures and, if they are filled up, their `extent`.
    """
    head = belief.head

    def predict_step(
        trained: Trained, image: UInt8[Array, "b h w 3"], extent: Extent = None
    ) -> Prediction:
        def predict(own: Float[Array, "b r w m"]) -> Prediction:
            if not head.has_distribution:
                return Prediction(head.depth_m(own, decode))
            return _predict(own, _calibrated(own, trained), head, decode)

        bands = belief.read(predict, trained.variables, image, extent=extent)
        return whole(bands, image.shape[1])

    return predict_step


def make_score_step(belief: Belief, decode: Decoding) -> ScoreStep:
    """Builds the function that also holds distributions against the truth.

    It takes true depth (b, h, w) after the pictures, 0 where it does not count. Beside
    the prediction it gives the `Scores`.
    """
    head = belief.head

    def score_step(
        trained: Trained,
        image: UInt8[Array, "b h w 3"],
        depth_m: Float[Array, "b h w"],
        extent: Extent = None,
    ) -> tuple[Prediction, Scores]:
        def score(
            own: Float[Array, "b r w m"], depth_m: Float[Array, "b r w"]
        ) -> tuple[Prediction, Scores]:
            if not head.has_distribution:
                return Prediction(head.depth_m(own, decode)), ()
            calibrated = _calibrated(own, trained)
            return _predict(own, calibrated, head, decode), (
                score_pixels(own, depth_m, head.bins),
                score_pixels(calibrated, depth_m, head.bins),
            )

        bands = belief.read(score, trained.variables, image, depth_m, extent=extent)
        return whole(bands, image.shape[1])

    return score_step


def _calibrated(
    probabilities: Float[Array, "*n k"], trained: Trained
) -> Float[Array, "*n k"]:
    temperature = jnp.asarray(trained.temperature)
    return at_temperature(jnp.log(probabilities), temperature)


def _predict(
    own: Float[Array, "b h w k"],
    calibrated: Float[Array, "b h w k"],
    head: Head,
    decode: Decoding,
) -> Prediction:
    confidence = measure_confidence(calibrated, head.bins)
    return Prediction(
        depth_m=head.depth_m(own, decode),
        confidence=confidence.max_probability,
        entropy_nats=confidence.entropy_nats,
        log_depth_std=confidence.log_depth_std,
        low_m=confidence.low_m,
        high_m=confidence.high_m,
    )


def make_calibrated_step(belief: Belief) -> CalibratedStep:
    """Builds the function from pictures to the distributions that a CRF refines.

    It gives the network's own and the calibrated ones. The CRF refines the calibrated:
    a temperature that was fitted without it applies before it.
    """

    def calibrated_step(
        trained: Trained, image: UInt8[Array, "b h w 3"], extent: Extent = None
    ) -> tuple[Float[Array, "b h w k"], Float[Array, "b h w k"]]:
        own = belief(trained.variables, image, extent)
        return own, _calibrated(own, trained)

    return calibrated_step


def make_refined_predict_step(head: Head, decode: Decoding) -> RefinedPredictStep:
    """Builds the function from refined distributions to depth and confidence.

    Both are read off the same ones: here a temperature changes the depth too. What
    `make_refined_score_step` needs besides is taken and not looked at.
    """

    def predict_step(
        _: Trained, own: Float[Array, "b h w k"], refined: Float[Array, "b h w k"]
    ) -> Prediction:
        del own
        return _predict(refined, refined, head, decode)

    return predict_step


def make_refined_score_step(head: Head, decode: Decoding) -> RefinedScoreStep:
    """Builds the function that also holds distributions against the truth.

    It gives what `make_score_step` gives, with the refined in place of the calibrated.
    """

    def score_step(
        _: Trained,
        own: Float[Array, "b h w k"],
        refined: Float[Array, "b h w k"],
        depth_m: Float[Array, "b h w"],
    ) -> tuple[Prediction, Scores]:
        return _predict(refined, refined, head, decode), (
            score_pixels(own, depth_m, head.bins),
            score_pixels(refined, depth_m, head.bins),
        )

    return score_step


def make_likelihood_step(belief: Belief) -> LikelihoodStep:
    """Builds the function that a temperature is fitted by; see `nll_by_temperature`.

    Its results have an axis of pictures in front.
    """

    def likelihood_step(
        trained: Trained,
        image: UInt8[Array, "b h w 3"],
        depth_m: Float[Array, "b h w"],
        extent: Extent = None,
    ) -> tuple[Float[Array, "b t"], Int[Array, " b"]]:
        def nll(
            own: Float[Array, "b r w k"], depth_m: Float[Array, "b r w"]
        ) -> tuple[Float[Array, "b t"], Int[Array, " b"]]:
            labels = belief.head.bins.label(depth_m)
            # What is too small for its type is not impossible.
            logits = jnp.log(jnp.maximum(own, jnp.finfo(own.dtype).tiny))
            return jax.vmap(nll_by_temperature)(logits, labels)

        bands = belief.read(nll, trained.variables, image, depth_m, extent=extent)
        return jax.tree.map(lambda x: jnp.sum(x, axis=0), bands)

    return likelihood_step
