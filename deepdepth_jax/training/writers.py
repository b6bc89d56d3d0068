"""Writers of a run's metrics: metrics.jsonl and TensorBoard."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import UInt8

from deepdepth_jax import atomic
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.json_files import parse_object
from deepdepth_jax.runtime.parallel import is_primary


class MetricWriter:
    """Appends metrics to a workdir. Use it in a `with` block.

    The primary process writes for all processes.

    Args:
      workdir: folder of the run.
      after_step: the step to resume from. Lines of later steps are dropped, because the
        resumed run writes them again.
    """

    def __init__(self, workdir: Path, after_step: int) -> None:
        path = workdir / ("metrics.jsonl" if is_primary() else os.devnull)
        self._written = _keep_lines_until(path, after_step)
        self._file = path.open("a")
        self._events = (
            tf.summary.create_file_writer(str(workdir / "tensorboard"))
            if is_primary()
            else tf.summary.create_noop_writer()
        )

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._events.close()

    def write(self, step: int, split: str, numbers: Mapping[str, float]) -> None:
        """Writes one line, and one TensorBoard scalar per metric.

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
        with self._events.as_default():
            for name, value in numbers.items():
                tf.summary.scalar(f"{split}/{name}", value, step=step)
        self._events.flush()

    def write_image(
        self, step: int, name: str, image: UInt8[np.ndarray, "h w 3"]
    ) -> None:
        """Writes an image to TensorBoard."""
        with self._events.as_default():
            tf.summary.image(name, image[None], step=step)
        self._events.flush()


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
