"""How sure the network is of a pixel."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def max_probability(probabilities: Float[Array, "*n k"]) -> Float[Array, "*n"]:
    """Takes the probability of the most probable bin: 1 is certainty, 1 / k ignorance.

    With many narrow bins a good prediction spreads over neighbours: compare values
    between pixels, do not read them as the chance of being right.
    """
    return jnp.max(probabilities, axis=-1)
