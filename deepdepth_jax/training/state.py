"""The state of training."""

import flax.struct
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
      bad_steps: number of consecutive steps that were skipped because loss or gradient
        was not finite or no pixel was valid, int32.
    """

    step: Tree
    params: Tree
    batch_stats: Tree
    opt_state: optax.OptState
    bad_steps: Tree

    @property
    def variables(self) -> dict[str, Tree]:
        """The variables of the network, as Flax's `apply` takes them."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def initial_state(
    variables: dict[str, Tree], optimizer: optax.GradientTransformation
) -> TrainState:
    """Builds the state before the first step."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=optimizer.init(variables["params"]),
        bad_steps=jnp.zeros((), jnp.int32),
    )
