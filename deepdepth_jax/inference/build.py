"""From a completed config and a run's folder to trained networks and their runners."""

import functools
from pathlib import Path

from jaxtyping import Array

from deepdepth_jax.config import Config
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.runner import Refine, Runner
from deepdepth_jax.inference.steps import (
    LikelihoodStep,
    PredictStep,
    Result,
    Scores,
    ScoreStep,
    Step,
)
from deepdepth_jax.inference.trained import Trained
from deepdepth_jax.inference.views import OWN, Views
from deepdepth_jax.models.build import build_network
from deepdepth_jax.runtime.checkpoint_folder import Which
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.types import Prediction


def restore(config: Config, workdir: Path, which: Which) -> tuple[int, Trained]:
    """Loads a checkpoint for prediction, without the state of the optimiser.

    Returns:
      Its step, and its variables with their temperature: 1 if none has been fitted.

    Raises:
      UserError: there is no such checkpoint, or it is damaged.
    """
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        variables = checkpoints.restore_variables(step)
        temperature = checkpoints.temperature(step)
    return step, Trained(variables, 1.0 if temperature is None else temperature)


def build_prediction(config: Config) -> Runner[Prediction]:
    """Builds the runner that predicts. See `PredictStep`."""
    return _build(build_prediction_step(config), config)


def build_prediction_step(config: Config) -> PredictStep:
    """Builds the step that predicts."""
    return PredictStep(_posterior(config), config.eval.decode)


def build_scoring(config: Config) -> Runner[tuple[Prediction, Scores]]:
    """Builds the runner that predicts and scores. See `ScoreStep`."""
    return _build(ScoreStep(_posterior(config), config.eval.decode), config)


def build_likelihood(config: Config) -> Runner[tuple[Array, Array]]:
    """Builds the runner that a temperature is fitted by. See `LikelihoodStep`.

    It sees the image as it is, as a whole, and without the CRF.
    """
    network = build_network(config)
    posterior = PixelPosterior(network.model, network.head, network.convention, OWN)
    return Runner(LikelihoodStep(posterior), config.eval.batch_size)


def _posterior(config: Config) -> PixelPosterior:
    network = build_network(config)
    views = Views(config.eval.flip, config.eval.scales)
    return PixelPosterior(network.model, network.head, network.convention, views)


def _build(step: Step[Result], config: Config) -> Runner[Result]:
    section = config.eval
    return Runner(step, section.batch_size, section.window, _refine(config))


def _refine(config: Config) -> Refine | None:
    if not config.crf.enabled:
        return None
    from deepdepth_jax.inference.crf.mean_field import dense_crf

    return functools.partial(dense_crf, options=config.crf)
