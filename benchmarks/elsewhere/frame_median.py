"""The median of each frame's own ground truth at every pixel: a bound for no network.

It knows each frame's scale, and nothing of its shape.
"""

from typing import Any

import numpy as np

from benchmarks.elsewhere.places import data_config
from deepdepth_jax.errors import UserError


def evaluate_frame_median(overrides: list[str]) -> dict[str, Any]:
    """Evaluates the frame median on a data set.

    Args:
      overrides: `--config.section.field=value`, which select the data and the protocol.

    Returns:
      The means of the metrics over images, as `metrics` in eval.json.
    """
    from absl import logging

    from deepdepth_jax.datasets.pipeline import prepare, read_examples
    from deepdepth_jax.datasets.registry import held_out_source
    from deepdepth_jax.evaluation.protocol import Protocol

    logging.set_verbosity(logging.ERROR)  # libraries' notes on how they work
    config = data_config(overrides)
    source = held_out_source(config, config.eval.split, learned_from=())
    records = prepare(config.data, source)
    protocol = Protocol.of(config, source)
    metrics = []
    for example in read_examples(records, range(len(source.present))):
        counted = protocol.evaluated(example.depth_m)
        if counted.any():
            median_m = np.median(example.depth_m[counted])
            constant = np.full_like(example.depth_m, median_m)
            metrics.append(protocol.measure(constant, example.depth_m))
    if not metrics:
        raise UserError(f"{protocol}: no pixel of its ground truth counts")
    return {name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]}
