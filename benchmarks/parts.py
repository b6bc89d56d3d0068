"""Parts of the training step and of a prediction, as they are and as others would be.

    python -m benchmarks.parts

Each part of the paper's step (a batch of 3 crops of 420 x 800, 71 bins, if nothing else
is said) runs in its own form and in the one that comes to mind first, on the same
arrays, interleaved: seconds, the memory that the compiled program takes for itself, and
how far their results differ, of the largest number in them. Forward and gradient
together, but for what is read off.
"""

import argparse
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import entr
from jaxtyping import Array, Float

from benchmarks.pairing import alternate, ratios
from benchmarks.table import spread
from deepdepth_jax import losses
from deepdepth_jax.bins import IGNORE, DepthBins, weighted_sum
from deepdepth_jax.config import LossName, TrainConfig
from deepdepth_jax.inference.posterior import PixelPosterior, whole
from deepdepth_jax.models.conv.convolution import convolve, convolve_and_add
from deepdepth_jax.models.conv.pooling import PADDING, max_pool_ceil
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Classification, Head, Ordinal
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resampling import resize_bilinear
from deepdepth_jax.runtime import cli
from deepdepth_jax.training.objective import IsPseudo, Loss, make_loss
from deepdepth_jax.types import AnyArray, Tree

HEADS = "part", "ours, s", "otherwise, s", "ratio", "memory, MB", "they differ by"
RATES = 6, 12, 18, 24
"""Dilations of the classifiers."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One computation, in two forms.

    Attributes:
      what: is computed, and in what other form.
      ours: the form that runs.
      otherwise: the other one.
      arguments: of both.
    """

    what: str
    ours: Callable[..., Tree]
    otherwise: Callable[..., Tree]
    arguments: tuple[Array, ...]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=cli.count, default=7, help="7 by default")
    add("--batch", type=cli.count, default=3, help="3 by default")
    add(
        "--crop",
        type=cli.count,
        nargs=2,
        default=(420, 800),
        metavar=("HEIGHT", "WIDTH"),
        help="420 800 by default",
    )
    arguments = parser.parse_args()
    rounds, crop = arguments.rounds, tuple(arguments.crop)
    print(f"| {' | '.join(HEADS)} |\n" + "|---" * len(HEADS) + "|")
    for part in itertools.chain(
        of_a_step(arguments.batch, crop), of_a_prediction((375, 1242))
    ):
        print(f"| {' | '.join(cells(part, rounds))} |", flush=True)
    print(f"\nmedians (smallest to largest) of {rounds} rounds, on", end=" ")
    print(f"{jax.devices()[0].device_kind}, {jax.__version__}")


def cells(part: Part, rounds: int) -> list[str]:
    """Measures a part, and gives what stands under `HEADS`."""
    forms = {"ours": part.ours, "otherwise": part.otherwise}
    compiled = {
        name: jax.jit(form).lower(*part.arguments).compile()
        for name, form in forms.items()
    }
    results = jax.block_until_ready([run(*part.arguments) for run in compiled.values()])

    def seconds(run: Callable[..., Tree]) -> float:
        start = time.perf_counter()
        jax.block_until_ready(run(*part.arguments))
        return time.perf_counter() - start

    measures = {name: partial(seconds, run) for name, run in compiled.items()}
    found = alternate(measures, rounds)
    return [
        part.what,
        *map(spread, found.values()),
        f"{statistics.median(ratios(*found.values())):.2f}",
        ", ".join(f"{memory_mb(run):.0f}" for run in compiled.values()),
        f"{difference(*results):.0e}",
    ]


def memory_mb(compiled: jax.stages.Compiled) -> float:
    """Returns the memory of a program beside its arguments and results."""
    memory = compiled.memory_analysis()
    assert memory is not None  # CPUs and GPUs give it
    return memory.temp_size_in_bytes / 1e6


def difference(ours: Tree, theirs: Tree) -> float:
    """Returns the largest difference of two results, of the largest number of each."""
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    return max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b))) for a, b in pairs)


