"""The state before the first step, with pretrained weights if there are."""

from collections.abc import Mapping
from typing import Any

from deepdepth_jax.config import Config, head_differences
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.models.pretrained import initialise
from deepdepth_jax.runtime.parallel import replicate
from deepdepth_jax.training.build import build_state
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.types import Tree
from deepdepth_jax.weights.pretrained import open_pretrained


def build_first_state(config: Config) -> TrainState:
    """Builds the state before the first step, with pretrained weights if there are."""
    pretrained = config.model.pretrained
    variables = initial_variables(
        build_network(config).model, config.seed, head_alone=bool(pretrained)
    )
    if pretrained:
        variables = _with_pretrained(config, variables)
    return replicate(build_state(config, variables))


def _with_pretrained(config: Config, variables: dict[str, Tree]) -> dict[str, Tree]:
    """Takes the backbone, and the head of a depth network if it fits."""
    pretrained = open_pretrained(config.model.pretrained)
    parts: tuple[str, ...] = ("backbone",)
    if pretrained.network is not None:
        changed = head_differences(config, pretrained.network)
        print(_describe_taken(pretrained.metadata.source_file, changed), flush=True)
        parts = ("backbone",) if changed else tuple(variables["params"])
    return initialise(variables, pretrained.load(), pretrained.metadata, parts)


def _describe_taken(source: str, changed: Mapping[str, tuple[Any, Any]]) -> str:
    if not changed:
        return f"model.pretrained: took backbone and head of {source}"
    listed = "; ".join(
        f"{field} is {own!r}, {theirs!r} there"
        for field, (own, theirs) in changed.items()
    )
    return (
        f"model.pretrained: took the backbone of {source}; the head starts anew, as "
        f"{listed}"
    )
