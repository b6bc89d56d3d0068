"""The optimisers, their poly schedule, and which parameters learn how fast."""

import dataclasses
import re
from collections.abc import Sequence
from types import MappingProxyType

import jax
import optax

from deepdepth_jax.types import Tree


@dataclasses.dataclass(frozen=True)
class Group:
    """Parameters that learn alike.

    Attributes:
      name: for logs.
      pattern: a regular expression that the parameter's whole path must match, such as
        `backbone/layer1_0/conv1/kernel`; the first group that matches takes it.
      lr_mult: times the learning rate; 0 keeps the parameters as they are.
      weight_decay: times the parameter, added to its gradient.
    """

    name: str
    pattern: str
    lr_mult: float
    weight_decay: float


def parameter_groups(
    *,
    norm: str,
    backbone_lr_mult: float,
    head_lr_mult: float,
    weight_decay: float,
    freeze_at: int = 0,
) -> tuple[Group, ...]:
    """Says how the parts of the network learn.

    As in the authors' lab's code: the head ten times as fast, its biases decayed too,
    frozen normalisation left alone. Trained normalisation is not decayed.

    Args:
      norm: frozen or trained.
      backbone_lr_mult: times the learning rate, for the backbone.
      head_lr_mult: the same for the head.
      weight_decay: of all that decays.
      freeze_at: how many of the backbone's stages stay as they are, counted as in
        Detectron2: 1 is the stem, 2 `layer1` too, up to 5.
    """
    norm_lr_mult = 0.0 if norm == "frozen" else backbone_lr_mult
    layers = (rf"layer{stage}_\d+" for stage in range(1, freeze_at))
    stages = "|".join(("conv1", "bn1", *layers))
    frozen = Group("frozen", rf"backbone/({stages})/.*", 0.0, 0.0)
    return (
        *([frozen] if freeze_at else []),
        Group("norm", r"backbone/(.*/)?(bn\d|downsample_bn)/.*", norm_lr_mult, 0.0),
        Group("backbone", r"backbone/.*/kernel", backbone_lr_mult, weight_decay),
        Group("head", r"aspp/.*", head_lr_mult, weight_decay),
    )


def assign_groups(params: Tree, groups: Sequence[Group]) -> Tree:
    """Gives each parameter the name of its group.

    Raises:
      ValueError: a parameter is in no group. A new layer never goes without a rule.
    """

    def group_of(path: tuple, _: object) -> str:
        name = "/".join(str(key.key) for key in path)
        for group in groups:
            if re.fullmatch(group.pattern, name):
                return group.name
        raise ValueError(f"no parameter group matches {name}")

    return jax.tree_util.tree_map_with_path(group_of, params)


def poly_schedule(learning_rate: float, num_steps: int, power: float) -> optax.Schedule:
    """Decays by learning_rate * (1 - step / num_steps) ** power, at every step."""
    return optax.polynomial_schedule(learning_rate, 0.0, power, num_steps)


def grouped(
    name: str, schedule: optax.Schedule, momentum: float, groups: Sequence[Group]
) -> optax.GradientTransformation:
    """Builds an optimiser in which each group has its own rate and decay.

    Args:
      name: one of `OPTIMIZERS`.
      schedule: the learning rate by step, before the groups' factors.
      momentum: the decay of the mean gradient.
      groups: see `parameter_groups`; every parameter must be in one.
    """

    def rule(group: Group) -> optax.GradientTransformation:
        if group.lr_mult == 0:
            return optax.set_to_zero()
        return optax.chain(
            OPTIMIZERS[name](momentum, group.weight_decay),
            optax.scale_by_learning_rate(lambda step: group.lr_mult * schedule(step)),
        )

    rules = {group.name: rule(group) for group in groups}
    return optax.partition(rules, lambda params: assign_groups(params, groups))


def _sgd(momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Follows torch: v <- m v + (g + wd p); p <- p - lr v."""
    return optax.chain(
        optax.add_decayed_weights(weight_decay), optax.trace(decay=momentum)
    )


def _adamw(momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Follows Loshchilov and Hutter 2019; the decay is not scaled by the gradient."""
    return optax.chain(
        optax.scale_by_adam(b1=momentum), optax.add_decayed_weights(weight_decay)
    )


OPTIMIZERS = MappingProxyType({"sgd": _sgd, "adamw": _adamw})
