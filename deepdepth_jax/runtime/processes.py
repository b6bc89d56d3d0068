"""The processes that a launcher has started: they find each other, and end together."""

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import jax
import numpy as np
from jax._src import distributed
from jax.experimental import multihost_utils

from deepdepth_jax.errors import PreemptedError, UserError
from deepdepth_jax.runtime.cli import MISTAKE, stop_code
from deepdepth_jax.runtime.devices import check_devices
from deepdepth_jax.runtime.parallel import AXIS, is_primary

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
_ADDRESS = "JAX_COORDINATOR_ADDRESS"
JOIN_TIMEOUT_S = 300
"""How long a process waits for the others when it starts."""
HEARTBEAT_TIMEOUT_S = 30
"""How long a process may be silent before the others take it for dead, and end."""
FAILURE_LOOK_S = 0.5
"""How often a process looks whether another one has failed."""
LAST_WORDS_S = 5
"""How long the primary process outlasts a failure: it keeps the others' connections."""
_FAILURE = "deepdepth_jax/failure/"


def join_processes() -> None:
    """Joins the processes that a launcher has started, if there are several.

    Must come before anything is asked of JAX's devices. From then on only the primary
    process prints to stdout.

    A process that falls silent for `HEARTBEAT_TIMEOUT_S` ends the others: JAX aborts
    them with a message that names it by its number.

    Raises:
      UserError: the launcher's variables do not suffice to find the other processes,
        the first one does not answer, or a platform that JAX must use has no device.
    """
    method, count, index = _launched()
    if count == 1:
        check_devices()
        return
    if _ADDRESS in os.environ:
        _check_address(os.environ[_ADDRESS], index)
    try:
        jax.distributed.initialize(
            num_processes=count,
            process_id=index,
            cluster_detection_method=method,
            initialization_timeout=JOIN_TIMEOUT_S,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT_S,
        )
    except (KeyError, ValueError) as error:
        raise UserError(
            f"cannot join process {index} of {count} to the others ({error}): set "
            f"{_ADDRESS}=HOST:PORT of the first process, JAX_NUM_PROCESSES and "
            "JAX_PROCESS_ID for each; see launch/"
        ) from error
    check_devices()
    if not is_primary():
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"{count} processes, {jax.device_count()} devices", flush=True)


def _launched() -> tuple[str, int, int]:
    """Returns the launcher's method, the number of processes and this one's index."""
    for method, (of_count, of_index) in _LAUNCHERS.items():
        if of_count not in os.environ:
            continue  # SLURM numbers a batch script too, which is one process
        count, index = _environment_number(of_count), _environment_number(of_index)
        if index >= count:
            raise UserError(
                f"{of_index}={index} and {of_count}={count}: number them from 0"
            )
        return method, count, index
    for name in (_ADDRESS, "JAX_PROCESS_ID"):
        if name in os.environ:
            raise UserError(
                f"{name} is set and JAX_NUM_PROCESSES is not: set both, or unset it to "
                "run a single process"
            )
    return "deactivate", 1, 0


def _environment_number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdigit():
        raise UserError(f"{name}={text!r} in the environment: must be a whole number")
    return int(text)


def _check_address(address: str, index: int) -> None:
    """Sees that the first process can listen there, and that the others reach it.

    JAX ends with a signal where that is not so, and does not say why.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 2**16:
        raise UserError(f"{_ADDRESS}={address}: must be HOST:PORT")
    if index == 0:
        try:
            socket.create_server(("", int(port))).close()
        except OSError as error:
            raise UserError(
                f"{_ADDRESS}={address}: cannot listen there ({error.strerror}): choose "
                "another port"
            ) from error
    else:
        _await_answer(host, int(port))


def _await_answer(host: str, port: int) -> None:
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        try:
            return socket.create_connection((host, port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise UserError(
                    f"{_ADDRESS}={host}:{port}: no answer ({error}): start the process "
                    "with JAX_PROCESS_ID=0 on that machine"
                ) from error
        time.sleep(0.1)


@contextlib.contextmanager
def failing_together() -> Iterator[None]:
    """Ends all processes when one of them fails, with its exit code.

    The first to fail tells why. The others, who may be waiting for it in the midst of
    a step, end in silence. Of a preempted run the primary process tells.

    Yields:
      Nothing.
    """
    if not jax.distributed.is_initialized():
        yield
        return
    try:
        with _following_failures():
            _connect()
            yield
    except SystemExit:  # of --help
        raise
    except PreemptedError as notice:  # of all, after the same step
        if is_primary():
            raise
        sys.exit(stop_code(notice))
    except BaseException as error:
        _fail(error)


def _connect() -> None:
    """Makes the connections that collective operations go by, between all devices.

    Over Gloo the first operation fails where the others come 30 s later, which they may
    well do once one prepares data and another one compiles.
    """
    multihost_utils.sync_global_devices("processes joined")
    ones = np.ones(jax.local_device_count(), np.int32)
    jax.pmap(lambda x: jax.lax.psum(x, AXIS), axis_name=AXIS)(ones).block_until_ready()


@contextlib.contextmanager
def _following_failures() -> Iterator[None]:
    """Ends this process, whatever it is at, when another one has failed."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(FAILURE_LOOK_S):
            code = _failure()
            if code is not None:
                _leave(code)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        over.set()
        follower.join()


def _fail(error: BaseException) -> NoReturn:
    """Ends this process. Tells why unless another one has failed before."""
    code = _code(error)
    earlier = None
    try:
        _store().key_value_set(_FAILURE + "code", str(code))
    except jax.errors.JaxRuntimeError:  # it is set, or the store is gone
        earlier = _failure()
    if earlier is not None:
        _leave(earlier)
    if isinstance(error, UserError):
        print(f"error: {error}", file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        place = f"process {jax.process_index()} of {jax.process_count()}"
        print(f"{place}:", file=sys.stderr)
        traceback.print_exception(error)
    _leave(code)


def _code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return stop_code(error)
    return MISTAKE if isinstance(error, UserError) else 1


def _leave(code: int) -> NoReturn:
    """Ends this process at once.

    By the usual way JAX would wait for the others, who may be waiting for this process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if is_primary():
        time.sleep(LAST_WORDS_S)
    os._exit(code)


def _failure() -> int | None:
    """Returns the exit code of the first process that has failed, None if none has."""
    try:
        found = _store().key_value_dir_get(_FAILURE)
    except jax.errors.JaxRuntimeError:
        return None  # the first process is gone: JAX ends this one with its own words
    return int(found[0][1]) if found else None


def _store() -> Any:
    """Returns the key-value store of all processes. JAX has no public name for it."""
    return distributed.global_state.client
