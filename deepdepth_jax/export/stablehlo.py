"""From an image to depth and confidence as StableHLO, by `jax.export`."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, UInt8

from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.models.resnet import STAGES
from deepdepth_jax.types import AnyArray, Trained

PLATFORMS = ("cpu", "cuda")
FRAMES = "jax_traceback_in_locations_limit"
"""JAX's option for how many stack frames it writes beside each operation.

Any frame holds a path of this machine (findings/jax_export_holds_paths.sh).
"""


def stablehlo_model(pipeline: Pipeline, trained: Trained) -> export.Exported:
    """Lowers uint8 (batch, height, width, 3) to the outputs of a pipeline, by name.

    Batch, height and width are open, the weights are inside.

    Args:
      pipeline: the network with its decoding.
      trained: with arrays on the host.

    Returns:
      The exported function.
    """
    posterior = dataclasses.replace(pipeline.posterior, band_px=None)
    predict_step = pipeline.predict_step(posterior)

    def predict(image: UInt8[Array, "b h w 3"]) -> dict[str, AnyArray]:
        # A dictionary, as a class would have to be there where the file is read.
        return pipeline.select(predict_step(trained, image))

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
    with _without_source_locations():
        return export.export(jax.jit(predict), platforms=PLATFORMS)(image)


@contextlib.contextmanager
def _without_source_locations() -> Iterator[None]:
    """Keeps the exporter's paths and line numbers out of programs lowered meanwhile.

    JAX writes them beside each operation, so that the same network exported from two
    checkouts would make different bytes. Names of layers stay.
    """
    limit = getattr(jax.config, FRAMES)
    jax.config.update(FRAMES, 0)
    try:
        yield
    finally:
        jax.config.update(FRAMES, limit)


def _equal_sizes(side: str, output_stride: int) -> Iterator[str]:
    """Tells JAX a fact it cannot infer: both forms of a stride of 2 have one size.

    A 1x1 convolution with a stride takes every second row, a 3x3 one slides. Where the
    two meet their sizes have to be the same.
    """
    # After the first convolution and the pooling.
    size = f"floordiv(floordiv({side} - 1, 2) + 1, 2) + 1"
    strides, _ = STAGES[output_stride]
    for _ in range(strides.count(2)):
        slid = f"floordiv({size} - 1, 2) + 1"
        yield f"floordiv({size} + 1, 2) == {slid}"
        size = slid


def load_stablehlo(
    path: Path,
) -> Callable[[UInt8[np.ndarray, "b h w 3"]], dict[str, np.ndarray]]:
    """Loads a written file, to be run on JAX's default device."""
    exported = export.deserialize(bytearray(path.read_bytes()))
    call = jax.jit(exported.call)

    def run(image: UInt8[np.ndarray, "b h w 3"]) -> dict[str, np.ndarray]:
        return jax.device_get(call(image))

    return run
