"""Devices: the only file that knows how many there are."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.layers import AXIS
from deepdepth_jax.state import TrainState
from deepdepth_jax.steps import PredictStep, TrainStep
from deepdepth_jax.types import Batch, Prediction, Tree


def check_batch_size(batch_size: int) -> None:
    """Refuses a global batch that the devices do not divide."""
    if batch_size < 1 or batch_size % jax.device_count():
        raise UserError(
            f"train.batch_size={batch_size} is not a positive multiple of the "
            f"{jax.device_count()} devices"
        )


def on_all_devices(
    train_step: TrainStep, devices: Sequence[jax.Device] | None = None
) -> TrainStep:
    """Compiles a training step for every device, each with its part of the batch.

    The state has no axis of devices: it goes in once and comes out once. Its memory is
    reused for the result, so the old state is gone after the call.

    Args:
      train_step: of one device; see `steps.make_train_step`.
      devices: which, all of them if None.
    """
    return jax.pmap(
        train_step,
        axis_name=AXIS,
        in_axes=(None, 0),
        out_axes=None,
        devices=devices,
        donate_argnums=(0,),
    )


def replicated(devices: Sequence[jax.Device] | None = None) -> NamedSharding:
    """Says that an array lies whole on every device, as a compiled step returns it."""
    mesh = Mesh(np.array(devices or jax.devices()), (AXIS,))
    return NamedSharding(mesh, PartitionSpec())


def replicate(
    state: TrainState, devices: Sequence[jax.Device] | None = None
) -> TrainState:
    """Puts the state on every device.

    Without it the first step would be compiled for a state that lies on one device.
    """
    return jax.device_put(state, replicated(devices))


def split_over_devices(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Cuts each batch into equal parts, one for every device of this process."""
    devices = jax.local_device_count()
    for batch in batches:
        yield jax.tree.map(lambda x: x.reshape(devices, -1, *x.shape[1:]), batch)


def predict_on_all_devices(
    predict_step: PredictStep, batch_size: int
) -> Callable[[dict[str, Tree], np.ndarray], Prediction]:
    """Compiles a predict step for the devices of this process.

    Args:
      predict_step: of one device.
      batch_size: the most pictures that are given at once.

    Returns:
      A function of variables and uint8 (b, h, w, 3). Fewer pictures than batch_size,
      and a batch_size that the devices do not divide, are filled up, so that there is
      one program for each size of picture; what comes of the filling is dropped.
    """
    devices = jax.local_device_count()
    filled_size = -(-batch_size // devices) * devices
    mapped = jax.pmap(predict_step, in_axes=(None, 0), devices=jax.local_devices())

    def predict(variables: dict[str, Tree], images: np.ndarray) -> Prediction:
        count, *size = images.shape
        filling = np.repeat(images[-1:], filled_size - count, axis=0)
        parts = np.concatenate([images, filling]).reshape(devices, -1, *size)
        depth_m, confidence = (
            np.asarray(part).reshape(filled_size, *size[:2])[:count]
            for part in mapped(variables, parts)
        )
        return Prediction(depth_m, confidence)

    return predict
