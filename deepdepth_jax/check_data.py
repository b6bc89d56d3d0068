"""Says what data is there, what is missing, what is broken: before anything is trained.

python -m deepdepth_jax.check_data --config=configs/kitti.py --config.data.root=KITTI
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from deepdepth_jax import build, cli
from deepdepth_jax.config import complete, load_config, override
from deepdepth_jax.datasets.inspection import DepthStatistics, Inspection, inspect
from deepdepth_jax.datasets.registry import all_sources
from deepdepth_jax.datasets.source import Source
from deepdepth_jax.errors import UserError
from deepdepth_jax.visualize import save_depth_histogram

NAMED = 3
"""How many frames are named of those that share a fault, unless all are asked for."""


def main(argv: list[str]) -> None:
    """Runs the command."""
    arguments, overrides = _parser().parse_known_args(argv)
    config = complete(override(load_config(arguments.config), overrides))
    output = arguments.output or Path("runs") / arguments.config.stem / "check_data"
    shown = None if arguments.list else NAMED
    bins = build.depth_bins(config)
    inspections = []
    for source in all_sources(config):  # any mistake in a folder is said here
        print_survey(source, shown)
        inspections.append(inspect(source, bins, config.eval.cap_m))
        print_inspection(inspections[-1], shown)
    path = output / "depth_histogram.png"
    _draw(path, inspections)
    print(f"histogram: {path}")
    _require_trainable(config, inspections)
    print("training can start")


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        "deepdepth_jax.check_data",
        "Read everything that a config trains, validates and is evaluated on, and "
        "report what is there, missing or broken. Exit code 0 only if training could "
        "start. Any field of the config is overridden by --config.section.field=value.",
    )
    parser.add_argument("--config", type=Path, required=True, help="a config file")
    parser.add_argument(
        "--list", action="store_true", help="name every frame, not the first few"
    )
    parser.add_argument(
        "--output",
        type=cli.folder,
        help="folder for the histogram (runs/<config name>/check_data)",
    )
    return parser


def print_survey(source: Source, shown: int | None) -> None:
    """Prints how many frames are there of how many, and which are not.

    Args:
      source: what to survey.
      shown: how many frames to name of those that lack the same; None for all.
    """
    print(
        f"\n{source.dataset} {source.split_title}, {source.ground_truth_title}, "
        f"{source.place}"
    )
    existing = Counter(map(source.group, source.without_ground_truth))
    expected = Counter(map(source.group, source.expected))
    existing.update(expected)
    present = Counter(map(source.group, source.present))
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
    """Prints what is wrong with the frames that are there, and their depth."""
    if broken := inspection.broken:
        _print_some(f"{len(broken)} are broken", list(broken.values()), shown)
    if empty := inspection.empty:
        _print_some(f"{len(empty)} have no depth at any pixel", empty, shown)
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


def _draw(path: Path, inspections: Sequence[Inspection]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = {
        f"{each.source.dataset} {each.source.split}": each.statistics.per_bin
        for each in inspections
        if each.statistics.per_bin.any()
    }
    save_depth_histogram(path, inspections[0].statistics.bins.edges_m, counts)


def _require_trainable(config: ConfigDict, inspections: Sequence[Inspection]) -> None:
    """Raises what would keep a run from starting, or from coming to its end."""
    problems = []
    for inspection in inspections:
        source = inspection.source
        title = f"{source.dataset} {source.split}"
        if inspection.broken:
            problems.append(f"{title} has {len(inspection.broken)} broken frames")
        if source.split == "train" and not inspection.statistics.per_bin.any():
            problems.append(f"{title} has no pixel with depth within the bins")
        if config.data.canonical_focal_px and source.without_focal_length:
            problems.append(
                f"{title} has frames without a focal length, which "
                "data.canonical_focal_px needs"
            )
    if problems:
        raise UserError(f"training could not start: {'; '.join(problems)}")


if __name__ == "__main__":
    cli.run(main)
