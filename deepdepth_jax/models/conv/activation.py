"""ReLU in the form that each platform's compiler merges with what is beside it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def relu(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Computes max(x, 0), with a gradient of 0 at 0.

    On CPUs as a choice, not as a maximum, whose gradient goes by the result: a maximum
    XLA's CPU compiler takes anew wherever it is needed, for which it keeps x as well,
    and a training step needs a fifth more memory. On GPUs as a maximum, which cuDNN
    takes in the kernel of the convolution before it.
    """
    return jax.lax.platform_dependent(x, cpu=_choice, default=_maximum)


def _choice(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.where(x > 0, x, 0)


def _maximum(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    return jnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    y = relu(*primals)
    # Not y > 0: XLA would make x > 0 of it, and keep x beside y.
    return y, jnp.where(y != 0, *tangents, 0)
