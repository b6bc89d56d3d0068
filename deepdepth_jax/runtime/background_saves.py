"""Saves a run's state while training goes on."""

import dataclasses
import errno
import re
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.checkpoint_folder import CheckpointFolder
from deepdepth_jax.runtime.parallel import is_primary

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk, a reached quota or a reached file size limit."""

LEAF_OVERHEAD_BYTES = 4096
"""The most that a checkpoint stores of an array besides its values."""


@runtime_checkable
class State(Protocol):
    """A tree of arrays that knows how many steps it has taken."""

    step: Any


class BackgroundSaves:
    """At most one save at a time, in a thread of its own.

    With several processes, each of them calls every method. The primary one alone
    renames and deletes.

    Args:
      folder: of the run's checkpoints.
    """

    def __init__(self, folder: CheckpointFolder) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._pending: Future[None] | None = None
        self._needed_bytes = 0

    def begin(self, state: State) -> None:
        """Begins to save a state.

        Returns as soon as the state is copied, so that the next step may take its
        memory. The rest is done in the background. Waits for the save before.

        Raises:
          UserError: as `wait` does.
        """
        self.wait()
        copy = jax.tree.map(np.array, state)
        self._make_sure_of_room(copy)
        step = int(copy.step)
        # Here and not in the background, for the processes agree on it.
        writing = ocp.save_async(self._folder.partial(step), named_parts(copy))
        self._pending = self._thread.submit(self._commit, step, writing.result)

    def _make_sure_of_room(self, copy: State) -> None:
        """Finds a full disk before Orbax does, whose threads each print an error."""
        leaves = jax.tree.leaves(copy)
        self._needed_bytes = sum(leaf.nbytes + LEAF_OVERHEAD_BYTES for leaf in leaves)
        if is_primary():
            try:
                self._folder.allocate(self._needed_bytes)
            except OSError as error:
                self._raise_if_no_room(error)
                raise

    def _commit(self, step: int, finish_writing: Callable[[], None]) -> None:
        finish_writing()
        if is_primary():
            self._folder.commit(step)
            self._folder.delete_old()

    def wait(self) -> None:
        """Waits for the pending save of all processes.

        Raises:
          UserError: there is no room for it. The checkpoints before it are untouched.
        """
        if self._finish():
            multihost_utils.sync_global_devices("checkpoint committed")

    def _finish(self) -> bool:
        """Waits for the pending save of this process. Returns whether there was one."""
        pending, self._pending = self._pending, None
        if pending is None:
            return False
        try:
            pending.result()
        except Exception as error:
            if is_primary():
                self._folder.delete_partial()
            self._raise_if_no_room(error)
            raise
        return True

    def check(self) -> None:
        """Raises the error of the pending save if it has failed by now."""
        pending = self._pending
        if pending is not None and pending.done() and pending.exception() is not None:
            self.wait()

    def close(self, *, is_after_error: bool) -> None:
        """Waits for the pending save and ends the thread.

        Args:
          is_after_error: whether an error ends this process's work. The other
            processes may be elsewhere then, and are not waited for.
        """
        try:
            self._finish() if is_after_error else self.wait()
        finally:
            self._thread.shutdown()

    def _raise_if_no_room(self, error: Exception) -> None:
        code = _system_error(error)
        if code not in NO_ROOM:
            return
        free_mb = shutil.disk_usage(self._folder.path).free / 1e6
        steps = self._folder.steps()
        raise UserError(
            f"{self._folder.path}: no room for a checkpoint "
            f"({errno.errorcode[code]}): it needs {self._needed_bytes / 1e6:.1f} MB, "
            f"and {free_mb:.1f} MB are free; make room, or lower "
            "train.keep_checkpoints, and start again: "
            + (f"step {steps[-1]} is saved" if steps else "nothing is saved yet")
        ) from error


def _system_error(error: Exception) -> int:
    """Returns the system's number of an error. TensorStore writes it into its text."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"os_error_code='(\d+)'", str(error))
    return int(found[1]) if found else 0


def named_parts(state: Any) -> Any:
    """Returns the parts of a dataclass as files have them, without those that are None.

    A part that an earlier version did not know is missing from its files, just as one
    that a run does not need.
    """
    if not dataclasses.is_dataclass(state):
        return state
    parts = {x.name: getattr(state, x.name) for x in dataclasses.fields(state)}
    return {name: part for name, part in parts.items() if part is not None}


def with_parts(like: Any, parts: Any) -> Any:
    """Puts the parts of `named_parts` back into such a state."""
    is_whole = not dataclasses.is_dataclass(like)
    return parts if is_whole else dataclasses.replace(like, **parts)