def of_a_step(batch: int, crop: tuple[int, int], bins: int = 71) -> Iterator[Part]:
    """Makes the parts of a training step, in the order in which they come."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> Float[Array, "..."]:
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    def layer(
        what: str,
        forms: Sequence[Callable[..., Array]],
        *arguments: Array,
    ) -> Part:
        """Returns both forms their gradient, with respect to everything."""
        of_result = normal(*jax.eval_shape(forms[0], *arguments).shape)
        ours, otherwise = map(_with_gradients, forms)
        return Part(what, ours, otherwise, (of_result, *arguments))

    stem, pooled, features = _sides(crop)
    yield layer(
        "the stem's pooling; XLA's own gradient",
        (max_pool_ceil, plain_pooling),
        jax.nn.relu(normal(batch, *stem, 64)),
    )
    for channels, dilation in ((64, 1), (256, 2), (512, 4)):
        size = features if dilation > 1 else pooled
        yield layer(
            f"3x3, {channels} channels, dilation {dilation}; XLA's convolution",
            _both_convolutions(dilation),
            normal(batch, *size, channels),
            normal(3, 3, channels, channels) / channels,
        )
    x = normal(batch, *features, 1024)
    yield layer(
        "1x1, 1024 to 256 channels; XLA's convolution",
        _both_convolutions(1),
        x,
        normal(1, 1, 1024, 256) / 32,
    )
    yield layer(
        "frozen normalisation after it; folded into the kernel",
        (normalised_after, normalised_within),
        x,
        normal(1, 1, 1024, 256) / 32,
        *(normal(256).reshape(1, 1, 1, -1) for _ in range(2)),
    )
    yield layer(
        "the classifiers; XLA's convolutions",
        (classified, classified_one_by_one),
        normal(batch, *features, 2048),
        *(normal(3, 3, 2048, bins) / 200 for _ in RATES),
    )
    depth_m = jnp.asarray(random.uniform(1, 70, (batch, *crop)), jnp.float32)
    head: Head = Classification(DepthBins(num_bins=bins))
    for share in (0.04, 0.19, 1.0):
        has_depth = jnp.asarray(random.random(depth_m.shape) < share)
        yield Part(
            f"cross-entropy, depth at {share:.0%}; of all pixels at once",
            _loss("classification", "cross_entropy", head),
            _value_and_grad(_plain_loss(head, losses.cross_entropy)),
            (normal(batch, *features, bins), jnp.where(has_depth, depth_m, 0)),
        )
    head = Ordinal(head.bins)
    yield Part(
        "ordinal loss, depth at 100%; of all pixels at once",
        _loss("ordinal", "ordinal", head),
        _value_and_grad(_plain_loss(head, losses.ordinal)),
        (normal(batch, *features, 2 * bins), depth_m),
    )


def of_a_prediction(size: tuple[int, int], bins: int = 71) -> Iterator[Part]:
    """Makes the part that comes after the network."""
    values = np.random.default_rng(0).normal(size=(1, *_sides(size)[-1], bins))
    head = Classification(DepthBins(num_bins=bins))
    centers_m = jnp.asarray(head.bins.centers_m).reshape(1, 1, 1, -1)
    posterior = PixelPosterior(_Given(), head, CONVENTIONS["imagenet_rgb"])
    image = jnp.zeros((1, *size, 3), jnp.uint8)

    def read(p: Float[Array, "b r w k"]) -> tuple[Array, ...]:
        return (
            head.depth_m(p, "expectation"),
            jnp.max(p, axis=-1),
            weighted_sum(entr(p)),
        )

    def ours(logits: Array) -> Tree:
        scores = posterior.scores({"params": {"outputs": logits}}, image)
        return whole(posterior.read(read, scores), size[0])

    def plain(logits: Array) -> Tree:
        p = jax.nn.softmax(resize_bilinear(logits, size))
        return (
            jnp.sum(p * centers_m, axis=-1),
            jnp.max(p, axis=-1),
            jnp.sum(entr(p), axis=-1),
        )

    yield Part(
        "depth, confidence and entropy read off; of all pixels at once",
        ours,
        plain,
        (jnp.asarray(values, jnp.float32),),
    )


class _Given(DeepLabV2):
    """A network whose output is among its parameters."""

    def __call__(self, *_: Any, **__: Any) -> Array:
        """Looks at nothing."""
        return self.get_variable("params", "outputs")


def _sides(size: tuple[int, int]) -> list[tuple[int, ...]]:
    """Returns height and width after the stem, its pooling, and at output stride 8."""
    stem = [-(-side // 2) for side in size]
    pooled = [side // 2 + 1 for side in stem]
    return [tuple(stem), tuple(pooled), tuple(-(-side // 2) for side in pooled)]


def _with_gradients(form: Callable[..., Array]) -> Callable[..., Tree]:
    def result_and_gradients(of_result: Array, *arguments: Array) -> Tree:
        result, pull = jax.vjp(form, *arguments)
        return result, pull(of_result)

    return result_and_gradients


def plain_pooling(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Pools with the gradient that JAX derives."""
    return nn.max_pool(x, (3, 3), strides=(2, 2), padding=(PADDING, PADDING))


def plain_convolution(
    x: Float[Array, "b h w c"], kernel: Float[Array, "s s c d"], dilation: int
) -> Float[Array, "b h w d"]:
    """Convolves as XLA does."""
    padding = dilation * (kernel.shape[0] // 2)
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding=((padding, padding), (padding, padding)),
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _both_convolutions(dilation: int) -> tuple[Callable[..., Array], ...]:
    return (
        lambda x, kernel: convolve(x, kernel, dilation=dilation),
        lambda x, kernel: plain_convolution(x, kernel, dilation),
    )


def normalised_after(x: Array, kernel: Array, scale: Array, shift: Array) -> Array:
    """Multiplies what comes of the convolution."""
    return jax.nn.relu(convolve(x, kernel) * scale + shift)


def normalised_within(x: Array, kernel: Array, scale: Array, shift: Array) -> Array:
    """Multiplies the kernel."""
    return jax.nn.relu(convolve(x, kernel * scale) + shift)


def classified(x: Array, *kernels: Array) -> Array:
    """Adds up the classifiers as the network does."""
    return convolve_and_add(x, kernels, RATES)


def classified_one_by_one(x: Array, *kernels: Array) -> Array:
    """Adds up XLA's convolutions."""
    first, *rest = map(plain_convolution, [x] * len(RATES), kernels, RATES)
    return sum(rest, start=first)


def _loss(head_name: str, name: LossName, head: Head) -> Callable[..., Tree]:
    return _value_and_grad(make_loss(head_name, head, TrainConfig(loss=name)))


def _value_and_grad(loss: Loss) -> Callable[..., Tree]:
    return jax.value_and_grad(loss, has_aux=True)


def _plain_loss(head: Head, per_pixel: Callable[[Array, Array], Array]) -> Loss:
    def loss(
        outputs: Array, depth_m: AnyArray, is_pseudo: IsPseudo = None
    ) -> tuple[Array, Array]:
        del is_pseudo
        height, width = depth_m.shape[1:]
        scores = head.scores(resize_bilinear(outputs, (height, width)))
        labels = head.bins.label(depth_m)
        pixels = jnp.sum(labels != IGNORE, dtype=jnp.float32)
        return jnp.sum(per_pixel(scores, labels)), pixels

    return loss


if __name__ == "__main__":
    main()
