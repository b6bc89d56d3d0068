"""Devices and processes: the only file that knows how many there are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float64

from deepdepth_jax.errors import UserError
from deepdepth_jax.types import Batch, Tree

AXIS = "batch"
"""The name of the device axis. Trained normalisation takes its statistics over it."""

T = TypeVar("T")
Step = TypeVar("Step", bound=Callable[..., Tree])


def is_primary() -> bool:
    """Returns whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def is_alone() -> bool:
    """Returns whether there are no other processes."""
    return jax.process_count() == 1


def own_share(count: int) -> range:
    """Returns which of so many things fall to this process: each to exactly one."""
    return range(jax.process_index(), count, jax.process_count())


def gather_rows(rows: Float64[np.ndarray, "n m"]) -> Float64[np.ndarray, "all_n m"]:
    """Collects the rows of all processes, exactly, on each of them.

    All processes must call it. Each may have another number of rows.
    """
    counts = multihost_utils.process_allgather(np.array(len(rows)))
    filled = np.zeros((counts.max(), rows.shape[1]))
    filled[: len(rows)] = rows
    # As pairs of integers: JAX would make float32 of float64.
    parts = multihost_utils.process_allgather(filled.view(np.uint32)).view(np.float64)
    return np.concatenate(
        [part[:count] for part, count in zip(parts, counts, strict=True)]
    )


def sum_over_processes(tree: T) -> T:
    """Adds up the numbers of all processes, exactly for whole ones below 2^53.

    All processes must call it, with a tree of the same form: arrays and numbers.
    """
    leaves, structure = jax.tree.flatten(tree)
    own = np.concatenate([np.ravel(leaf).astype(np.float64) for leaf in leaves])
    total = gather_rows(own[None]).sum(axis=0)
    parts = np.split(total, np.cumsum([np.size(leaf) for leaf in leaves])[:-1])
    return jax.tree.unflatten(structure, map(_as_before, parts, leaves))


def _as_before(
    numbers: np.ndarray, leaf: np.ndarray | float | int
) -> np.ndarray | float | int:
    cast = numbers.reshape(np.shape(leaf)).astype(np.asarray(leaf).dtype)
    return cast if isinstance(leaf, np.ndarray) else cast.item()


def as_primary_says(answer: bool) -> bool:
    """Returns the primary process's answer on all processes, which must all ask.

    They wait for each other, so that all ask before any of them goes on.
    """
    if is_alone():
        return answer
    return bool(multihost_utils.broadcast_one_to_all(np.array(answer)))


def await_all(name: str) -> None:
    """Waits until all processes are here.

    Args:
      name: of the place.
    """
    if not is_alone():
        multihost_utils.sync_global_devices(name)


def check_batch_size(batch_size: int, accumulate: int) -> None:
    """Refuses a global batch that devices and their parts do not divide."""
    if batch_size < 1 or batch_size % (jax.device_count() * accumulate):
        times = f" times train.accumulate={accumulate}" if accumulate > 1 else ""
        raise UserError(
            f"train.batch_size={batch_size}: must be a positive multiple of the "
            f"{jax.device_count()} devices{times}"
        )


def on_all_devices(
    train_step: Step, devices: Sequence[jax.Device] | None = None
) -> Step:
    """Compiles a training step for every device, each with its part of the batch.

    The state has no axis of devices: it goes in once and comes out once. Its memory is
    reused for the result, so the old state is gone after the call.

    Args:
      train_step: of one device. See `steps.make_train_step`.
      devices: which, all of them if None.

    Returns:
      The compiled step.
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
    """Returns the sharding of an array that is whole on every device.

    With several processes these are the devices of this process: `jax.pmap` takes and
    returns the local part.
    """
    mesh = Mesh(np.array(devices or jax.local_devices()), (AXIS,))
    return NamedSharding(mesh, PartitionSpec())


def replicate(state: T, devices: Sequence[jax.Device] | None = None) -> T:
    """Puts the state on every device. With several processes, the first one's on all.

    Without it the first step would be compiled for a state that lies on one device.
    """
    if not is_alone():
        # Machines may round differently, and no step would make states equal again.
        state = multihost_utils.broadcast_one_to_all(state)
    return jax.device_put(state, replicated(devices))


def split_over_devices(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Cuts each batch into equal parts, one for every device of this process."""
    devices = jax.local_device_count()
    for batch in batches:
        yield jax.tree.map(lambda x: x.reshape(devices, -1, *x.shape[1:]), batch)


def on_local_devices(function: Callable[..., Tree], shared: int) -> Callable[..., Tree]:
    """Compiles a function for the devices of this process, each with its part.

    Args:
      function: of one device.
      shared: how many of its arguments, the first ones, all devices have in common.
        There is one more, a tree of arrays of which each device gets its part.

    Returns:
      The same, for arrays with a leading axis of devices, as its results have it.
    """
    return jax.pmap(
        function, in_axes=(None,) * shared + (0,), devices=jax.local_devices()
    )
