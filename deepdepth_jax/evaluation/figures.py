"""Sheets of a split's images with their depth and the errors in it."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.pipeline import read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.drawing.colors import confidence_scale, depth_scale
from deepdepth_jax.drawing.sheets import Row, figure_sheet
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.types import AnyArray, Example

PredictEach = Callable[
    [Iterator[Example]], Iterator[tuple[Example, AnyArray, AnyArray | None]]
]
"""Predicts depth, and confidence if there is one, of each example."""


def draw_examples(
    predict_each: PredictEach,
    records: Records,
    indices: Sequence[int],
    config: Config,
) -> UInt8[np.ndarray, "h w 3"]:
    """Draws images of a split, in the order of their indices.

    Args:
      predict_each: predicts examples.
      records: the split.
      indices: indices of the images.
      config: completed.

    Returns:
      The sheet, RGB.
    """
    protocol, bins = Protocol.of(config, records.source), build_bins(config)
    rows = {}
    for example, depth_m, confidence in predict_each(read_examples(records, indices)):
        rows[example.name] = Row(
            title=f"{example.name}   {_error(protocol, depth_m, example)}",
            image=example.image,
            truth_m=example.depth_m,
            prediction_m=depth_m,
            confidence=confidence,
        )
    names = records.source.present
    ordered = [rows[names[index]] for index in indices]
    return figure_sheet(
        ordered,
        depth_scale(bins.min_depth_m, bins.max_depth_m),
        confidence_scale(bins.num_bins),
    )


def _error(protocol: Protocol, depth_m: AnyArray, example: Example) -> str:
    fault = protocol.fault(depth_m, example.depth_m)
    if fault is not None:
        return fault
    return f"AbsRel {protocol.measure(depth_m, example.depth_m)['abs_rel']:.3f}"
