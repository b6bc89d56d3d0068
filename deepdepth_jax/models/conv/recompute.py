"""Rematerialisation: parts of the forward pass recomputed for the gradient."""

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
"""Which activations are recomputed, in the terms of Korthikanti et al. (2022).

`selective` recomputes all but those marked by `save_for_backward`, `full` all.
"""

_SAVED = "saved"
_POLICIES = MappingProxyType(
    {
        "selective": jax.checkpoint_policies.save_only_these_names(_SAVED),
        "full": jax.checkpoint_policies.nothing_saveable,
    }
)

Blocks = tuple[nn.Module, ...]
Outcome = tuple[Float[Array, "b h2 w2 d"], list[Tree]]


def recomputed(x: Float[Array, "*n"], dy: Float[Array, "*m"]) -> Float[Array, "*n"]:
    """Returns x, computed again once the gradient dy exists.

    XLA's CPU compiler merges equal computations: it would keep x from the forward pass
    even where x can be recomputed from tensors that are kept anyway, and it ignores an
    optimisation barrier (findings/xla_cpu_undoes_checkpoint.sh). Adding zero times the
    gradient makes the second computation depend on the backward pass.

    Args:
      x: an activation of the forward pass.
      dy: any array of the backward pass.

    Returns:
      x, bit by bit, if `dy` is finite.
    """
    return x + 0 * dy[(0,) * dy.ndim]


def save_for_backward(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Marks an activation that `selective` keeps."""
    return checkpoint_name(x, _SAVED)


@functools.partial(jax.jit, static_argnums=(0, 1))
def rematerialized(
    blocks: Blocks,
    remat: Remat,
    variables: Sequence[Tree],
    x: Float[Array, "b h w c"],
) -> Outcome:
    """Applies blocks in sequence and recomputes their activations for the gradient.

    `jax.checkpoint` alone does not save memory on CPUs: XLA merges the recomputation
    with the forward pass. Here the inputs of the recomputation are `recomputed`.

    Args:
      blocks: the blocks, without names, so that equal ones are traced once.
      remat: `selective` or `full`.
      variables: the variables of each block.
      x: the input of the first block.

    Returns:
      The output of the last block, and the updated statistics of each block's
      normalisation.
    """
    return _with_remat(blocks, remat, variables, x)


def _plain(blocks: Blocks, variables: Sequence[Tree], x: Array) -> Outcome:
    updates = []
    for block, own in zip(blocks, variables, strict=True):
        x, update = block.apply(own, x, mutable=["batch_stats"])
        updates.append(update)
    return x, updates


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _with_remat(
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


_with_remat.defvjp(_forward, _backward)
