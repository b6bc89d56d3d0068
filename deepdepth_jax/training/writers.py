"""The writer of a run's metrics: to metrics.jsonl, and to trackers."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.json_files import parse_object
from deepdepth_jax.runtime.parallel import is_primary
from deepdepth_jax.training.trackers import TRACKERS, Status, Tracker


class MetricWriter:
    """Appends metrics to a workdir, and sends them to trackers. For a `with` block.

    The primary process writes for all processes.

    Args:
      workdir: folder of the run.
      after_step: the step to resume from. Lines of later steps are dropped, because the
        resumed run writes them again.
      trackers: names of `trackers.TRACKERS`.
      config: fields of the run by name, which trackers show.

    Raises:
      UserError: metrics.jsonl is damaged, or a tracker refuses.
    """

    def __init__(
        self,
        workdir: Path,
        after_step: int,
        trackers: Sequence[str] = (),
        config: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        path = workdir / ("metrics.jsonl" if is_primary() else os.devnull)
        self._written = _keep_lines_until(path, after_step)
        self._trackers: list[Tracker] = []
        self._file = path.open("a")
        with contextlib.ExitStack() as opened:
            opened.push(self)  # one that refuses leaves none of the others open
            for name in trackers if is_primary() else ():
                self._trackers.append(TRACKERS[name](workdir, config))
            opened.pop_all()

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        # The stack closes all of them, even if one refuses.
        with contextlib.ExitStack() as closing:
            closing.enter_context(self._file)
            for tracker in self._trackers:
                closing.callback(_close, tracker.close, failed=error is not None)

    def write(self, step: int, split: str, numbers: Mapping[str, float]) -> None:
        """Writes one line, and sends the metrics as `split/name`.

        A line that was written before a kill is not written twice.

        Args:
          step: training step.
          split: `train` or `val`.
          numbers: metrics by name.
        """
        if (step, split) in self._written:
            return
        self._written.add((step, split))
        line = {"step": step, "split": split, **numbers}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for tracker in self._trackers:
            tracker.write(step, {f"{split}/{name}": x for name, x in numbers.items()})

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """Sends an image to the trackers."""
        for tracker in self._trackers:
            tracker.write_image(step, name, image)


def _close(close: Callable[[Status], None], *, failed: bool) -> None:
    try:
        close("failed" if failed else "finished")
    except UserError as refusal:
        if not failed:
            raise
        # The first error decides how the run ends, such as with 75.
        print(f"warning: {refusal}", file=sys.stderr)


def _keep_lines_until(path: Path, step: int) -> set[tuple[int, str]]:
    """Drops the lines of later steps and returns step and split of the others."""
    if not path.exists():
        return set()
    lines = path.read_text().splitlines(keepends=True)
    # A last line without a newline was cut off by a kill.
    whole = [
        (line, _fields(path, number, line))
        for number, line in enumerate(lines, 1)
        if line.endswith("\n")
    ]
    kept = [(line, fields) for line, fields in whole if fields["step"] <= step]
    if len(kept) < len(lines):
        atomic.write(path, "".join(line for line, _ in kept))
    return {(fields["step"], fields["split"]) for _, fields in kept}


def _fields(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        fields = parse_object(line)
        if type(fields.get("step")) is not int or type(fields.get("split")) is not str:
            raise ValueError("must have a step and a split")
    except ValueError as error:
        raise UserError(
            f"{path}, line {number}: is damaged ({error}); delete the line"
        ) from error
    return fields
