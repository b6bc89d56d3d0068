"""The files of a run's checkpoints: whole or not there at all, verified, kept by rule.

checkpoints/300/                 the state after step 300, as Orbax writes it
checkpoints/300/checksums.json   SHA-256 of every file of it
checkpoints/300/metrics.json     its validation metrics, added when they are taken
checkpoints/300/calibration.json its temperatures, added when they are fitted
checkpoints/partial-...          being written or deleted, or left so by a kill
checkpoints/damaged-...          not what was written. Moved aside, never deleted
"""

import hashlib
import itertools
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from deepdepth_jax.errors import UserError
from deepdepth_jax.metrics import LARGER_IS_BETTER
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.json_files import are_temperatures, is_number, parse_object

METRICS_FILE = "metrics.json"
CALIBRATION_FILE = "calibration.json"
CHECKSUMS_FILE = "checksums.json"
NOTES = (METRICS_FILE, CALIBRATION_FILE)

Which = Literal["last", "best"] | int
"""A checkpoint, as command lines name it."""


class CheckpointFolder:
    """The folder that holds one checkpoint a step.

    Args:
      path: absolute.
      keep: how many of the last ones are kept, besides the best.
      best_metric: the validation metric that makes a checkpoint the best.
      keep_every: keeps, too, those whose step is a multiple of it. 0 for none.
    """

    def __init__(
        self, path: Path, *, keep: int, best_metric: str, keep_every: int
    ) -> None:
        self.path = path
        self._keep = keep
        self._metric = best_metric
        self._keep_every = keep_every

    def of(self, step: int) -> Path:
        """Returns the folder of a checkpoint."""
        return self.path / str(step)

    def partial(self, step: int) -> Path:
        """Returns the folder that a checkpoint is written to before it counts."""
        return self.path / f"partial-{step}"

    def steps(self) -> list[int]:
        """Lists the steps that have a checkpoint, damaged or not, in order."""
        if not self.path.exists():
            return []
        names = (path.name for path in self.path.iterdir() if path.is_dir())
        return sorted(int(name) for name in names if name.isdecimal())

    def best_step(self) -> int | None:
        """Returns the step of the best checkpoint, None if none has a finite metric."""
        scores = {step: self._score(step) for step in self.steps()}
        finite = {step: score for step, score in scores.items() if score is not None}
        return max(finite, key=finite.__getitem__, default=None)

    def find(self, which: Which) -> int:
        """Returns the step that is meant; see `Checkpoints.find`."""
        steps = self.steps()
        if not steps:
            raise UserError(f"{self.path.parent}: no checkpoint here: train first")
        if which == "last":
            return steps[-1]
        if which == "best":
            self._require_scores()
            best = self.best_step()
            return steps[-1] if best is None else best
        if which not in steps:
            raise UserError(
                f"--checkpoint={which}: {self.path.parent} has the steps "
                f"{listed(steps)}"
            )
        return which

    def _require_scores(self) -> None:
        for step, fault in self.unknown_scores().items():
            raise UserError(
                f"{self.of(step)}: a damaged {fault}; it might be the best: "
                "give --checkpoint=STEP, or delete the file"
            )

    def _score(self, step: int) -> float | None:
        """Returns a number that is larger for the better checkpoint."""
        value = (self.note(step, METRICS_FILE) or {}).get(self._metric, math.nan)
        if not math.isfinite(value):
            return None
        return value if self._metric in LARGER_IS_BETTER else -value

    def note(self, step: int, name: str) -> dict[str, float] | None:
        """Returns the numbers that were added to a checkpoint under the name of a file.

        None if there are none.
        """
        try:
            return _read_note(self.of(step) / name)
        except (OSError, ValueError):
            return None  # not there, or damaged: `note_fault` knows which

    def note_fault(self, step: int, name: str) -> str | None:
        """Describes why a file of numbers is unreadable, or returns None."""
        path = self.of(step) / name
        try:
            _read_note(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return f"{name}: {_reason(error)}"
        return None

    def unknown_scores(self) -> dict[int, str]:
        """Lists the steps whose metrics are there but cannot be read, and why."""
        faults = {step: self.note_fault(step, METRICS_FILE) for step in self.steps()}
        return {step: fault for step, fault in faults.items() if fault is not None}

    def allocate(self, size_bytes: int) -> None:
        """Tries whether the disk takes so much, and gives it back.

        Raises:
          OSError: the disk is full, or a quota or a limit is reached.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "posix_fallocate"):  # not on macOS
            with tempfile.TemporaryFile(dir=self.path) as file:
                os.posix_fallocate(file.fileno(), 0, size_bytes)

    def commit(self, step: int) -> None:
        """Renames the content of `partial` to the checkpoint of a step."""
        partial = self.partial(step)
        (partial / CHECKSUMS_FILE).write_text(json.dumps(_checksums(partial)))
        partial.rename(self.of(step))

    def add_note(self, step: int, name: str, numbers: Mapping[str, float]) -> None:
        """Adds a file of numbers to a checkpoint, whole or not at all."""
        atomic.write(self.of(step) / name, json.dumps(dict(numbers)))

    def delete_old(self) -> None:
        """Deletes checkpoints that are neither last, nor best, nor kept by number."""
        steps = self.steps()
        # One of those with unknown scores may be the best.
        kept = {*steps[-self._keep :], self.best_step(), *self.unknown_scores()}
        for step in steps:
            by_number = self._keep_every and step % self._keep_every == 0
            if step not in kept and not by_number:
                # A kill must not leave half of it under its own name.
                leftover = self.path / f"partial-{step}-deleted"
                self.of(step).rename(leftover)
                shutil.rmtree(leftover)

    def delete_partial(self) -> None:
        """Deletes the remains of interrupted saves and deletions."""
        for path in self.path.glob(f"*/{atomic.PREFIX}*"):
            path.unlink()
        for path in self.path.glob("partial-*"):
            if path.is_file():
                path.unlink()
            else:
                # Where a save has failed, other threads of it may still be writing;
                # what they leave goes at the next start.
                shutil.rmtree(path, ignore_errors=True)

    def move_aside(self, step: int) -> Path:
        """Renames a damaged checkpoint, so that it no longer counts as one."""
        names = (f"damaged-{step}-{count}" for count in itertools.count(1))
        free = (self.path / name for name in names if not (self.path / name).exists())
        return self.of(step).rename(next(free))

    def fault(self, step: int) -> str | None:
        """Describes how a checkpoint differs from the written one. None if it does not.

        Orbax notices missing and truncated files, but not modified values.

        Args:
          step: of a checkpoint.

        Returns:
          The fault in words, or None.
        """
        try:
            checksums = parse_object((self.of(step) / CHECKSUMS_FILE).read_text())
            if not checksums:
                raise ValueError("names no files")
        except (OSError, ValueError) as error:
            return f"{CHECKSUMS_FILE}: {_reason(error)}"
        for name, checksum in checksums.items():
            try:
                if _sha256(self.of(step) / name) != checksum:
                    return f"{name} has changed"
            except (OSError, ValueError) as error:
                return f"{name}: {_reason(error)}"
        faults = (self.note_fault(step, name) for name in NOTES)
        return next(filter(None, faults), None)


def listed(steps: Sequence[int]) -> str:
    """Formats steps for messages."""
    return ", ".join(map(str, steps))


def _read_note(path: Path) -> dict[str, float]:
    """Reads numbers by name.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is damaged, or holds something else.
    """
    numbers = parse_object(path.read_text())
    for name, number in numbers.items():
        if not is_number(number):
            raise ValueError(f"{name}={number!r} is no number")
    if path.name == CALIBRATION_FILE and not (numbers and are_temperatures(numbers)):
        raise ValueError("must hold temperatures > 0")
    return numbers


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
