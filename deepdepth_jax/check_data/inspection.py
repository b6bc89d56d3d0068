"""Reads every frame of a source and records its faults and its depth."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from tqdm import tqdm

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.datasets.alignment import describe_turns
from deepdepth_jax.datasets.source import Source, on_all_cores
from deepdepth_jax.errors import UserError

# The median is taken over a histogram of steps of half a percent, which needs no memory
# for the pixels of a whole data set.
FINE_EDGES_M = np.geomspace(1e-3, 1e4, 3233)


@dataclasses.dataclass
class DepthStatistics:
    """Statistics of depth over all pixels of the frames added so far.

    Attributes:
      bins: bins of the network.
      cap_m: evaluation ignores depth beyond it.
      pixels: number of all pixels.
      valid: number of pixels with depth.
      beyond_cap: number of pixels with depth beyond the cap.
      per_bin: number of pixels labelled with each bin.
      min_m: smallest depth. Infinite without any.
      max_m: largest depth. 0 without any.
    """

    bins: DepthBins
    cap_m: float
    pixels: int = 0
    valid: int = 0
    beyond_cap: int = 0
    min_m: float = np.inf
    max_m: float = 0.0

    def __post_init__(self) -> None:
        self.per_bin: Int[np.ndarray, " bins"] = np.zeros(self.bins.num_bins, np.int64)
        self._fine = np.zeros(len(FINE_EDGES_M) + 1, np.int64)

    def add(self, depth_m: Float[np.ndarray, "h w"]) -> None:
        """Adds the pixels of a frame."""
        known_m = depth_m[depth_m > 0]
        self.pixels += depth_m.size
        self.valid += known_m.size
        self.beyond_cap += int((known_m > self.cap_m).sum())
        self.min_m = min(self.min_m, float(known_m.min(initial=np.inf)))
        self.max_m = max(self.max_m, float(known_m.max(initial=0.0)))
        labelled_m = known_m[known_m <= self.bins.edges_m[-1]]
        self.per_bin += _count(labelled_m, self.bins.edges_m[1:-1])
        self._fine += _count(known_m, FINE_EDGES_M)

    def merge(self, other: "DepthStatistics") -> None:
        """Adds the pixels of other frames."""
        self.pixels += other.pixels
        self.valid += other.valid
        self.beyond_cap += other.beyond_cap
        self.min_m = min(self.min_m, other.min_m)
        self.max_m = max(self.max_m, other.max_m)
        self.per_bin += other.per_bin
        self._fine += other._fine

    @property
    def median_m(self) -> float:
        """The median depth, to half a percent. NaN where no pixel has depth."""
        if not self.valid:
            return float("nan")
        half = int(np.searchsorted(np.cumsum(self._fine), self.valid / 2))
        inside = slice(max(half - 1, 0), half + 1)  # the edges about the median
        return float(np.sqrt(np.prod(FINE_EDGES_M[inside][[0, -1]])))


def _count(
    depth_m: Float[np.ndarray, " n"], inner_edges_m: Float[np.ndarray, " edges"]
) -> Int[np.ndarray, " bins"]:
    labels = np.searchsorted(inner_edges_m, depth_m, side="right")
    return np.bincount(labels, minlength=len(inner_edges_m) + 1)


@dataclasses.dataclass
class Inspection:
    """The result of reading a source.

    Attributes:
      source: the source.
      statistics: depth statistics of the readable frames.
      broken: faults by the name of the frame.
      empty: frames without any depth.
      turned: images whose orientation tag differs from that of their depth, each with
        both tags.
    """

    source: Source
    statistics: DepthStatistics
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
    empty: list[str] = dataclasses.field(default_factory=list)
    turned: list[str] = dataclasses.field(default_factory=list)


def inspect(source: Source, bins: DepthBins, cap_m: float) -> Inspection:
    """Reads every frame on all cores, with a progress bar.

    Args:
      source: split of a data set.
      bins: the depth bins.
      cap_m: depth beyond which ground truth does not count, metres.

    Returns:
      The findings.
    """
    inspection = Inspection(source, DepthStatistics(bins, cap_m))
    title = f"check {source.dataset} {source.split}"
    for name, found in tqdm(_look(source, bins, cap_m), title, len(source)):
        if isinstance(found, UserError):
            inspection.broken[name] = str(found)
            continue
        statistics, turned = found
        inspection.statistics.merge(statistics)
        if not statistics.valid:
            inspection.empty.append(name)
        if turned:
            inspection.turned.append(turned)
    return inspection


def _look(
    source: Source, bins: DepthBins, cap_m: float
) -> Iterator[tuple[str, tuple[DepthStatistics, str] | UserError]]:
    def look(index: int) -> tuple[DepthStatistics, str] | UserError:
        try:
            depth_m = source.read(index).depth_m
            turned = _describe_turns(source, index)
        except UserError as error:
            return error
        statistics = DepthStatistics(bins, cap_m)
        statistics.add(depth_m)
        return statistics, turned

    yield from zip(source.present, on_all_cores(look, len(source)), strict=True)


def _describe_turns(source: Source, index: int) -> str:
    """Names a frame's image if it is turned otherwise than its depth. Else empty."""
    files = source.files(index)
    turns = describe_turns(*files) if files else ""
    return f"{files[0]}: {turns}" if files and turns else ""
