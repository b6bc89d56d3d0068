"""What a run has learnt, out of its folder."""

from pathlib import Path

from deepdepth_jax.config import Config
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.models.build import abstract_variables
from deepdepth_jax.runtime.checkpoints import Checkpoints, Which


def restore(config: Config, workdir: Path, which: Which) -> tuple[int, Trained]:
    """Loads a checkpoint for prediction.

    Returns:
      Its step, and what was learnt; the temperature is 1 if none has been fitted.

    Raises:
      UserError: there is no such checkpoint, or it is damaged.
    """
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        variables = checkpoints.restore(abstract_variables(config), step)
        temperature = checkpoints.temperature(step)
    return step, Trained(variables, 1.0 if temperature is None else temperature)
