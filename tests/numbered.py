"""The smallest data set: images that carry their own number as colour and depth."""

import dataclasses
import time
from pathlib import Path

import numpy as np

from deepdepth_jax.datasets.builder import DepthBuilder
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.types import Example

COUNT = 7


@dataclasses.dataclass(frozen=True)
class Numbered(Source):
    """Attributes:
    count: how many images.
    first: number of the first one.
    gate: where given, the last image is not read before the file `go` is in it.
    """

    split: str = "train"
    ground_truth: str = "exact"
    dataset: str = "numbered"
    place: str = "here"
    count: int = COUNT
    first: int = 0
    gate: Path | None = None

    def __len__(self):
        return self.count

    @property
    def expected(self):
        return [f"frame {self.first + index}" for index in range(self.count)]

    def read(self, index):
        if self.gate and index == self.count - 1:
            (self.gate / "reached").touch()
            while not (self.gate / "go").exists():
                time.sleep(0.01)
        number = self.first + index
        image = np.full((8, 9 + index, 3), number, np.uint8)
        depth_m = np.full((8, 9 + index), number + 1, np.float32)
        return Example(f"frame {number}", image, depth_m, 700.0 + index)

    def identity(self):
        return {"split": self.split, "files": dict.fromkeys(self.expected, 1)}


class NumberedBuilder(DepthBuilder):
    ABOUT = "Images for tests."
    HOMEPAGE = ""
    CITATION = ""
