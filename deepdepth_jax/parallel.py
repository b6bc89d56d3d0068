"""Devices and processes: the only file that knows how many there are."""

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float64

from deepdepth_jax.cli import START_AGAIN
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.layers import AXIS
from deepdepth_jax.state import TrainState
from deepdepth_jax.steps import PredictStep, TrainStep
from deepdepth_jax.types import Batch, Prediction, Tree

# Where launchers say how many processes there are and which of them this is, under
# what `jax.distributed.initialize` calls the way to find the others. The first
# variables are for launchers of one's own; JAX itself only reads the address.
_LAUNCHERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "deactivate": ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
        "slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
        "ompi": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    }
)
HEARTBEAT_TIMEOUT_S = 30
"""How long a process may be silent before the others take it for dead, and end."""
LAST_WORDS_S = 5
"""How long the first process stays when it fails: it keeps the others' connections."""


def join_processes() -> None:
    """Joins the processes that a launcher has started, if there are several.

    Must come before anything is asked of JAX's devices. From then on only the primary
    process prints to stdout.

    A process that is killed, or that falls silent for `HEARTBEAT_TIMEOUT_S`, ends the
    others: JAX aborts them with a message that names it.

    Raises:
      UserError: what the launcher says does not suffice to find the others.
    """
    method, count, index = _launched()
    if count == 1:
        return
    try:
        jax.distributed.initialize(
            num_processes=count,
            process_id=index,
            cluster_detection_method=method,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT_S,
        )
    except ValueError as error:
        raise UserError(
            f"cannot join process {index} of {count} to the others ({error}) Set "
            "JAX_COORDINATOR_ADDRESS=HOST:PORT of the first process, JAX_NUM_PROCESSES "
            "and JAX_PROCESS_ID for each; see launch/"
        ) from error
    if not is_primary():
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"{count} processes, {jax.device_count()} devices", flush=True)


def _launched() -> tuple[str, int, int]:
    """Gives how the others are found, how many processes there are, and which it is."""
    for method, variables in _LAUNCHERS.items():
        if any(name in os.environ for name in variables):
            count, index = (_environment_number(name) for name in variables)
            return method, count, index
    if "JAX_COORDINATOR_ADDRESS" in os.environ:
        raise UserError(
            "JAX_COORDINATOR_ADDRESS is set: set JAX_NUM_PROCESSES and JAX_PROCESS_ID "
            "too, or unset it to run a single process"
        )
    return "deactivate", 1, 0


def _environment_number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdigit():
        raise UserError(f"{name}={text!r} in the environment: give it a whole number")
    return int(text)


@contextlib.contextmanager
def leaving_on_failure() -> Iterator[None]:
    """Ends a process of several that fails at once, with its own exit code.

    Otherwise JAX would have it wait at its end for the others, who wait for it in the
    midst of a step, and then abort it.
    """
    try:
        yield
    except BaseException as error:
        code = int(error.code or 0) if isinstance(error, SystemExit) else 1
        # A preempted run has stopped at the same step everywhere.
        if code in (0, START_AGAIN) or not jax.distributed.is_initialized():
            raise
        if not isinstance(error, SystemExit):
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        if is_primary():
            time.sleep(LAST_WORDS_S)
        os._exit(code)


def is_primary() -> bool:
    """Tells whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def is_alone() -> bool:
    """Tells whether there are no other processes."""
    return jax.process_count() == 1


def own_share(count: int) -> range:
    """Gives which of so many things fall to this process: each to exactly one."""
    return range(jax.process_index(), count, jax.process_count())


def gather_rows(rows: Float64[np.ndarray, "n m"]) -> Float64[np.ndarray, "all_n m"]:
    """Collects the rows of all processes, exactly, on each of them.

    All processes must call it; each may have another number of rows.
    """
    counts = multihost_utils.process_allgather(np.array(len(rows)))
    filled = np.zeros((counts.max(), rows.shape[1]))
    filled[: len(rows)] = rows
    # As pairs of integers: JAX would make float32 of float64.
    parts = multihost_utils.process_allgather(filled.view(np.uint32)).view(np.float64)
    return np.concatenate(
        [part[:count] for part, count in zip(parts, counts, strict=True)]
    )


def check_batch_size(batch_size: int, accumulate: int) -> None:
    """Refuses a global batch that devices and their parts do not divide."""
    if batch_size < 1 or batch_size % (jax.device_count() * accumulate):
        times = f" times train.accumulate={accumulate}" if accumulate > 1 else ""
        raise UserError(
            f"train.batch_size={batch_size} is not a positive multiple of the "
            f"{jax.device_count()} devices{times}"
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
    """Says that an array lies whole on every device, as a compiled step returns it.

    With several processes it is on those of this process: `jax.pmap` takes and gives
    what each process holds.
    """
    mesh = Mesh(np.array(devices or jax.local_devices()), (AXIS,))
    return NamedSharding(mesh, PartitionSpec())


def replicate(
    state: TrainState, devices: Sequence[jax.Device] | None = None
) -> TrainState:
    """Puts the state on every device; with several processes, the first one's on all.

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
