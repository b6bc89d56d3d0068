"""The metrics of every image of a split, and their means."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from deepdepth_jax.metrics import METRICS, MetricMeans
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import gather_rows

Measured = Mapping[str, Mapping[str, float]]
"""The metrics of an image, by group and by name."""


class ImageTable:
    """A row of numbers for each image, in the order of the split.

    It is all that grows with the number of images.

    Args:
      names: of all images of the split.
      groups: names of the measurements. Images are ranked by the first.
    """

    def __init__(self, names: Sequence[str], groups: Sequence[str]) -> None:
        self.names = names
        self.groups = tuple(groups)
        self._index = {name: index for index, name in enumerate(names)}
        self._rows: dict[int, np.ndarray] = {}

    def add(self, name: str, measured: Measured) -> None:
        """Adds an image."""
        self._rows[self._index[name]] = np.array(
            [[measured[group][metric] for metric in METRICS] for group in self.groups]
        )

    def gather(self) -> None:
        """Adds the images of the other processes, which must all call it."""
        shape = len(self.groups), len(METRICS)
        own = [[index, *row.ravel()] for index, row in self._rows.items()]
        numbers = np.array(own, np.float64).reshape(-1, 1 + shape[0] * shape[1])
        self._rows = {
            int(index): np.array(row).reshape(shape)
            for index, *row in sorted(gather_rows(numbers).tolist())
        }

    def means(self, group: str) -> MetricMeans:
        """Averages a group of metrics over the images."""
        means, place = MetricMeans(), self.groups.index(group)
        for row in self._rows.values():
            means.add(dict(zip(METRICS, row[place].tolist(), strict=True)))
        return means

    def from_best_to_worst(self, count: int) -> list[int]:
        """Returns `count` indices of images, evenly spread over the order of AbsRel.

        Three are the best, the median and the worst. Images without ground truth are
        left out.
        """
        abs_rel = {i: row[0, METRICS.index("abs_rel")] for i, row in self._rows.items()}
        ranked = sorted(
            (i for i in abs_rel if not np.isnan(abs_rel[i])), key=abs_rel.__getitem__
        )
        places = np.linspace(0, len(ranked) - 1, min(count, len(ranked)))
        return [ranked[place] for place in places.round().astype(int)]

    def write_csv(self, path: Path) -> None:
        """Writes one line an image. Empty cells where no pixel counted."""
        heads = [f"{g} {m}".strip() for g in self.groups for m in METRICS]
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(["image", *heads])
        for index, row in self._rows.items():
            cells = ["" if np.isnan(x) else f"{x:.6g}" for x in row.ravel()]
            writer.writerow([self.names[index], *cells])
        atomic.write(path, file.getvalue())
