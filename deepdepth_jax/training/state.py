"""What training changes from step to step."""

import flax.struct
import jax.numpy as jnp
import optax

from deepdepth_jax.types import Tree


@flax.struct.dataclass
class TrainState:
    """The whole of a run between two steps.

    Attributes:
      step: how many steps have been taken, int32.
      params: what the optimiser changes, by layer name.
      batch_stats: running mean and variance of the normalisation, by layer name.
      opt_state: of the optimiser.
      bad_steps: how many steps in a row came to nothing because loss or gradient were
        not finite, int32.
    """

    step: Tree
    params: Tree
    batch_stats: Tree
    opt_state: optax.OptState
    bad_steps: Tree

    @property
    def variables(self) -> dict[str, Tree]:
        """What the network is applied to."""
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
