"""Pseudo-labels beside true depth, where there is any: for people, after the fact.

Nothing of this is used by the adaptation, which never reads depth of the target.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
from jaxtyping import Float, Float64, Int64
from tqdm import tqdm

from deepdepth_jax.adapt.round_files import Round
from deepdepth_jax.adapt.target import read_target
from deepdepth_jax.bins import IGNORE, DepthBins
from deepdepth_jax.config import Config
from deepdepth_jax.datasets.depth_png import read_depth_png
from deepdepth_jax.datasets.registry import source_to_label
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.drawing.plots import save_label_statistics
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.regions import SECTIONS
from deepdepth_jax.inference.depth_files import DEPTH_PNG_UNITS_PER_METRE
from deepdepth_jax.models.heads import build_bins
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.json_files import parse_object
from deepdepth_jax.runtime.parallel import is_primary, own_share, sum_over_processes

DISTANCES = SECTIONS["by_distance"]
NAME = "pseudo_labels"


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class LabelStatistics:
    """Sums over the pixels of label maps that have true depth.

    Attributes:
      true_pixels: pixels with true depth, by their true bin.
      true_selected: those with a label.
      selected: pixels with label and true depth, by the bin of the label.
      log_error: sum of ln(label / truth), by the bin of the label.
      relative_error: sum of |label - truth| / truth, by true distance.
      of_distance: pixels with label and true depth, by true distance.
    """

    true_pixels: Int64[np.ndarray, " k"]
    true_selected: Int64[np.ndarray, " k"]
    selected: Int64[np.ndarray, " k"]
    log_error: Float64[np.ndarray, " k"]
    relative_error: Float64[np.ndarray, " d"]
    of_distance: Int64[np.ndarray, " d"]

    @classmethod
    def empty(cls, num_bins: int) -> "LabelStatistics":
        """Returns the statistics of no pixel."""
        distances = len(DISTANCES)
        return cls(
            true_pixels=np.zeros(num_bins, np.int64),
            true_selected=np.zeros(num_bins, np.int64),
            selected=np.zeros(num_bins, np.int64),
            log_error=np.zeros(num_bins),
            relative_error=np.zeros(distances),
            of_distance=np.zeros(distances, np.int64),
        )

    def add(
        self,
        label_m: Float[np.ndarray, "h w"],
        truth_m: Float[np.ndarray, "h w"],
        bins: DepthBins,
    ) -> None:
        """Adds a label map.

        Args:
          label_m: metres, 0 where nothing is labelled.
          truth_m: metres, 0 where there is no ground truth. Beyond the bins it does not
            count.
          bins: of the network.
        """
        num_bins = bins.num_bins
        # Of whole maps: JAX compiles anew for each number of pixels.
        true_bin = np.asarray(bins.label(truth_m))
        label_bin = np.asarray(bins.label(label_m))
        is_true = true_bin != IGNORE
        both = is_true & (label_m > 0)
        self.true_pixels += np.bincount(true_bin[is_true], minlength=num_bins)
        self.true_selected += np.bincount(true_bin[both], minlength=num_bins)
        label, truth, of_label = label_m[both], truth_m[both], label_bin[both]
        known = of_label != IGNORE
        log_error = np.log(label[known].astype(np.float64) / truth[known])
        self.selected += np.bincount(of_label[known], minlength=num_bins)
        self.log_error += np.bincount(of_label[known], log_error, minlength=num_bins)
        relative = np.abs(label.astype(np.float64) - truth) / truth
        for index, region in enumerate(DISTANCES.values()):
            inside = region(truth)
            self.relative_error[index] += relative[inside].sum()
            self.of_distance[index] += inside.sum()

    def compute(self) -> dict[str, Any]:
        """Computes coverage, errors and shares. None where there is no pixel."""
        return {
            "coverage": _ratio(self.true_selected.sum(), self.true_pixels.sum()),
            "abs_rel": _ratio(self.relative_error.sum(), self.of_distance.sum()),
            "abs_rel_by_distance": {
                name: _ratio(total, count)
                for name, total, count in zip(
                    DISTANCES, self.relative_error, self.of_distance, strict=True
                )
            },
            "selected_share_by_true_bin": [
                _ratio(*each)
                for each in zip(self.true_selected, self.true_pixels, strict=True)
            ],
            "mean_log_error_by_label": [
                _ratio(*each)
                for each in zip(self.log_error, self.selected, strict=True)
            ],
        }


def _ratio(total: Any, count: Any) -> float | None:
    return float(total) / float(count) if count else None


def measure_labels(config: Config, workdir: Path, rounds: Sequence[Round]) -> None:
    """Compares the pseudo-labels of the rounds with the depth of their images.

    Args:
      config: of the adaptation, completed. `data.dataset` is the target.
      workdir: of the adaptation.
      rounds: those whose labels are compared.

    Raises:
      UserError: the target is a folder without depth, or no round is labelled yet.
    """
    if config.adapt.images:
        raise UserError("adapt.images: the images of a folder have no depth to measure")
    labelled = [each for each in rounds if each.manifest.exists()]
    if not labelled:
        raise UserError(f"{workdir}: no round is labelled yet; adapt first")
    bins, source = build_bins(config), source_to_label(config.data)
    images = {target.name: target.image for target in read_target(workdir)}
    found = {
        str(each.index): _measure(each, source, images, bins).compute()
        for each in labelled
    }
    if is_primary():
        atomic.write(workdir / f"{NAME}.json", json.dumps(found, indent=2) + "\n")
        table = markdown(found)
        atomic.write(workdir / f"{NAME}.md", table)
        save_label_statistics(workdir / f"{NAME}.png", bins.edges_m, found)
        print(f"\n{table}\nresults: {workdir / NAME}.md, .json, .png")


def _measure(
    each: Round, source: Source, images: Mapping[str, Path], bins: DepthBins
) -> LabelStatistics:
    statistics, maps = LabelStatistics.empty(bins.num_bins), _label_maps(each)
    share = own_share(len(source))
    for index in tqdm(share, f"round {each.index}", disable=not is_primary()):
        example = source.read(index)
        path = maps.get(str(images.get(example.name)))
        if example.name not in images:
            continue  # it was left out
        truth_m = example.depth_m
        label_m = np.zeros_like(truth_m)
        if path is not None:
            label_m = read_depth_png(path, DEPTH_PNG_UNITS_PER_METRE, lambda _: None)
            height, width = label_m.shape
            truth_m = cv2.resize(
                truth_m, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
            )
        statistics.add(label_m, truth_m, bins)
    return sum_over_processes(statistics)


def _label_maps(each: Round) -> dict[str, Path]:
    """Reads the label maps of a round, by their images."""
    lines = map(parse_object, each.manifest.read_text().splitlines())
    return {str(line["image"]): each.folder / line["depth"] for line in lines}


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Builds the table of all rounds."""
    head = ["round", "coverage", "AbsRel", *(f"AbsRel {name}" for name in DISTANCES)]
    lines = [head, ["---"] * len(head)]
    for name, values in found.items():
        errors = values["abs_rel"], *values["abs_rel_by_distance"].values()
        share = values["coverage"]
        covered = "" if share is None else f"{share:.1%}"
        lines.append(
            [name, covered, *("" if x is None else f"{x:.3f}" for x in errors)]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
