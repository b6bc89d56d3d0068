"""Checkpoints of a run: saved while training goes on, verified when they are loaded."""

import errno
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import jax
import numpy as np
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from deepdepth_jax.config import Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.checkpoint_folder import (
    CALIBRATION_FILE,
    METRICS_FILE,
    CheckpointFolder,
)
from deepdepth_jax.runtime.parallel import is_primary, replicated
from deepdepth_jax.types import Tree

Which = Literal["last", "best"] | int


@runtime_checkable
class State(Protocol):
    """A tree of arrays that knows how many steps it has taken."""

    step: Any


Form = TypeVar("Form")

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where a disk is full, or a quota or a file's limit reached."""

LEAF_OVERHEAD_BYTES = 4096
"""The most that a checkpoint tells of an array besides its values."""


class Checkpoints:
    """The folder `checkpoints/` of a workdir. Use it in a `with` block.

    With several processes, each of them calls every method, on a folder that all of
    them see. The primary one alone renames and deletes.

    Args:
      workdir: of the run.
      keep: how many of the last ones are kept, besides the best.
      best_metric: the validation metric that makes a checkpoint the best.
      keep_every: keeps, too, those whose step is a multiple of it. 0 for none.
    """

    def __init__(
        self, workdir: Path, *, keep: int, best_metric: str, keep_every: int = 0
    ) -> None:
        self._workdir = workdir
        self._folder = CheckpointFolder(
            (workdir / "checkpoints").absolute(),
            keep=keep,
            best_metric=best_metric,
            keep_every=keep_every,
        )
        self._background = ThreadPoolExecutor(1, "checkpoints")
        self._pending: Future[None] | None = None
        self._needed_bytes = 0

    @classmethod
    def of(cls, config: Config, workdir: Path) -> "Checkpoints":
        """Opens the checkpoints of a run with a completed config."""
        return cls(
            workdir,
            keep=config.train.keep_checkpoints,
            best_metric=config.eval.best_metric,
            keep_every=config.train.keep_every,
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        try:
            # After an error the others may be elsewhere, and never come to meet.
            self.wait() if error_type is None else self._finish()
        finally:
            self._background.shutdown()

    def save(self, state: State) -> None:
        """Begins to save the state.

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
        writing = ocp.save_async(self._folder.partial(step), copy)
        self._pending = self._background.submit(self._commit, step, writing.result)

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

    def score(self, step: int, metrics: Mapping[str, float]) -> None:
        """Adds the validation metrics taken at a state that has been saved.

        Raises:
          UserError: as `wait` does.
        """
        self._add_note(step, METRICS_FILE, metrics)
        if is_primary():
            self._folder.delete_old()

    def is_scored(self, step: int) -> bool:
        """Returns whether a checkpoint has validation metrics."""
        self.wait()
        return self._folder.note(step, METRICS_FILE) is not None

    def calibrate(self, step: int, temperature: float) -> None:
        """Adds the temperature that a checkpoint's confidence is to be scaled by."""
        self._add_note(step, CALIBRATION_FILE, {"temperature": temperature})

    def temperature(self, step: int) -> float | None:
        """Returns the temperature of a checkpoint, None if none has been fitted."""
        self.wait()
        note = self._folder.note(step, CALIBRATION_FILE)
        return None if note is None else note["temperature"]

    def _add_note(self, step: int, name: str, numbers: Mapping[str, float]) -> None:
        self.wait()
        if is_primary():
            self._folder.add_note(step, name, numbers)

    def wait(self) -> None:
        """Waits for the save in the background, of all processes.

        Raises:
          UserError: there is no room for it. The checkpoints before it are untouched.
        """
        if self._finish():
            multihost_utils.sync_global_devices("checkpoint committed")

    def _finish(self) -> bool:
        """Waits for the save in the background, if there is one, of this process."""
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
        """Raises what the save in the background has failed with, if it has by now."""
        pending = self._pending
        if pending is not None and pending.done() and pending.exception() is not None:
            self.wait()

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

    @property
    def last_step(self) -> int | None:
        """The step of the last checkpoint, None if there is none."""
        self.wait()
        return max(self._folder.steps(), default=None)

    @property
    def best_step(self) -> int | None:
        """The step of the best checkpoint, None if none has a finite metric."""
        self.wait()
        return self._folder.best_step()

    def find(self, which: Which) -> int:
        """Returns the step that `last`, `best` or a number stands for.

        Without any validation the best is the last.

        Args:
          which: `last`, `best` or a step.

        Returns:
          The step.

        Raises:
          UserError: there is no such checkpoint.
        """
        self.wait()
        steps = self._folder.steps()
        if not steps:
            raise UserError(f"{self._workdir}: no checkpoint here: train first")
        if which == "last":
            return steps[-1]
        if which == "best":
            self._require_scores()
            best = self._folder.best_step()
            return steps[-1] if best is None else best
        if which not in steps:
            raise UserError(
                f"--checkpoint={which}: {self._workdir} has the steps {_listed(steps)}"
            )
        return which

    def _require_scores(self) -> None:
        for step, fault in self._folder.unknown_scores().items():
            raise UserError(
                f"{self._folder.of(step)}: a damaged {fault}; it might be the best: "
                "give --checkpoint=STEP, or delete the file"
            )

    def restore(self, like: Form, step: int) -> Form:
        """Loads from a checkpoint the arrays that an abstract tree names.

        The checkpoint may hold more: a network is loaded without its optimiser.

        Raises:
          UserError: it is not what was written.
        """
        self._check_undamaged(step)
        return self._load(like, step)

    def restore_variables(self, step: int) -> dict[str, Tree]:
        """Loads the network's variables from a checkpoint, and nothing else.

        Their shapes are read from the checkpoint: no network is built to load one.

        Returns:
          `params` and `batch_stats`, whole on every device of this process.

        Raises:
          UserError: it is not what was written.
        """
        self._check_undamaged(step)
        stored = ocp.metadata(self._folder.of(step)).metadata
        variables = {name: stored[name] for name in ("params", "batch_stats")}
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated()),
            variables,
        )
        return self._load(like, step)

    def _load(self, like: Form, step: int) -> Form:
        context = ocp.Context()
        context.pytree.loading.partial_load = True
        with context:
            return ocp.load(self._folder.of(step), like)

    def _check_undamaged(self, step: int) -> None:
        self.wait()
        fault = self._folder.fault(step)
        if fault is not None:
            others = [other for other in self._folder.steps() if other != step]
            raise UserError(
                f"{self._folder.of(step)}: a damaged checkpoint ({fault}); "
                + (f"others here: {_listed(others)}" if others else "train again")
            )

    def restore_last(self, like: Form) -> tuple[int, Form] | None:
        """Loads the last checkpoint that is undamaged, for training to go on from it.

        Later ones are moved aside, which is told on stderr. What a kill has left of
        saves and deletions is deleted.

        Args:
          like: abstract state: shapes, types and places of the arrays.

        Returns:
          The step and the state. None if there is no checkpoint.

        Raises:
          UserError: there are checkpoints, and each is damaged.
        """
        self.wait()
        found, faults = None, {}
        for step in reversed(self._folder.steps()):
            fault = self._folder.fault(step)
            if fault is None:
                found = step, ocp.load(self._folder.of(step), like)
                break
            faults[step] = fault
        if faults and found is None:
            listed = "; ".join(f"{step}: {fault}" for step, fault in faults.items())
            raise UserError(
                f"{self._folder.path}: every checkpoint is damaged ({listed}); bring "
                "one back, or delete the folder to train from the start"
            )
        # No process may still be reading the moved folders.
        multihost_utils.sync_global_devices("checkpoint restored")
        if is_primary():
            for step, fault in faults.items():
                self._move_aside(step, fault)
            self._folder.delete_partial()
            self._folder.delete_old()
        return found

    def _move_aside(self, step: int, fault: str) -> None:
        aside = self._folder.move_aside(step)
        print(
            f"{self._folder.of(step)}: a damaged checkpoint ({fault}); it is now "
            f"{aside.name}, and the one before it is taken",
            file=sys.stderr,
            flush=True,
        )


def _listed(steps: list[int]) -> str:
    return ", ".join(map(str, steps))


def _system_error(error: Exception) -> int:
    """Returns the system's number of an error. TensorStore writes it into its text."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"os_error_code='(\d+)'", str(error))
    return int(found[1]) if found else 0
