"""Where a run's numbers go: metrics.jsonl and TensorBoard, side by side."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import tensorflow as tf


class MetricWriter:
    """Appends named numbers to a workdir. Use it in a `with` block.

    Args:
      workdir: of the run.
      after_step: lines of later steps are dropped: a run that goes on from a checkpoint
        writes them again.
    """

    def __init__(self, workdir: Path, after_step: int) -> None:
        path = workdir / "metrics.jsonl"
        _drop_lines_after(path, after_step)
        self._file = path.open("a")
        self._events = tf.summary.create_file_writer(str(workdir / "tensorboard"))

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._events.close()

    def write(self, step: int, split: str, numbers: Mapping[str, float]) -> None:
        """Writes one line, and one TensorBoard scalar for each number."""
        line = {"step": step, "split": split, **numbers}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        with self._events.as_default():
            for name, value in numbers.items():
                tf.summary.scalar(f"{split}/{name}", value, step=step)
        self._events.flush()


def _drop_lines_after(path: Path, step: int) -> None:
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    # A last line without its end was cut off by a kill.
    whole = [line for line in lines if line.endswith("\n")]
    kept = [line for line in whole if json.loads(line)["step"] <= step]
    if len(kept) < len(lines):
        path.write_text("".join(kept))
