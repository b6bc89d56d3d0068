"""What training changes from step to step."""

import functools
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from deepdepth_jax.models.deeplab import DeepLabV2
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


def initial_variables(
    model: DeepLabV2, seed: int, *, head_alone: bool = False
) -> dict[str, Tree]:
    """Draws the network's first parameters, which no picture's size decides.

    Args:
      model: the network.
      seed: of the numbers that are drawn.
      head_alone: the backbone's arrays are described and not made, as pretrained ones
        are to take their place.
    """
    draw, key = _drawing(model), jax.random.key(seed)
    if not head_alone:
        return dict(draw(key))
    variables = dict(jax.eval_shape(draw, key))
    head = jax.jit(lambda key: draw(key)["params"]["aspp"])(key)
    return variables | {"params": variables["params"] | {"aspp": head}}


@functools.cache
def _drawing(model: DeepLabV2) -> Callable[[Array], dict[str, Tree]]:
    """Gives the same function for the same network, which is then traced once."""
    return jax.jit(lambda key: model.init(key, jnp.zeros((1, 64, 64, 3))))


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
