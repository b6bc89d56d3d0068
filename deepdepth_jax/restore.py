"""A trained run, ready to predict."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from deepdepth_jax import build
from deepdepth_jax.checkpoints import Checkpoints, Which
from deepdepth_jax.types import Prediction

PredictImages = Callable[[np.ndarray], Prediction]


def restored_predict(
    config: ConfigDict, workdir: Path, which: Which
) -> tuple[int, PredictImages]:
    """Loads a checkpoint for prediction.

    Returns:
      Its step, and the function from uint8 (b, h, w, 3) to depth.
    """
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        like = build.abstract_state(config)
        variables = checkpoints.restore(like, step).variables
    predict = build.prediction(config)
    return step, lambda images: predict(variables, images)
