"""From a completed config to the parts of training."""

import jax
import jax.numpy as jnp
import optax

from deepdepth_jax.config import Config
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime.parallel import on_all_devices, replicated
from deepdepth_jax.training.objective import make_loss
from deepdepth_jax.training.optimizer import (
    Group,
    grouped,
    parameter_groups,
    poly_schedule,
    warmed_up_schedule,
)
from deepdepth_jax.training.state import TrainState, initial_state
from deepdepth_jax.training.step import TrainStep, make_train_step
from deepdepth_jax.types import Tree


def build_schedule(config: Config) -> optax.Schedule:
    """Builds the learning rate as a function of the steps taken."""
    section = config.train
    rate, steps = section.learning_rate, section.num_steps - section.warmup_steps
    if section.schedule == "constant":
        decay: optax.Schedule = optax.constant_schedule(rate)
    elif section.schedule == "cosine":
        decay = optax.cosine_decay_schedule(rate, steps)
    else:
        decay = poly_schedule(rate, steps, section.poly_power)
    return warmed_up_schedule(decay, rate, section.warmup_steps)


def build_groups(config: Config) -> tuple[Group, ...]:
    """Builds the groups of parameters that learn alike."""
    return parameter_groups(
        norm=config.model.norm,
        backbone_lr_mult=config.train.backbone_lr_mult,
        head_lr_mult=config.train.head_lr_mult,
        weight_decay=config.train.weight_decay,
        freeze_at=config.train.freeze_at,
    )


def build_optimizer(config: Config) -> optax.GradientTransformation:
    """Builds the optimiser, with its groups of parameters."""
    section = config.train
    return grouped(
        section.optimizer,
        build_schedule(config),
        section.momentum,
        build_groups(config),
        clip_norm=section.clip_norm,
    )


def build_abstract_state(config: Config) -> TrainState:
    """Describes the arrays of a state without making them, for a checkpoint to fill."""
    shapes = jax.eval_shape(
        lambda: build_state(
            config, initial_variables(build_network(config).model, config.seed)
        )
    )
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated()), shapes
    )


def build_state(config: Config, variables: dict[str, Tree]) -> TrainState:
    """Builds the state of a run that begins with these variables."""
    averages = config.train.ema > 0
    return initial_state(variables, build_optimizer(config), averages=averages)


def build_train_step(config: Config) -> TrainStep:
    """Builds the training step on all devices, which compiles when it is called.

    See `kept_step` for the one of a run.

    Args:
      config: completed.
    """
    return on_all_devices(build_one_device_step(config))


def build_one_device_step(config: Config) -> TrainStep:
    """Builds the training step of one device among others. See `make_train_step`."""
    parts, section = build_network(config), config.train
    model = parts.model.clone(dtype=jnp.dtype(section.precision), remat=section.remat)
    return make_train_step(
        model,
        parts.convention,
        make_loss(config.model.head, parts.head, section),
        build_optimizer(config),
        accumulate=section.accumulate,
        average_decay=section.ema,
    )
