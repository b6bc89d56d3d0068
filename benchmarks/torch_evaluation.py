"""The peer of an evaluation: a loop over files, with Pillow, PyTorch and NumPy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.torch_network import FARTHEST_M, Network, predictor

NEAREST_M = 1e-3


def evaluate_files(
    form: str, device: str, files: Sequence[tuple[Path, Path]]
) -> Callable[[], np.ndarray]:
    """Builds the evaluation of images with 16-bit depth PNGs.

    Args:
      form: of the network. See `table.FORMS`.
      device: of the network.
      files: of each frame, image and depth.
    """
    predict = predictor(Network(form, device))

    def evaluate() -> np.ndarray:
        errors = []
        for image_file, depth_file in files:
            image = np.array(Image.open(image_file).convert("RGB"))
            truth_m = np.asarray(Image.open(depth_file)).astype(np.float32) / 256
            errors.append(depth_errors(truth_m, predict(image[None])[0]))
        return np.mean(errors, axis=0)

    return evaluate


def depth_errors(truth_m: np.ndarray, predicted_m: np.ndarray) -> tuple[float, ...]:
    """Computes the metrics as most public code does, in the order of `METRICS`."""
    height, width = truth_m.shape
    counts = np.zeros(truth_m.shape, bool)
    counts[
        int(0.40810811 * height) : int(0.99189189 * height),
        int(0.03594771 * width) : int(0.96405229 * width),
    ] = True
    counts &= (truth_m > NEAREST_M) & (truth_m < FARTHEST_M)
    truth = truth_m[counts]
    predicted = np.clip(predicted_m[counts], NEAREST_M, FARTHEST_M)
    ratio = np.maximum(truth / predicted, predicted / truth)
    log_error = np.log(predicted) - np.log(truth)
    si_rmse_log = np.sqrt(np.mean(log_error**2) - np.mean(log_error) ** 2)
    return (
        np.mean(np.abs(truth - predicted) / truth),
        np.mean((truth - predicted) ** 2 / truth),
        np.sqrt(np.mean((truth - predicted) ** 2)),
        np.sqrt(np.mean(log_error**2)),
        si_rmse_log,
        100 * si_rmse_log,
        np.mean(np.abs(np.log10(predicted) - np.log10(truth))),
        *(np.mean(ratio < 1.25**power) for power in (1, 2, 3)),
        1000 * np.sqrt(np.mean((1 / predicted - 1 / truth) ** 2)),
        np.mean(((truth - predicted) / truth) ** 2),
    )
