"""Validation: the mean metrics that checkpoints are chosen by, and some images."""

from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.datasets.pipeline import read_examples
from deepdepth_jax.datasets.records import Records
from deepdepth_jax.evaluation.figures import draw_examples
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.predictions import network_predictions, predict_examples
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.report import MODEL
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.metrics import METRICS
from deepdepth_jax.runtime.parallel import own_share, sum_over_processes
from deepdepth_jax.types import Prediction


def validate(
    predict: Callable[[np.ndarray], Prediction],
    records: Records,
    config: Config,
    camera: TrainingCamera,
) -> dict[str, float]:
    """Computes the mean metrics over a split, by the protocol of a completed config.

    Each of several processes evaluates its share, and all get the means over the whole.

    Args:
      predict: maps a batch of images to depth.
      records: the validation split.
      config: completed.
      camera: camera of the training images.

    Returns:
      The metrics by name, and `failed_images`: the number of images with a prediction
      that is not finite where it counts. If there is one, every metric is NaN: a mean
      over the other images does not describe the network. Such a checkpoint is never
      the best.
    """
    protocol = Protocol.of(config, records.source)
    table = ImageTable(records.source.present, [MODEL])
    items = read_examples(records, own_share(records.count))
    failed = 0
    for example, prediction in predict_examples(predict, items, config, camera):
        fault = protocol.fault(prediction.depth_m, example.depth_m)
        if fault is None:
            metrics = protocol.measure(prediction.depth_m, example.depth_m)
            table.add(example.name, {MODEL: metrics})
        else:
            failed += 1
            print(f"validation of {example.name} failed: {fault}", flush=True)
    table.gather()
    failed = sum_over_processes(failed)
    undefined = dict.fromkeys(METRICS, float("nan"))
    means = undefined if failed else table.means(MODEL).compute()
    return means | {"failed_images": float(failed)}


def draw_validation(
    predict: Callable[[np.ndarray], Prediction],
    records: Records,
    config: Config,
    camera: TrainingCamera,
) -> UInt8[np.ndarray, "h w 3"] | None:
    """Draws `eval.figures` images, evenly spread over a split. None if that is 0.

    Args:
      predict: maps a batch of images to depth.
      records: the validation split.
      config: completed.
      camera: camera of the training images.

    Returns:
      The sheet, RGB, or None.
    """
    spread = np.linspace(0, records.count - 1, config.eval.figures).astype(int)
    shown = sorted(set(spread.tolist()))
    if not shown:
        return None
    predict_each = network_predictions(predict, config, camera)
    return draw_examples(predict_each, records, shown, config)
