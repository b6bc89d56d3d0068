"""What runs on the devices: pure functions, with nothing of the config inside."""

from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, UInt8

from deepdepth_jax.bins import IGNORE, Decoding, DepthBins
from deepdepth_jax.losses import cross_entropy
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.layers import AXIS, resize_bilinear
from deepdepth_jax.state import TrainState
from deepdepth_jax.types import Batch, Tree
from deepdepth_jax.uncertainty import max_probability

TrainStep = Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]
PredictStep = Callable[[dict[str, Tree], Array], tuple[Array, Array]]


def make_train_step(
    model: DeepLabV2,
    bins: DepthBins,
    convention: InputConvention,
    optimizer: optax.GradientTransformation,
) -> TrainStep:
    """Builds the training step of one device among those along the axis `AXIS`.

    The loss is the sum over all valid pixels of all devices, divided by their count:
    the result does not depend on how pixels fall on devices.
    """

    def train_step(
        state: TrainState, batch: Batch
    ) -> tuple[TrainState, dict[str, Array]]:
        labels = bins.label(batch.depth_m)
        pixels = jax.lax.psum(jnp.sum(labels != IGNORE, dtype=jnp.float32), AXIS)

        def loss_share(params: Tree) -> tuple[Float[Array, ""], Tree]:
            logits, updates = model.apply(
                {"params": params, "batch_stats": state.batch_stats},
                convention(batch.image),
                train=True,
                mutable=["batch_stats"],
            )
            full = resize_bilinear(logits, (labels.shape[1], labels.shape[2]))
            loss_sum = jnp.sum(cross_entropy(full, labels))
            return loss_sum / jnp.maximum(pixels, 1), updates["batch_stats"]

        (loss, batch_stats), gradient = jax.value_and_grad(loss_share, has_aux=True)(
            state.params
        )
        loss, gradient = jax.lax.psum((loss, gradient), AXIS)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        state = TrainState(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
        )
        return state, {"loss": loss, "valid_pixels": pixels}

    return train_step


def make_predict_step(
    model: DeepLabV2,
    bins: DepthBins,
    convention: InputConvention,
    *,
    decode: Decoding,
    flip: bool,
) -> PredictStep:
    """Builds the function from pictures to depth in metres and confidence.

    Both have the pictures' own size, (b, h, w); confidence is `max_probability`.

    Args:
      model: the network.
      bins: its classes.
      convention: its input.
      decode: see `DepthBins.decode`.
      flip: whether to average, as probabilities, with the mirrored picture's result.
    """

    def probabilities(
        variables: dict[str, Tree], image: UInt8[Array, "b h w 3"]
    ) -> Float[Array, "b h w k"]:
        logits = cast(Array, model.apply(variables, convention(image), train=False))
        return jax.nn.softmax(resize_bilinear(logits, (image.shape[1], image.shape[2])))

    def predict_step(
        variables: dict[str, Tree], image: UInt8[Array, "b h w 3"]
    ) -> tuple[Float[Array, "b h w"], Float[Array, "b h w"]]:
        distribution = probabilities(variables, image)
        if flip:
            mirrored = probabilities(variables, image[:, :, ::-1])[:, :, ::-1]
            distribution = (distribution + mirrored) / 2
        return bins.decode(distribution, decode), max_probability(distribution)

    return predict_step
