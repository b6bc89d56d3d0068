"""Passes over the target: first counts of confidences, then labels."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8
from tqdm import tqdm

from deepdepth_jax.adapt.label_files import encode_png, label_codes, sha256
from deepdepth_jax.adapt.readout import LabelStep, PixelLabels
from deepdepth_jax.adapt.target import TargetImage
from deepdepth_jax.adapt.thresholds import CELLS, Counts, count_confidences, select
from deepdepth_jax.config import Config
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.datasets.source import on_all_cores
from deepdepth_jax.inference.batching import in_batches
from deepdepth_jax.inference.posterior import PixelPosterior
from deepdepth_jax.inference.runner import Runner, window_for
from deepdepth_jax.inference.steps import Trained
from deepdepth_jax.inference.views import Views
from deepdepth_jax.models.build import build_bins, build_network
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes

LABELS = "labels"


@dataclasses.dataclass(frozen=True)
class _Item:
    """An image on its way through the network."""

    index: int
    target: TargetImage
    image: UInt8[np.ndarray, "h w 3"]


class Labeller:
    """Labels the pixels of images by a trained network.

    Each device takes `eval.batch_size` images at once, however many devices there are,
    so that the program and its bits are the same for any number of processes.

    Args:
      config: of the network, completed.
      trained: its variables. Their temperature is not applied.
      thresholds: see `LabelStep`.
    """

    def __init__(
        self, config: Config, trained: Trained, thresholds: tuple[float, ...] = ()
    ) -> None:
        network = build_network(config)
        views = Views(flip=config.adapt.flip)
        posterior = PixelPosterior(
            network.model, network.head, network.convention, views
        )
        step = LabelStep(posterior, config.adapt.window_bins, thresholds)
        self._trained = trained
        self._window = config.eval.window
        self._batch_size = config.eval.batch_size * jax.local_device_count()
        self._runner = Runner(step, self._batch_size)

    def __call__(
        self, images: Sequence[TargetImage], title: str
    ) -> Iterator[
        tuple[
            int,
            TargetImage,
            Int32[np.ndarray, "h w"],
            Float32[np.ndarray, "h w"],
        ]
    ]:
        """Labels this process's share of the images, read as they are needed.

        Args:
          images: of all processes.
          title: of the progress bar.

        Yields:
          The index of an image among all, the image, the label of each pixel, and its
          confidence.

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
            label, confidence = labels.label, labels.confidence
            yield item.index, item.target, np.asarray(label), np.asarray(confidence)

    def _run(self, images: UInt8[np.ndarray, "b h w 3"]) -> PixelLabels:
        window = window_for(images.shape[1:3], None, self._window)
        return self._runner.sized(self._batch_size, window)(self._trained, images)


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
    for _, _, labels, confidence in labeller(images, "score"):
        counts += count_confidences(labels, confidence, num_bins)
    return sum_over_processes(counts)


def write_labels(
    labeller: Labeller,
    images: Sequence[TargetImage],
    thresholds: Float32[np.ndarray, " k"],
    config: Config,
    folder: Path,
) -> tuple[Int64[np.ndarray, " k"], int]:
    """Writes the label maps of this process's share, and their lines of the manifest.

    Args:
      labeller: with or without thresholds, as the labels are wanted.
      images: of all processes.
      thresholds: that a pixel's confidence must reach.
      config: of the network, completed.
      folder: of the round.

    Returns:
      The selected pixels of each bin, and the number of images without any. Over all
      processes.
    """
    bins = build_bins(config)
    canonical_px = config.data.canonical_focal_px
    selected, empty, lines = np.zeros(bins.num_bins, np.int64), 0, {}
    for index, target, labels, confidence in labeller(images, "label"):
        chosen = select(labels, confidence, thresholds)
        codes = label_codes(bins, canonical_px, target.focal_px)
        values = np.where(chosen, codes[labels], 0).astype(np.uint16)
        selected += np.bincount(labels[values > 0], minlength=bins.num_bins)
        if not values.any():
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
    return sum_over_processes((selected, empty))


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
