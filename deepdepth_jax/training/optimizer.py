"""Optimisers, the poly schedule, and parameter groups with their learning rates."""

import dataclasses
import re
from collections.abc import Sequence
from types import MappingProxyType

import jax
import optax

from deepdepth_jax.types import Tree


@dataclasses.dataclass(frozen=True)
class Group:
    """Parameters with a common learning rate and weight decay.

    Attributes:
      name: the name in logs.
      pattern: a regular expression for the parameter's whole path, such as
        `backbone/layer1_0/conv1/kernel`. The first matching group takes the parameter.
      lr_mult: factor on the learning rate. 0 freezes the parameters.
      weight_decay: factor on the parameter, added to its gradient.
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
    """Builds the groups of the network's parameters.

    The defaults follow the code of the paper's lab: the head learns ten times as fast,
    its biases decay too, and frozen normalisation stays fixed. Trained normalisation
    does not decay.

    Args:
      norm: `frozen` or `trained`.
      backbone_lr_mult: factor on the backbone's learning rate.
      head_lr_mult: factor on the head's learning rate.
      weight_decay: weight decay of kernels and of the head's biases.
      freeze_at: number of frozen stages of the backbone, counted as in Detectron2:
        1 is the stem, 2 adds `layer1`, and so on to 5.

    Returns:
      The groups in order of precedence.
    """
    norm_lr_mult = 0.0 if norm == "frozen" else backbone_lr_mult
    layers = (rf"layer{stage}_\d+" for stage in range(1, freeze_at))
    stages = "|".join(("conv1", "bn1", *layers))
    frozen = Group("frozen", rf"backbone/({stages})/.*", 0.0, 0.0)
    return (
        *([frozen] if freeze_at else []),
        Group("norm", r"backbone/(.*/)?(bn\d|downsample_bn)/.*", norm_lr_mult, 0.0),
        Group("backbone", r"backbone/.*/kernel", backbone_lr_mult, weight_decay),
        Group("head", r"(aspp|decoder)/.*", head_lr_mult, weight_decay),
    )


def assign_groups(params: Tree, groups: Sequence[Group]) -> Tree:
    """Returns the tree of parameters with each replaced by its group's name.

    Args:
      params: the network's parameters.
      groups: see `parameter_groups`.

    Returns:
      A tree of names.

    Raises:
      ValueError: a parameter is in no group, so that a new layer cannot be forgotten.
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


def warmed_up_schedule(
    schedule: optax.Schedule, learning_rate: float, warmup_steps: int
) -> optax.Schedule:
    """Rises linearly to the learning rate, then follows a schedule.

    Args:
      schedule: the learning rate by step after the warm-up, from `learning_rate` on.
      learning_rate: at the end of the warm-up.
      warmup_steps: length of the warm-up. 0: none.

    Returns:
      The learning rate by step.
    """
    if not warmup_steps:
        return schedule
    rise = optax.linear_schedule(
        learning_rate / warmup_steps, learning_rate, warmup_steps - 1
    )
    return optax.join_schedules([rise, schedule], [warmup_steps])


def grouped(
    name: str,
    schedule: optax.Schedule,
    momentum: float,
    groups: Sequence[Group],
    *,
    clip_norm: float = 0.0,
) -> optax.GradientTransformation:
    """Builds an optimiser with a learning rate and weight decay per group.

    Args:
      name: one of `OPTIMIZERS`.
      schedule: the learning rate by step, before the groups' factors.
      momentum: decay of the running mean of gradients.
      groups: see `parameter_groups`. Every parameter must be in one.
      clip_norm: norm of the gradient of all parameters above which it is scaled down.
        0: no limit.

    Returns:
      The optimiser.
    """

    def rule(group: Group) -> optax.GradientTransformation:
        if group.lr_mult == 0:
            return optax.set_to_zero()
        return optax.chain(
            OPTIMIZERS[name](momentum, group.weight_decay),
            optax.scale_by_learning_rate(lambda step: group.lr_mult * schedule(step)),
        )

    rules = {group.name: rule(group) for group in groups}
    optimizer = optax.partition(rules, lambda params: assign_groups(params, groups))
    if not clip_norm:
        return optimizer
    return optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)


def _sgd(momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Follows torch: v <- m v + (g + wd p), then p <- p - lr v."""
    return optax.chain(
        optax.add_decayed_weights(weight_decay), optax.trace(decay=momentum)
    )


def _adamw(momentum: float, weight_decay: float) -> optax.GradientTransformation:
    """Follows Loshchilov and Hutter 2019: Adam with decoupled weight decay."""
    return optax.chain(
        optax.scale_by_adam(b1=momentum), optax.add_decayed_weights(weight_decay)
    )


OPTIMIZERS = MappingProxyType({"sgd": _sgd, "adamw": _adamw})
