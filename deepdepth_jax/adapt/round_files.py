"""The folder of a round, `W/round_1` and so on."""

import dataclasses
from pathlib import Path
from typing import Any

from deepdepth_jax.runtime.json_files import read_object
from deepdepth_jax.runtime.workdir import CHECKPOINTS


@dataclasses.dataclass(frozen=True)
class Round:
    """The files of a round.

    Attributes:
      index: from 1.
      folder: of the round.
    """

    index: int
    folder: Path

    @property
    def histogram(self) -> Path:
        """Counts of pixels by bin and confidence: the end of scoring."""
        return self.folder / "histogram.npy"

    @property
    def thresholds(self) -> Path:
        """Thresholds, with what they were computed from, for people to read."""
        return self.folder / "thresholds.json"

    @property
    def labels(self) -> Path:
        """Numbers of labelled images and pixels."""
        return self.folder / "labels.json"

    @property
    def manifest(self) -> Path:
        """The list of images and label maps: the end of labelling."""
        return self.folder / "manifest.jsonl"

    @property
    def run(self) -> Path:
        """The folder of the round's training."""
        return self.folder / "run"

    @property
    def done(self) -> Path:
        """The step of the trained checkpoint: the end of the round."""
        return self.folder / "done.json"

    @property
    def checkpoint(self) -> Path:
        """The folder of the round's last checkpoint."""
        step = read_object(self.done, f"delete {self.done}")["step"]
        return self.run / CHECKPOINTS / str(step)

    def numbers(self) -> dict[str, Any]:
        """Reads the numbers of labelled images and pixels."""
        return read_object(self.labels, f"delete {self.folder}")
