"""The benchmarks' peers do the work that ours does."""

import numpy as np

from benchmarks.torch_evaluation import depth_errors
from benchmarks.torch_network import Network, labels_of, predictor
from deepdepth_jax.bins import DepthBins
from deepdepth_jax.metrics import METRICS, depth_metrics


def test_the_loop_finds_the_metrics_that_ours_does():
    rng = np.random.default_rng(0)
    truth_m = rng.uniform(0.5, 100, (37, 124)).astype(np.float32)
    truth_m[rng.random(truth_m.shape) < 0.8] = 0
    predicted_m = rng.uniform(1, 80, truth_m.shape).astype(np.float32)
    ours = depth_metrics(predicted_m, truth_m)
    np.testing.assert_allclose(
        depth_errors(truth_m, predicted_m), [ours[name] for name in METRICS], rtol=1e-4
    )


def test_depth_is_cut_into_the_same_classes():
    depth_m = np.float32([[0, 0.5, 1.01, 1.5, 2, 7, 40, 79.9, 80.1]])[None]
    np.testing.assert_array_equal(
        labels_of(depth_m).numpy(), np.asarray(DepthBins().label(depth_m))
    )


def test_a_prediction_is_depth_within_the_bins():
    image = np.random.default_rng(0).integers(0, 256, (1, 33, 65, 3), np.uint8)
    predict = predictor(Network("channels_last eager"))
    depth_m = predict(image)
    assert depth_m.shape == (1, 33, 65)
    assert (depth_m > 1).all() and (depth_m < 80).all()
