"""From a completed config to the functions that predict, on all devices."""

import functools
from collections.abc import Callable

import numpy as np

from deepdepth_jax.config import Config
from deepdepth_jax.inference.crf.mean_field import dense_crf
from deepdepth_jax.inference.posterior import Belief
from deepdepth_jax.inference.size_classes import in_size_classes
from deepdepth_jax.inference.steps import (
    Scores,
    Trained,
    make_calibrated_step,
    make_likelihood_step,
    make_predict_step,
    make_refined_predict_step,
    make_refined_score_step,
    make_score_step,
)
from deepdepth_jax.inference.views import Views
from deepdepth_jax.inference.windows import by_windows
from deepdepth_jax.models.build import build_head, build_network
from deepdepth_jax.runtime.parallel import in_batches_on_all_devices
from deepdepth_jax.types import Prediction, Tree


def build_prediction(config: Config) -> Callable[..., Prediction]:
    """Builds the function from `Trained` and pictures to depth, on all devices."""
    decode = config.eval.decode
    if config.crf.enabled:
        return _with_crf(make_refined_predict_step(build_head(config), decode), config)
    return _by_windows(
        make_predict_step(_belief(config, _views(config)), decode), config
    )


def build_scoring(config: Config) -> Callable[..., tuple[Prediction, Scores]]:
    """Builds the function that also holds what is predicted against true depth.

    See `inference.make_score_step`.
    """
    decode = config.eval.decode
    if config.crf.enabled:
        return _with_crf(make_refined_score_step(build_head(config), decode), config)
    return _by_windows(make_score_step(_belief(config, _views(config)), decode), config)


def build_likelihood(
    config: Config,
) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Builds the function that a temperature is fitted by, on all devices."""
    step = make_likelihood_step(_belief(config, Views()))
    return in_size_classes(step, config.eval.batch_size)


def _views(config: Config) -> Views:
    return Views(config.eval.flip, config.eval.scales)


def _belief(config: Config, views: Views) -> Belief:
    parts = build_network(config)
    return Belief(parts.model, parts.head, parts.convention, views)


def _by_windows(step: Callable[..., Tree], config: Config) -> Callable[..., Tree]:
    return _in_windows(in_size_classes(step, config.eval.batch_size), config)


def _with_crf(read_step: Callable[..., Tree], config: Config) -> Callable[..., Tree]:
    """Puts the CRF between two programs, as it makes its lattices on the host.

    It sees the pictures alone, without what fills them and their batch up.
    """
    batch_size, options = config.eval.batch_size, config.crf
    look_step = make_calibrated_step(_belief(config, _views(config)))
    look = in_size_classes(look_step, batch_size)
    read = in_batches_on_all_devices(read_step, batch_size)

    def run(trained: Trained, image: np.ndarray, *depth_m: np.ndarray) -> Tree:
        own, calibrated = look(trained, image)
        refined = np.asarray(dense_crf(calibrated, image, options))
        return read(trained, own, refined, *depth_m)

    return _in_windows(run, config)


def _in_windows(run: Callable[..., Tree], config: Config) -> Callable[..., Tree]:
    height, width = config.eval.window

    def run_windows(trained: Trained, *arrays: np.ndarray) -> Tree:
        of_window = functools.partial(run, trained)
        return by_windows(of_window, (height, width))(*arrays)

    return run_windows if height else run
