"""What a gradient needs of the forward pass, computed again instead of kept."""

import functools
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Literal

import flax.linen as nn
import jax
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from deepdepth_jax.types import Tree

Remat = Literal["none", "selective", "full"]
"""What is computed again, in the words of Korthikanti et al. (2022).

`selective`: all but what is marked as `kept`. `full`: all.
"""

_KEPT = "kept"
_POLICIES = MappingProxyType(
    {
        "selective": jax.checkpoint_policies.save_only_these_names(_KEPT),
        "full": jax.checkpoint_policies.nothing_saveable,
    }
)

Blocks = tuple[nn.Module, ...]
Outcome = tuple[Float[Array, "b h2 w2 d"], list[Tree]]


def recomputed(x: Float[Array, "*n"], dy: Float[Array, "*m"]) -> Float[Array, "*n"]:
    """Gives x, made once more when there is the gradient dy.

    Without it XLA's CPU compiler keeps x from the forward pass, also where it could
    make it of what it keeps besides; and it pays no heed to an optimisation barrier.
    """
    return x + 0 * dy[(0,) * dy.ndim]


def kept(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Marks what `selective` does not compute again."""
    return checkpoint_name(x, _KEPT)


@functools.partial(jax.jit, static_argnums=(0, 1))
def in_turn(
    blocks: Blocks,
    remat: Remat,
    variables: Sequence[Tree],
    x: Float[Array, "b h w c"],
) -> Outcome:
    """Applies blocks one after the other; computes again what their gradient needs.

    Of what `jax.checkpoint` alone has computed again XLA's CPU compiler finds that it
    is the same as before, and keeps that. Here it is made of what is `recomputed`.

    Args:
      blocks: without names, so that equal ones are traced once.
      remat: what is computed again; not `none`.
      variables: of each block.
      x: the input of the first one.

    Returns:
      The output of the last one, and of each what normalisation has made of its
      statistics.
    """
    return _thrifty(blocks, remat, variables, x)


def _plain(blocks: Blocks, variables: Sequence[Tree], x: Array) -> Outcome:
    updates = []
    for block, own in zip(blocks, variables, strict=True):
        x, update = block.apply(own, x, mutable=["batch_stats"])
        updates.append(update)
    return x, updates


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _thrifty(
    blocks: Blocks, remat: Remat, variables: Sequence[Tree], x: Array
) -> Outcome:
    del remat
    return _plain(blocks, variables, x)


def _forward(
    blocks: Blocks, remat: Remat, variables: Sequence[Tree], x: Array
) -> tuple[Outcome, Any]:
    apply = jax.checkpoint(
        functools.partial(_plain, blocks), policy=_POLICIES[remat], prevent_cse=False
    )
    y, pull, updates = jax.vjp(apply, variables, x, has_aux=True)
    return (y, updates), pull


def _backward(
    blocks: Blocks, remat: Remat, pull: Any, gradients: Outcome
) -> tuple[Sequence[Tree], Array]:
    del blocks, remat
    dy, _ = gradients  # statistics have none
    return jax.tree.map(lambda x: recomputed(x, dy), pull)(dy)


_thrifty.defvjp(_forward, _backward)
