"""From a completed config to the network."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict
from jaxtyping import Array

from deepdepth_jax.config import Config
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Head, build_head
from deepdepth_jax.models.input_convention import CONVENTIONS, InputConvention
from deepdepth_jax.types import Tree


@dataclasses.dataclass(frozen=True)
class Network:
    """The network, with its head and its input convention."""

    model: DeepLabV2
    head: Head
    convention: InputConvention


def build_network(config: Config) -> Network:
    """Builds the network that the sections `model` and `bins` describe.

    Args:
      config: completed, with the fields of `weights.adopt`.

    Returns:
      The network with its head and input convention.
    """
    section, head = config.model, build_head(config)
    if section.stride_on is None or section.input_convention is None:
        raise ValueError("stride_on and input_convention: see weights.adopt")
    model = DeepLabV2(
        outputs=head.channels,
        architecture=section.backbone,
        width=section.width,
        output_stride=section.output_stride,
        norm=section.norm,
        stride_on=section.stride_on,
        aspp_rates=section.aspp_rates,
        decoder_width=section.decoder_width,
    )
    return Network(model, head, CONVENTIONS[section.input_convention])


def initial_variables(
    model: DeepLabV2, seed: int, *, head_alone: bool = False
) -> dict[str, Tree]:
    """Draws the network's first parameters, which no image's size decides.

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
    # The program of an output alone leaves out all that it does not need.
    head = jax.jit(lambda key: _without_backbone(draw(key)))(key)
    return {
        collection: dict(variables[collection]) | arrays
        for collection, arrays in head.items()
    }


def _without_backbone(variables: dict[str, Tree]) -> dict[str, Tree]:
    return {
        collection: {name: x for name, x in parts.items() if name != "backbone"}
        for collection, parts in variables.items()
    }


def variable_shapes(model: DeepLabV2) -> dict[str, tuple[int, ...]]:
    """Returns path -> shape of the network's variables, without making them."""
    variables = jax.eval_shape(_drawing(model), jax.random.key(0))
    return {path: x.shape for path, x in flatten_dict(variables, sep="/").items()}


@functools.cache
def _drawing(model: DeepLabV2) -> Callable[[Array], dict[str, Tree]]:
    """Returns the same function for the same network, which is then traced once."""
    return jax.jit(lambda key: model.init(key, jnp.zeros((1, 64, 64, 3))))
