"""The training step: a pure function, with nothing of the config inside."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.runtime.parallel import AXIS
from deepdepth_jax.training.objective import LossSum
from deepdepth_jax.training.state import TrainState
from deepdepth_jax.types import Batch, Tree

TrainStep = Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]


def make_train_step(
    model: DeepLabV2,
    bins: DepthBins,
    convention: InputConvention,
    loss_sum: LossSum,
    optimizer: optax.GradientTransformation,
    *,
    accumulate: int = 1,
) -> TrainStep:
    """Builds the training step of one device among those along the axis `AXIS`.

    The loss is the sum over all valid pixels of all devices, divided by their count:
    the result does not depend on how pixels fall on devices, nor on how many parts the
    batch is taken in.

    A step whose loss or gradient is not finite, or that has no valid pixel, leaves
    parameters, statistics and the optimiser's moments as they were; it counts as a
    step all the same.

    Args:
      model: the network.
      bins: which depth counts.
      convention: the network's input.
      loss_sum: what is minimised; see `objective.make_loss`.
      optimizer: what is done with the gradient.
      accumulate: into how many parts each device cuts its batch, to run them one after
        the other and add up their gradients: memory for one part is enough. Trained
        normalisation takes its statistics over the part.
    """

    def loss_share(
        params: Tree, batch_stats: Tree, part: Batch, pixels: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Tree]:
        outputs, updates = model.apply(
            {"params": params, "batch_stats": batch_stats},
            convention(part.image),
            train=True,
            mutable=["batch_stats"],
        )
        loss = loss_sum(outputs, part.depth_m) / jnp.maximum(pixels, 1)
        return loss, updates["batch_stats"]

    def train_step(
        state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Array]]:
        is_valid = bins.label(batch.depth_m) != IGNORE
        pixels = jax.lax.psum(jnp.sum(is_valid, dtype=jnp.float32), AXIS)

        def add_part(carry: Tree, part: Batch) -> tuple[Tree, None]:
            loss, gradient, batch_stats = carry
            (part_loss, batch_stats), part_gradient = jax.value_and_grad(
                loss_share, has_aux=True
            )(state.params, batch_stats, part, pixels)
            gradient = jax.tree.map(jnp.add, gradient, part_gradient)
            return (loss + part_loss, gradient, batch_stats), None

        nothing = jnp.zeros(()), jax.tree.map(jnp.zeros_like, state.params)
        start = (*nothing, state.batch_stats)
        if accumulate == 1:
            # Not as a loop of one: on a CPU, XLA's convolutions are slow inside loops.
            (loss, gradient, batch_stats), _ = add_part(start, batch)
        else:
            parts = jax.tree.map(
                lambda x: x.reshape(accumulate, -1, *x.shape[1:]), batch
            )
            (loss, gradient, batch_stats), _ = jax.lax.scan(add_part, start, parts)
        if jax.lax.axis_size(AXIS) > 1:  # alone, XLA would copy the gradient
            loss, gradient = jax.lax.psum((loss, gradient), AXIS)
        return _next_state(
            state,
            optimizer,
            loss=loss,
            gradient=gradient,
            batch_stats=batch_stats,
            pixels=pixels,
        )

    return train_step


def _next_state(
    state: TrainState,
    optimizer: optax.GradientTransformation,
    *,
    loss: Float[Array, ""],
    gradient: Tree,
    batch_stats: Tree,
    pixels: Float[Array, ""],
) -> tuple[TrainState, dict[str, Array]]:
    """Takes the optimiser's step, if the numbers are fit for it."""
    gradient_norm = optax.tree.norm(gradient)
    is_bad = ~(jnp.isfinite(loss) & jnp.isfinite(gradient_norm))
    bad_steps = jnp.where(is_bad, state.bad_steps + 1, 0)

    def take(state: TrainState) -> TrainState:
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        return TrainState(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
            bad_steps=bad_steps,
        )

    def skip(state: TrainState) -> TrainState:
        # Integers count steps, which the learning rate goes by: they go on.
        counted = jax.tree.map(
            lambda x: x if jnp.issubdtype(x.dtype, jnp.floating) else x + 1, state
        )
        return dataclasses.replace(counted, bad_steps=bad_steps)

    # A choice between whole states: chosen number by number, XLA would copy the state.
    following = jax.lax.cond(~is_bad & (pixels > 0), take, skip, state)
    return following, {
        "loss": loss,
        "valid_pixels": pixels,
        "gradient_norm": gradient_norm,
        "bad_steps": bad_steps,
    }
