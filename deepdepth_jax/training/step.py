"""The training step: a pure function, with nothing of the config inside."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float, Int

from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.runtime.parallel import AXIS
from deepdepth_jax.training.objective import Loss
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.types import Batch, Tree

TrainStep = Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]


def make_train_step(
    model: DeepLabV2,
    convention: InputConvention,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    *,
    accumulate: int = 1,
    average_decay: float = 0.0,
) -> TrainStep:
    """Builds the training step of one device among those along the axis `AXIS`.

    The loss is the sum over all valid pixels of all devices, divided by their count:
    the result does not depend on how pixels fall on devices, nor on how many parts the
    batch is taken in.

    A step whose loss or gradient is not finite, or that has no valid pixel, is bad: it
    leaves parameters, statistics, their running mean and the optimiser's moments as
    they were. It counts as a step all the same.

    Args:
      model: the network.
      convention: the network's input.
      loss: returns `(sum, count)`. See `objective.make_loss`.
      optimizer: turns gradients into updates.
      accumulate: into how many parts each device cuts its batch, to run them one after
        the other and add up their gradients: memory for one part is enough. Trained
        normalisation takes its statistics over the part.
      average_decay: decay of the running mean of the variables, if the state has one.

    Returns:
      The step: state and batch to the next state and metrics.
    """

    def loss_of_part(
        params: Tree, batch_stats: Tree, part: Batch
    ) -> tuple[Float[Array, ""], tuple[Float[Array, ""], Tree]]:
        outputs, updates = model.apply(
            {"params": params, "batch_stats": batch_stats},
            convention(part.image),
            train=True,
            mutable=["batch_stats"],
        )
        total, pixels = loss(outputs, part.depth_m, part.is_pseudo)
        return total, (pixels, updates["batch_stats"])

    def train_step(
        state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Array]]:
        def add_part(carry: Tree, part: Batch) -> tuple[Tree, None]:
            sums, batch_stats = carry
            (total, (pixels, batch_stats)), gradient = jax.value_and_grad(
                loss_of_part, has_aux=True
            )(state.params, batch_stats, part)
            gradient = jax.lax.platform_dependent(
                gradient, cpu=lambda gradient: gradient, default=_row_major
            )
            sums = jax.tree.map(jnp.add, sums, (total, pixels, gradient))
            return (sums, batch_stats), None

        zeros = jax.tree.map(jnp.zeros_like, state.params)
        start = (jnp.zeros(()), jnp.zeros(()), zeros), state.batch_stats
        sums, batch_stats = _over_parts(add_part, start, batch, accumulate)
        if jax.lax.axis_size(AXIS) > 1:  # alone, XLA would copy the gradient
            sums = jax.lax.psum(sums, AXIS)
        total, pixels, gradient = sums
        count = jnp.maximum(pixels, 1)
        return _next_state(
            state,
            optimizer,
            loss=total / count,
            gradient=jax.tree.map(lambda x: x / count, gradient),
            batch_stats=batch_stats,
            pixels=pixels,
            average_decay=average_decay,
        )

    return train_step


def _over_parts(
    add_part: Callable[[Tree, Batch], tuple[Tree, None]],
    start: Tree,
    batch: Batch,
    count: int,
) -> Tree:
    """Cuts a batch into parts, and adds them to what there is at the start."""
    if count == 1:
        # Not as a loop of one: on a CPU, XLA's convolutions are slow inside loops.
        return add_part(start, batch)[0]
    parts = jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), batch)
    return jax.lax.scan(add_part, start, parts)[0]


def _row_major(gradient: Tree) -> Tree:
    """Puts gradients in the order in memory that parameters have.

    Kernel gradients come from cuDNN in another one, in which XLA would compute the new
    parameters and moments, beside the old ones, and copy them back.
    """
    return jax.tree.map(
        lambda x: with_layout_constraint(x, Layout(tuple(range(x.ndim)))), gradient
    )


def _next_state(
    state: TrainState,
    optimizer: optax.GradientTransformation,
    *,
    loss: Float[Array, ""],
    gradient: Tree,
    batch_stats: Tree,
    pixels: Float[Array, ""],
    average_decay: float,
) -> tuple[TrainState, dict[str, Array]]:
    """Takes the optimiser's step, if the numbers are fit for it."""
    gradient_norm = optax.tree.norm(gradient)
    is_bad = ~(jnp.isfinite(loss) & jnp.isfinite(gradient_norm) & (pixels > 0))
    bad_steps = jnp.where(is_bad, state.bad_steps + 1, 0)

    def take(state: TrainState) -> TrainState:
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        following = TrainState(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
            bad_steps=bad_steps,
        )
        if state.average is None:
            return following
        share = 1 - warmed_up(average_decay, state.step)
        average = optax.incremental_update(following.learned, state.average, share)
        return dataclasses.replace(following, average=average)

    def skip(state: TrainState) -> TrainState:
        # Integers count steps, which the learning rate goes by: they go on.
        counted = jax.tree.map(
            lambda x: x if jnp.issubdtype(x.dtype, jnp.floating) else x + 1, state
        )
        return dataclasses.replace(counted, bad_steps=bad_steps)

    # A choice between whole states: chosen number by number, XLA would copy the state.
    following = jax.lax.cond(is_bad, skip, take, state)
    return following, {
        "loss": loss,
        "valid_pixels": pixels,
        "gradient_norm": gradient_norm,
        "bad_steps": bad_steps,
    }


def warmed_up(decay: float, step: Int[Array, ""]) -> Float[Array, ""]:
    """Returns the decay of the running mean at a step, lower at the start.

    (1 + step) / (10 + step) is the bound of TensorFlow's ExponentialMovingAverage: the
    random initial weights do not stay in the mean.

    Args:
      decay: of the running mean, from 0 to below 1.
      step: steps taken before.
    """
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))
