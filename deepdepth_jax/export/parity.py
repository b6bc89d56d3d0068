"""Checks that an exported model computes the same as the network."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from deepdepth_jax.bins import Decoding, DepthBins
from deepdepth_jax.errors import UserError
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.types import AnyArray, Prediction, Trained, known
from deepdepth_jax.uncertainty.confidence import INTERVAL, MEASURES, calibrate

TOLERANCE = 1e-3
"""The largest difference that is let pass, relative."""
ROUNDING = 1e-4
"""Relative difference of a probability between runtimes, by rounding alone."""
SMALLEST = 2.0**-24
"""Rounding error of a probability near 1, and of a difference of two, in float32."""
BLOCK_PX = 16
"""The side of the squares in random images."""

Run = Callable[[UInt8[np.ndarray, "b h w 3"]], Mapping[str, np.ndarray]]
Bounds = tuple[Float[Array, "*n"], Float[Array, "*n"]]
"""Lower and upper bounds of correct outputs."""


class ParityError(Exception):
    """An exported model that differs from the network.

    The cause is a bug, or logits beyond the precision of float32.
    """


@dataclasses.dataclass(frozen=True)
class Reference:
    """Images of one size, and the bounds of their outputs.

    Attributes:
      image: uint8 (b, h, w, 3).
      low, high: bounds of each output by name. They are usually equal.
    """

    image: UInt8[np.ndarray, "b h w 3"]
    low: Mapping[str, AnyArray]
    high: Mapping[str, AnyArray]


def check_parity(run: Run, pipeline: Pipeline, trained: Trained) -> dict[str, float]:
    """Runs an exported model and the network on random images.

    Args:
      run: the exported model.
      pipeline: the network with its decoding.
      trained: variables, as arrays on the host.

    Returns:
      The largest relative difference of each output.

    Raises:
      ParityError: one is larger than `TOLERANCE`.
      UserError: the network itself gives numbers that are not finite.
    """
    # On the CPU, where float32 is not rounded to less.
    with jax.default_device(jax.devices("cpu")[0]):
        return compare(run, references(pipeline, trained))


def references(pipeline: Pipeline, trained: Trained) -> list[Reference]:
    """Runs the network on random images. See `check_parity`."""
    bounds_step = jax.jit(make_bounds_step(pipeline))
    found = []
    for shape in image_shapes(pipeline.network.model):
        image = random_images(*shape)
        bounds = jax.device_get(bounds_step(trained, image))
        low, high = map(pipeline.select, bounds)
        _require_finite(high)
        found.append(Reference(image, low, high))
    return found


def compare(run: Run, references: Sequence[Reference]) -> dict[str, float]:
    """Compares an exported model with reference results. See `check_parity`.

    Args:
      run: the exported model.
      references: images with their bounds.

    Returns:
      Largest relative difference, by output.
    """
    differences: dict[str, list[float]] = {}
    for reference in references:
        found = run(reference.image)
        if found.keys() != reference.low.keys():
            raise ParityError(
                f"the exported model computes {', '.join(found)} instead of "
                f"{', '.join(reference.low)}"
            )
        for name, low in reference.low.items():
            high = reference.high[name]
            difference = relative_difference(found[name], low, high)
            differences.setdefault(name, []).append(difference)
    # Python's max would ignore NaN.
    largest = {name: float(np.max(values)) for name, values in differences.items()}
    for name, difference in largest.items():
        if not difference <= TOLERANCE:
            raise ParityError(
                f"{name} of the exported model differs from the network's by "
                f"{difference:.1e}, relative; {TOLERANCE:g} is allowed"
            )
    return largest


def _require_finite(outputs: Mapping[str, AnyArray]) -> None:
    if not all(np.isfinite(x).all() for x in outputs.values()):
        raise UserError(
            "the network's own output is not finite: export another --checkpoint"
        )


def make_bounds_step(
    pipeline: Pipeline,
) -> Callable[[Trained, Array], tuple[Prediction, Prediction]]:
    """Builds the function from images to the lower and upper bounds of each output.

    Usually both equal the network's output. Where two bins are equally probable up to
    rounding, either may be the most probable one. Where hardly any probability lies
    about a quantile, rounding moves it far. A high temperature makes much of hardly any
    probability: at 10, a rounding error of 6e-8 counts as .19.

    Args:
      pipeline: the network with its decoding.

    Returns:
      The function.
    """
    posterior = pipeline.posterior
    predict_step = pipeline.predict_step(posterior)
    head, decode = pipeline.network.head, pipeline.decode
    bins = head.bins

    def bounds_step(
        trained: Trained, image: UInt8[Array, "b h w 3"]
    ) -> tuple[Prediction, Prediction]:
        predicted = predict_step(trained, image)
        if not head.has_distribution:
            return predicted, predicted
        own = posterior(trained.variables, image)
        calibrated = calibrate(own, trained.temperature)
        uncertain = {
            "low_m": _bounds(bins.quantile, calibrated, INTERVAL[0]),
            "high_m": _bounds(bins.quantile, calibrated, INTERVAL[1]),
        }
        if decode == "median":
            uncertain["depth_m"] = _bounds(bins.quantile, own, 0.5)
        elif decode == "absrel":
            uncertain["depth_m"] = _bounds(bins.least_absrel, own, 0.5)
        elif decode == "count":
            uncertain["depth_m"] = _count_bounds(own, bins)
        elif decode != "expectation":
            uncertain["depth_m"] = _most_probable_bounds(own, bins, decode)
        measures = _measure_bounds(predicted, own, trained.temperature, bins)
        low, high = (
            dataclasses.replace(
                predicted,
                **{name: bounds[which] for name, bounds in measures.items()},
                **{
                    name: bounds[which] * pipeline.depth_factor
                    for name, bounds in uncertain.items()
                },
            )
            for which in (0, 1)
        )
        return low, high

    return bounds_step


def _measure_bounds(
    predicted: Prediction,
    own: Float[Array, "*n k"],
    temperature: Float[AnyArray, ""] | float,
    bins: DepthBins,
) -> dict[str, Bounds]:
    """Returns bounds of the measures of distributions that are wrong by `SMALLEST`."""
    least = jnp.finfo(own.dtype).tiny
    shifted = [
        calibrate(jnp.maximum(own + shift, least), temperature)
        for shift in (-SMALLEST, SMALLEST)
    ]
    found = {}
    for name in ("confidence", "entropy_nats", "log_depth_std"):
        values = [jnp.asarray(known(getattr(predicted, name)))]
        values += [MEASURES[name](each, bins) for each in shifted]
        found[name] = (
            functools.reduce(jnp.minimum, values),
            functools.reduce(jnp.maximum, values),
        )
    # Relative differences mean nothing where the network is certain.
    low, high = found["entropy_nats"]
    found["entropy_nats"] = low - ROUNDING, high + ROUNDING
    return found


def _bounds(
    depth_at: Callable[[Array, float], Array],
    probabilities: Float[Array, "*n k"],
    share: float,
) -> Bounds:
    low, high = _rounded(share)
    return depth_at(probabilities, low), depth_at(probabilities, high)


def _count_bounds(probabilities: Float[Array, "*n k"], bins: DepthBins) -> Bounds:
    centers_m = jnp.asarray(bins.centers_m)
    low, high = (bins.bin_at(probabilities, share) for share in _rounded(0.5))
    return centers_m[low], centers_m[high]


def _rounded(share: float) -> tuple[float, float]:
    """Returns the bounds of a cumulative sum whose terms vary by `ROUNDING`."""
    slack = 2 * ROUNDING * share * (1 - share)
    return share - slack, share + slack


def _most_probable_bounds(
    probabilities: Float[Array, "*n k"], bins: DepthBins, decode: Decoding
) -> Bounds:
    largest = jnp.max(probabilities, axis=-1, keepdims=True)
    is_largest = probabilities >= largest * (1 - ROUNDING)
    centers_m = bins.decode(jnp.eye(bins.num_bins), decode)
    shape = (1,) * (probabilities.ndim - 1) + centers_m.shape
    centers_m = centers_m.reshape(shape)
    return (
        jnp.min(jnp.where(is_largest, centers_m, jnp.inf), axis=-1),
        jnp.max(jnp.where(is_largest, centers_m, 0), axis=-1),
    )


def relative_difference(
    found: Float[np.ndarray, "*n"],
    low: Float[AnyArray, "*n"],
    high: Float[AnyArray, "*n"],
) -> float:
    """Measures how far numbers lie outside of their bounds, at the most.

    Returns:
      The largest distance relative to the upper bound. Not a number if one found is.
    """
    outside = np.maximum(np.maximum(low - found, found - high), 0)
    return float(np.max(outside / high))


def image_shapes(model: DeepLabV2) -> tuple[tuple[int, int, int], ...]:
    """Returns batch, height and width of the images that a model is checked on.

    One large enough that every tap of the most dilated kernel meets it, and two small
    ones at a time. With sides that are odd and even, also after the first convolution.
    """
    side = model.output_stride * (max(model.aspp_rates) + 1)
    return (1, side + 1, side + 23), (2, 47, 70)


def random_images(batch: int, height: int, width: int) -> UInt8[np.ndarray, "b h w 3"]:
    """Draws images of squares with noise: differences from far and from near."""
    rng = np.random.default_rng(0)
    squares = (batch, height // BLOCK_PX + 1, width // BLOCK_PX + 1, 3)
    coarse = rng.integers(0, 256, squares).repeat(BLOCK_PX, 1).repeat(BLOCK_PX, 2)
    fine = rng.integers(-32, 33, (batch, height, width, 3))
    return np.clip(coarse[:, :height, :width] + fine, 0, 255).astype(np.uint8)
