"""Passes over the target: first counts of confidences, then labels."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8
from tqdm import tqdm

from deepdepth_jax.adapt.label_files import encode_png, label_codes, sha256
from deepdepth_jax.adapt.readout import LabelStep, PixelLabels
from deepdepth_jax.adapt.row_prior import Prior, row_cells
from deepdepth_jax.adapt.target import TargetImage
from deepdepth_jax.adapt.thresholds import CELLS, Counts, count_confidences, select
from deepdepth_jax.config import Config
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.datasets.source import on_all_cores
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.layout import batch_size_for, window_for
from deepdepth_jax.inference.posterior import PixelPosterior, Views
from deepdepth_jax.inference.runner import Runner
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes
from deepdepth_jax.types import Trained

LABELS = "labels"
VARIANCE_UNITS = 2**20
"""Variances are added as whole numbers of 1/VARIANCE_UNITS: exact in any order."""
SHARPEST = 0.001
"""The least standard deviation that `train.pseudo_label_std` takes: a hard label."""


class Labelled(NamedTuple):
    """Sums over the label maps of all processes.

    Attributes:
      selected: selected pixels of each bin.
      variances: sum of `PixelLabels.variance` over them, times `VARIANCE_UNITS`.
      empty: number of images without any.
    """

    selected: Int64[np.ndarray, " k"]
    variances: Int64[np.ndarray, " k"]
    empty: int

    def stds(self) -> Float[np.ndarray, " k"]:
        """Computes the standard deviation of each bin's soft labels, in ln depth."""
        means = self.variances / np.maximum(self.selected, 1) / VARIANCE_UNITS
        return np.maximum(np.sqrt(means), SHARPEST)


@dataclasses.dataclass(frozen=True)
class _Item:
    """An image on its way through the network."""

    index: int
    target: TargetImage
    image: UInt8[np.ndarray, "h w 3"]


class Labeller:
    """Labels the pixels of images by a trained network.

    Each device takes `eval.batch_size` images at once, or as many as `predict` would,
    however many devices there are, so that the program and its bits are the same for
    any number of processes with as many devices each.

    Args:
      config: of the network, completed.
      trained: its variables. Their temperature is not applied.
      prior: of the bins over the rows.
      thresholds: see `LabelStep`.
    """

    def __init__(
        self,
        config: Config,
        trained: Trained,
        prior: Prior = (),
        thresholds: tuple[float, ...] = (),
    ) -> None:
        section = config.adapt
        step = LabelStep(
            PixelPosterior.of(config, Views(flip=section.flip)),
            section.window_bins,
            thresholds,
            takes_median=section.label == "median",
            lrent=section.lrent if section.label == "soft" else 0.0,
            prior=prior,
        )
        self._takes_rows = bool(prior)
        self._trained = trained
        self._section = config.eval
        self._batch_size = config.eval.batch_size * jax.local_device_count()
        self._runner = Runner(step, self._batch_size)

    def __call__(
        self, images: Sequence[TargetImage], title: str
    ) -> Iterator[tuple[int, TargetImage, PixelLabels]]:
        """Labels this process's share of the images, read as they are needed.

        Args:
          images: of all processes.
          title: of the progress bar.

        Yields:
          The index of an image among all, the image, and the labels of its pixels.

        Raises:
          UserError: an image cannot be read any more.
        """
        share = own_share(len(images))

        def read(position: int) -> _Item:
            index = share[position]
            return _Item(index, images[index], read_image(images[index].image))

        read_ahead = on_all_cores(read, len(share))
        items = iter(tqdm(read_ahead, title, len(share), disable=not is_primary()))
        found = in_batches(
            self._run, items, self._batch_size, lambda item: (item.image,)
        )
        for item, labels in found:
            yield item.index, item.target, labels

    def _run(self, images: UInt8[np.ndarray, "b h w 3"]) -> PixelLabels:
        size = images.shape[1:3]
        window = window_for(size, None, self._section.window)
        most = batch_size_for(size, self._section.batch_size) * jax.local_device_count()
        runner, arrays = self._runner.sized(most, window), [images]
        if self._takes_rows:
            cells = row_cells(size[0])[:, None]
            arrays.append(np.broadcast_to(cells, images.shape[:3]))
        found = []
        for first in range(0, len(images), most):
            part = [array[first : first + most] for array in arrays]
            found.append(runner(self._trained, *part))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *found)


def score(labeller: Labeller, images: Sequence[TargetImage], num_bins: int) -> Counts:
    """Counts the pixels of all images by label and confidence.

    Args:
      labeller: without thresholds.
      images: of all processes, each of which takes its share.
      num_bins: number of bins.

    Returns:
      The counts over all processes.
    """
    counts = np.zeros((num_bins, CELLS), np.int64)
    for _, _, found in labeller(images, "score"):
        labels, confidence = np.asarray(found.label), np.asarray(found.confidence)
        counts += count_confidences(labels, confidence, num_bins)
    return sum_over_processes(counts)


def write_labels(
    labeller: Labeller,
    images: Sequence[TargetImage],
    thresholds: Float32[np.ndarray, " k"],
    config: Config,
    folder: Path,
) -> Labelled:
    """Writes the label maps of this process's share, and their lines of the manifest.

    Args:
      labeller: with or without thresholds, as the labels are wanted.
      images: of all processes.
      thresholds: that a pixel's confidence must reach.
      config: of the network, completed.
      folder: of the round.

    Returns:
      Their sums.
    """
    bins = build_bins(config)
    canonical_px = config.data.canonical_focal_px
    selected, variances = np.zeros((2, bins.num_bins), np.int64)
    empty, lines = 0, {}
    for index, target, found in labeller(images, "label"):
        labels = np.asarray(found.label)
        chosen = select(labels, np.asarray(found.confidence), thresholds)
        codes = label_codes(bins, canonical_px, target.focal_px)
        values = np.where(chosen, codes[labels], 0).astype(np.uint16)
        chosen = values > 0
        selected += np.bincount(labels[chosen], minlength=bins.num_bins)
        if found.variance is not None:
            variance = np.asarray(found.variance, np.float64)[chosen]
            units = np.rint(variance * VARIANCE_UNITS)
            sums = np.bincount(labels[chosen], units, minlength=bins.num_bins)
            variances += sums.astype(np.int64)
        if not chosen.any():
            empty += 1
            continue
        path = f"{LABELS}/{index:06d}_{Path(target.name).stem}.png"
        data = encode_png(values)
        atomic.write(folder / path, data)
        line = {"image": str(target.image), "depth": path, "sha256": sha256(data)}
        line |= {"split": "train"}
        lines[index] = line | ({"focal_px": target.focal_px} if target.focal_px else {})
    part = "".join(f"{index}\t{json.dumps(line)}\n" for index, line in lines.items())
    atomic.write(_part(folder, jax.process_index()), part)
    return Labelled(*sum_over_processes((selected, variances, empty)))


def join_manifest(folder: Path) -> None:
    """Joins the lines of all processes to the manifest, in the order of the images."""
    parts = [_part(folder, process) for process in range(jax.process_count())]
    lines = {}
    for part in parts:
        for line in part.read_text().splitlines(keepends=True):
            index, _, rest = line.partition("\t")
            lines[int(index)] = rest
    atomic.write(folder / "manifest.jsonl", "".join(lines[i] for i in sorted(lines)))
    for part in folder.glob(".manifest-*.tsv"):
        part.unlink()


def _part(folder: Path, process: int) -> Path:
    return folder / f".manifest-{process}.tsv"
