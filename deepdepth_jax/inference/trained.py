"""The results of training and calibration, as every prediction takes them."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.types import AnyArray, Tree
from deepdepth_jax.uncertainty.confidence import at_temperature


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Trained:
    """The results of training and calibration.

    Attributes:
      variables: of the network.
      temperature: divides the logits of the distributions that confidence is read off.
        1 leaves them alone.
    """

    variables: dict[str, Tree]
    temperature: Float[AnyArray, ""] | float = 1.0

    def calibrate(self, probabilities: Float[Array, "*n k"]) -> Float[Array, "*n k"]:
        """Applies the temperature to distributions over the bins."""
        return at_temperature(jnp.log(probabilities), jnp.asarray(self.temperature))
