"""The state of training."""

import flax.struct
import jax
import jax.numpy as jnp
import optax

from deepdepth_jax.types import Tree


@flax.struct.dataclass
class TrainState:
    """The complete state of a run between two steps.

    Attributes:
      step: number of steps taken, int32.
      params: trainable parameters, by layer name.
      batch_stats: running mean and variance of the normalisation, by layer name.
      opt_state: state of the optimiser.
      average: running mean of `params` and `batch_stats`, None if there is none.
      bad_steps: number of consecutive steps that were skipped because loss or gradient
        was not finite or no pixel was valid, int32.
    """

    step: Tree
    params: Tree
    batch_stats: Tree
    opt_state: optax.OptState
    bad_steps: Tree
    average: Tree | None = None

    @property
    def variables(self) -> dict[str, Tree]:
        """The variables to predict with, as Flax's `apply` takes them."""
        return self.average or self.learned

    @property
    def learned(self) -> dict[str, Tree]:
        """The variables that the optimiser updates."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def initial_state(
    variables: dict[str, Tree],
    optimizer: optax.GradientTransformation,
    *,
    averages: bool = False,
) -> TrainState:
    """Builds the state before the first step.

    Args:
      variables: `params` and `batch_stats`.
      optimizer: turns gradients into updates.
      averages: whether a running mean of the variables is kept.

    Returns:
      The state.
    """
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=optimizer.init(variables["params"]),
        bad_steps=jnp.zeros((), jnp.int32),
        # A copy: devices may take over the memory of what they are given.
        average=jax.tree.map(jnp.copy, dict(variables)) if averages else None,
    )
