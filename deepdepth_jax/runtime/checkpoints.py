"""Checkpoints of a run: saved while training goes on, verified when they are loaded."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import jax
from jax.experimental import multihost_utils
from orbax.checkpoint import v1 as ocp

from deepdepth_jax.config import Config
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.background_saves import (
    BackgroundSaves,
    State,
    named_parts,
    with_parts,
)
from deepdepth_jax.runtime.checkpoint_folder import (
    CALIBRATION_FILE,
    CHECKSUMS_FILE,
    METRICS_FILE,
    CheckpointFolder,
    Which,
    listed,
)
from deepdepth_jax.runtime.parallel import is_primary, replicated
from deepdepth_jax.runtime.workdir import CHECKPOINTS
from deepdepth_jax.types import Tree

Form = TypeVar("Form")


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
            (workdir / CHECKPOINTS).absolute(),
            keep=keep,
            best_metric=best_metric,
            keep_every=keep_every,
        )
        self._saves = BackgroundSaves(self._folder)

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
        self._saves.close(is_after_error=error_type is not None)

    def save(self, state: State) -> None:
        """Begins to save the state; see `BackgroundSaves.begin`.

        Raises:
          UserError: as `wait` does.
        """
        self._saves.begin(state)

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

    def calibrate(self, step: int, temperatures: Mapping[str, float]) -> None:
        """Adds temperatures that a checkpoint's confidence is to be scaled by.

        Args:
          step: of the checkpoint.
          temperatures: by their names. See `saved_network.temperature_name`.
        """
        kept = {**self.temperatures(step), **temperatures}
        self._add_note(step, CALIBRATION_FILE, kept)

    def temperatures(self, step: int) -> dict[str, float]:
        """Returns the temperatures of a checkpoint that have been fitted, by name."""
        self.wait()
        return self._folder.note(step, CALIBRATION_FILE) or {}

    def _add_note(self, step: int, name: str, numbers: Mapping[str, float]) -> None:
        self.wait()
        if is_primary():
            self._folder.add_note(step, name, numbers)
        # Notes decide which checkpoint is the best: the processes have to agree on it.
        multihost_utils.sync_global_devices(f"{name} of step {step}")

    def wait(self) -> None:
        """Waits for the save in the background, of all processes.

        Raises:
          UserError: there is no room for it. The checkpoints before it are untouched.
        """
        self._saves.wait()

    def check(self) -> None:
        """Raises the error of the background save if it has failed by now."""
        self._saves.check()

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
        return self._folder.find(which)

    def digest(self, step: int) -> str:
        """Returns the SHA-256 of the checksums of a checkpoint's files.

        Raises:
          UserError: the checkpoint has none, hence is damaged.
        """
        self.wait()
        path = self._folder.of(step) / CHECKSUMS_FILE
        if not path.is_file():
            self._check_undamaged(step)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def restore(self, like: Form, step: int) -> Form:
        """Loads from a checkpoint the arrays that an abstract tree names.

        The checkpoint may hold more: a network is loaded without its optimiser.

        Raises:
          UserError: the checkpoint is damaged.
        """
        self._check_undamaged(step)
        return self._load(like, step)

    def restore_variables(self, step: int) -> dict[str, Tree]:
        """Loads the network's variables from a checkpoint, and nothing else.

        Their shapes are read from the checkpoint: no network is built to load one. Of a
        run that averages its weights, these are the means.

        Args:
          step: step of the checkpoint.

        Returns:
          `params` and `batch_stats`, whole on every device of this process.

        Raises:
          UserError: the checkpoint is damaged.
        """
        self._check_undamaged(step)
        stored = ocp.metadata(self._folder.of(step)).metadata
        average = stored.get("average")
        chosen = stored if average is None else average
        variables = {name: chosen[name] for name in ("params", "batch_stats")}
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated()),
            variables,
        )
        if average is None:
            return self._load(like, step)
        return self._load({"average": like}, step)["average"]

    def _load(self, like: Form, step: int) -> Form:
        context = ocp.Context()
        context.pytree.loading.partial_load = True
        with context:
            return self._load_all(like, step)

    def _load_all(self, like: Form, step: int) -> Form:
        parts = ocp.load(self._folder.of(step), named_parts(like))
        return with_parts(like, parts)

    def _check_undamaged(self, step: int) -> None:
        self.wait()
        fault = self._folder.fault(step)
        if fault is not None:
            others = [other for other in self._folder.steps() if other != step]
            raise UserError(
                f"{self._folder.of(step)}: a damaged checkpoint ({fault}); "
                + (f"others here: {listed(others)}" if others else "train again")
            )

    def restore_last(self, like: Form) -> tuple[int, Form] | None:
        """Loads the last undamaged checkpoint, to resume training.

        Later ones are moved aside and reported on stderr. Remains of killed saves and
        deletions are deleted.

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
                found = step, self._load_all(like, step)
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
