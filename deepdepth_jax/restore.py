"""What a run has learnt, out of its folder."""

from pathlib import Path

from ml_collections import ConfigDict

from deepdepth_jax import build
from deepdepth_jax.checkpoints import Checkpoints, Which
from deepdepth_jax.inference import Trained


def restore(config: ConfigDict, workdir: Path, which: Which) -> tuple[int, Trained]:
    """Loads a checkpoint for prediction.

    Returns:
      Its step, and what was learnt; the temperature is 1 if none has been fitted.

    Raises:
      UserError: there is no such checkpoint, or it is damaged.
    """
    with Checkpoints.of(config, workdir) as checkpoints:
        step = checkpoints.find(which)
        state = checkpoints.restore(build.abstract_state(config), step)
        temperature = checkpoints.temperature(step)
    return step, Trained(state.variables, 1.0 if temperature is None else temperature)
