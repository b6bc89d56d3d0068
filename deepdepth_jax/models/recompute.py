"""What a gradient needs of the forward pass, computed again instead of kept."""

from jaxtyping import Array, Float


def recomputed(x: Float[Array, "*n"], dy: Float[Array, "*m"]) -> Float[Array, "*n"]:
    """Gives x, made once more when there is the gradient dy.

    Without it XLA's CPU compiler keeps x from the forward pass, also where it could
    make it of what it keeps besides; and it pays no heed to an optimisation barrier.
    """
    return x + 0 * dy[(0,) * dy.ndim]
