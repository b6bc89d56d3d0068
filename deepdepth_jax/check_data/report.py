"""The report of check_data: present, missing and broken frames, and their depth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deepdepth_jax.check_data.inspection import DepthStatistics, Inspection
from deepdepth_jax.config import Config
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.drawing.plots import save_depth_histogram
from deepdepth_jax.errors import UserError

USES: Mapping[str, str] = MappingProxyType(
    {"train": "learn from", "val": "choose a checkpoint by", "test": "evaluate on"}
)
"""What the frames of a split are for."""


def print_survey(source: Source, shown: int | None) -> None:
    """Prints how many frames are there of how many, and which are not.

    Args:
      source: the source to survey.
      shown: how many frames to name of those that lack the same. None for all.
    """
    print(
        f"\n{source.dataset} {source.split_title}, {source.ground_truth_title}, "
        f"{source.place}"
    )
    existing = Counter(map(source.group, source.without_ground_truth))
    expected = Counter(map(source.group, source.expected))
    existing.update(expected)
    present = Counter(map(source.group, source.present))
    if not len(source):
        print(f"  no frame to {USES[source.split]}")
    width = max(map(len, existing), default=0)
    print(f"  {'':{width}}{'frames':>8}{'with depth':>12}{'present':>9}")
    for group, frames in existing.items():
        print(f"  {group:{width}}{frames:8}{expected[group]:12}{present[group]:9}")
    if len(existing) > 1:
        totals = existing.total(), expected.total(), present.total()
        print(f"  {'all':{width}}{totals[0]:8}{totals[1]:12}{totals[2]:9}")
    for lacks, names in source.missing.items():
        _print_some(f"{len(names)} without {lacks}", names, shown)
    if names := source.without_ground_truth:
        _print_some(f"{len(names)} never had such depth", names, shown)
    if names := source.without_focal_length:
        _print_some(f"{len(names)} have no known focal length", names, shown)


def print_inspection(inspection: Inspection, shown: int | None) -> None:
    """Prints the faults of present frames, and their depth.

    Args:
      inspection: findings of one source.
      shown: number of frames to name per fault, or None for all.
    """
    if broken := inspection.broken:
        _print_some(f"{len(broken)} are broken", list(broken.values()), shown)
    if empty := inspection.empty:
        _print_some(f"{len(empty)} have no depth at any pixel", empty, shown)
    if turned := inspection.turned:
        _print_some(
            f"{len(turned)} are turned upright otherwise than their depth; see that "
            "each pair matches",
            turned,
            shown,
        )
    if inspection.statistics.valid:
        print(f"  {describe(inspection.statistics)}")


def describe(statistics: DepthStatistics) -> str:
    """Puts the depth statistics into words."""
    valid = statistics.valid / statistics.pixels
    beyond = statistics.beyond_cap / statistics.valid
    return (
        f"depth: least {statistics.min_m:.3g} m, median {statistics.median_m:.3g} m, "
        f"greatest {statistics.max_m:.3g} m; {valid:.1%} of all pixels have it, "
        f"{beyond:.2%} of these beyond the cap of {statistics.cap_m:g} m"
    )


def _print_some(title: str, lines: Sequence[str], shown: int | None) -> None:
    print(f"  {title}:")
    for line in lines[:shown]:
        print(f"    {line}")
    if shown is not None and len(lines) > shown:
        print(f"    and {len(lines) - shown} more (--list names all)")


def draw_depth(path: Path, inspections: Sequence[Inspection]) -> None:
    """Draws how the depth of each split falls into the bins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = {
        f"{each.source.dataset} {each.source.split}": each.statistics.per_bin
        for each in inspections
        if each.statistics.per_bin.any()
    }
    save_depth_histogram(path, inspections[0].statistics.bins.edges_m, counts)


def require_trainable(config: Config, inspections: Sequence[Inspection]) -> None:
    """Checks that nothing keeps a run from starting, or from coming to its end.

    Args:
      config: completed.
      inspections: findings of all sources.

    Raises:
      UserError: names all that does.
    """
    problems, is_resized = [], config.train.resize == "pretrained"
    for inspection in inspections:
        source = inspection.source
        title = f"{source.dataset} {source.split}"
        if inspection.broken:
            problems.append(f"{title} has {len(inspection.broken)} broken frames")
        if source.split == "train" and not len(source):
            problems.append(f"no training frame is there ({source.report()})")
        elif source.split == "train" and not inspection.statistics.per_bin.any():
            problems.append(f"{title} has no pixel with depth within the bins")
        if config.data.canonical_focal_px and source.without_focal_length:
            problems.append(
                f"{title} has frames without a focal length, which "
                "data.canonical_focal_px needs"
            )
        elif is_resized and source.split == "train" and source.without_focal_length:
            problems.append(
                f"{title} has frames without a focal length, which "
                "train.resize=pretrained needs: add them, or set train.resize=none"
            )
    if problems:
        raise UserError(f"training cannot start: {'; '.join(problems)}")
