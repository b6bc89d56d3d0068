"""From a picture to depth and confidence as StableHLO, by `jax.export`."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, Float, UInt8

from deepdepth_jax.inference import Distribution, Trained
from deepdepth_jax.models.resnet import STAGES
from deepdepth_jax.portable.pipeline import Pipeline
from deepdepth_jax.types import Tree

PLATFORMS = ("cpu", "cuda")


def stablehlo_model(pipeline: Pipeline, trained: Trained) -> export.Exported:
    """Lowers uint8 (batch, height, width, 3) to the fields of `types.Prediction`.

    Batch, height and width are open, the weights are inside.

    Args:
      pipeline: what is done with a picture.
      trained: with arrays on the host.
    """
    predict_step = pipeline.predict_step(_distribution(pipeline))

    def predict(image: UInt8[Array, "b h w 3"]) -> dict[str, Array]:
        # A dictionary, as a class would have to be there where the file is read.
        prediction = predict_step(trained, image)
        fields = dataclasses.fields(prediction)
        return {field.name: getattr(prediction, field.name) for field in fields}

    output_stride = pipeline.network.model.output_stride
    batch, height, width = export.symbolic_shape(
        "batch, height, width",
        constraints=[
            equality
            for side in ("height", "width")
            for equality in _equal_sizes(side, output_stride)
        ],
    )
    image = jax.ShapeDtypeStruct((batch, height, width, 3), jnp.uint8)
    return export.export(jax.jit(predict), platforms=PLATFORMS)(image)


def _equal_sizes(side: str, output_stride: int) -> Iterator[str]:
    """Tells JAX what it does not see: stride 2 gives one size, however it is done.

    A 1x1 convolution with a stride takes every second row, a 3x3 one slides; where the
    two meet their sizes have to be the same.
    """
    # After the first convolution and the pooling.
    size = f"floordiv(floordiv({side} - 1, 2) + 1, 2) + 1"
    strides, _ = STAGES[output_stride]
    for _ in range(strides.count(2)):
        slid = f"floordiv({size} - 1, 2) + 1"
        yield f"floordiv({size} + 1, 2) == {slid}"
        size = slid


def _distribution(pipeline: Pipeline) -> Distribution:
    """Builds `inference.make_distribution` anew, for sizes that are not known yet."""
    network = pipeline.network

    def view(
        variables: dict[str, Tree], image: Float[Array, "b h w 3"]
    ) -> Float[Array, "b h w k"]:
        network_input = network.convention(image)
        logits = network.model.apply(variables, network_input, train=False)
        return jax.nn.softmax(_resize_bilinear(cast(Array, logits), image))

    def distribution(
        variables: dict[str, Tree], image: UInt8[Array, "b h w 3"]
    ) -> Float[Array, "b h w k"]:
        image = image.astype(jnp.float32)
        straight = view(variables, image)
        if not pipeline.flip:
            return straight
        mirrored = view(variables, image[:, :, ::-1])[:, :, ::-1]
        return (straight + mirrored) / 2

    return distribution


def _resize_bilinear(
    x: Float[Array, "b h w k"], like: Float[Array, "b h2 w2 3"]
) -> Float[Array, "b h2 w2 k"]:
    """Computes `layers.resize_bilinear` to the size of a picture."""
    rows = _interpolation_matrix(x.shape[1], like.shape[1])
    columns = _interpolation_matrix(x.shape[2], like.shape[2])
    exact = jax.lax.Precision.HIGHEST
    x = jnp.einsum("bhwc,Hh->bHwc", x, rows, precision=exact)
    return jnp.einsum("bhwc,Ww->bhWc", x, columns, precision=exact)


def _interpolation_matrix(size: Any, new_size: Any) -> Float[Array, "n m"]:
    """Gives each of the new places the weights of the two old ones around it.

    In whole numbers up to the one division, as places are known when it is run only.
    """
    steps = jnp.maximum(jnp.asarray(new_size) - 1, 1)
    at = jnp.arange(new_size)[:, None] * (size - 1)
    distance = jnp.abs(at - jnp.arange(size)[None, :] * steps)
    return jnp.maximum(0, steps - distance) / steps.astype(jnp.float32)


def load_stablehlo(
    path: Path,
) -> Callable[[UInt8[np.ndarray, "b h w 3"]], dict[str, np.ndarray]]:
    """Loads a written file, to be run on JAX's default device."""
    exported = export.deserialize(bytearray(path.read_bytes()))
    call = jax.jit(exported.call)

    def run(image: UInt8[np.ndarray, "b h w 3"]) -> dict[str, np.ndarray]:
        return jax.device_get(call(image))

    return run
