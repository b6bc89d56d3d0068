"""What a study found, from the files of its cells: study.json and study.md."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.study.grid import OWN, Run, row_title
from benchmarks.study.intervals import Interval, interval, paired_differences
from deepdepth_jax.runtime import atomic

QUANTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "abs_rel": ("metrics", "abs_rel"),
        "rmse": ("metrics", "rmse"),
        "rmse_log": ("metrics", "rmse_log"),
        "si_rmse_log": ("metrics", "si_rmse_log"),
        "d1": ("metrics", "d1"),
        "near_edges": ("by_edge", "near edges", "abs_rel"),
        "away_from_edges": ("by_edge", "away from edges", "abs_rel"),
        "nll": ("confidence", "calibrated", "nll"),
        "ece": ("confidence", "calibrated", "ece"),
        "aurg": ("confidence", "sparsification", "entropy", "aurg_abs_rel"),
    }
)
"""Where they stand in eval.json."""

HEADS: Mapping[str, str] = MappingProxyType(
    {
        "abs_rel": "AbsRel",
        "rmse": "RMSE, m",
        "rmse_log": "RMSE(log)",
        "si_rmse_log": "SI-RMSE(log)",
        "d1": "d1",
        "near_edges": "AbsRel near edges",
        "away_from_edges": "AbsRel away from edges",
        "nll": "NLL, nats",
        "ece": "ECE",
        "aurg": "AURG(entropy), AbsRel",
    }
)
DIGITS: Mapping[str, int] = MappingProxyType(dict.fromkeys(HEADS, 4) | {"rmse": 3})
DEPTH = ("abs_rel", "rmse", "rmse_log", "si_rmse_log", "d1")
COMPARED = ("abs_rel", "rmse", "near_edges")
REST = ("near_edges", "away_from_edges", "nll", "ece", "aurg")


@dataclasses.dataclass(frozen=True)
class Row:
    """What was read off a variant's networks in one way.

    Attributes:
      variant, reading: their names.
      values: of each of `QUANTITIES`, by seed. Those that there are.
      differences: the same less the reference's with the same seed.
      seconds: that its processes took, by seed.
    """

    variant: str
    reading: str
    values: Mapping[str, Mapping[int, float]]
    differences: Mapping[str, Mapping[int, float]]
    seconds: Mapping[int, float]

    @property
    def title(self) -> str:
        """Names it."""
        return row_title(self.variant, self.reading)

    def described(self) -> dict[str, Any]:
        """Returns what study.json holds of it."""
        return {
            "variant": self.variant,
            "reading": self.reading,
            "seconds": self.seconds,
            "values": _described(self.values),
            "differences": _described(self.differences),
        }


def _described(values: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    described = {}
    for name, by_seed in values.items():
        found = interval(list(by_seed.values()))
        if found is not None:
            described[name] = dataclasses.asdict(found) | {"by_seed": by_seed}
    return described


def collect(runs: Sequence[Run], reference: str) -> list[Row]:
    """Reads the cells that are done, and compares them with the reference's own."""
    found: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for run in runs:
        for cell in run.cells:
            if cell.is_done():
                of_row = found.setdefault((run.variant, cell.reading), {})
                of_row[run.seed] = cell.load()
    compared_with = _values(found.get((reference, OWN), {}))
    # In the order of the study, also where the first seed lacks some.
    order = dict.fromkeys((run.variant, c.reading) for run in runs for c in run.cells)
    rows = []
    for variant, reading in order:
        cells = found.get((variant, reading), {})
        if cells:
            values = _values(cells)
            differences = {
                name: paired_differences(values[name], compared_with[name])
                for name in QUANTITIES
                if (variant, reading) != (reference, OWN)
            }
            seconds = {seed: cell["seconds"] for seed, cell in cells.items()}
            rows.append(Row(variant, reading, values, differences, seconds))
    return rows


def _values(cells: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    values: dict[str, dict[int, float]] = {name: {} for name in QUANTITIES}
    for seed, cell in cells.items():
        for name, path in QUANTITIES.items():
            value: Any = cell["results"]
            for key in path:
                value = value.get(key, {})
            if isinstance(value, float) and not math.isnan(value):
                values[name][seed] = value
    return values


def write_tables(folder: Path, rows: Sequence[Row], reference: str) -> None:
    """Writes study.json and study.md."""
    described = {"reference": reference, "rows": [row.described() for row in rows]}
    atomic.write(folder / "study.json", json.dumps(described, indent=2) + "\n")
    atomic.write(folder / "study.md", markdown(rows, reference))


def markdown(rows: Sequence[Row], reference: str) -> str:
    """Returns the tables that study.md holds."""
    hours = sum(sum(row.seconds.values()) for row in rows) / 3600
    cells = sum(len(row.seconds) for row in rows)
    parts = [
        "Mean over seeds ± half of its 95% interval (Student).",
        _table("", rows, DEPTH),
        f"Less {reference} with the same seed: mean and 95% interval, bold where that "
        "leaves out 0.",
        _differences([row for row in rows if row.differences], reference),
        "Near edges and away from them; confidence at the fitted temperature.",
        _table("", rows, REST),
        f"{cells} evaluations, trainings included, took {hours:.1f} hours of their "
        "processes, less what was cut off.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(corner: str, rows: Sequence[Row], quantities: Sequence[str]) -> str:
    lines = [[corner, "seeds", *(HEADS[name] for name in quantities)]]
    for row in rows:
        found = [
            _with_half_width(interval(list(row.values[name].values())), DIGITS[name])
            for name in quantities
        ]
        lines.append([row.title, str(len(row.seconds)), *found])
    return _lines(lines)


def _differences(rows: Sequence[Row], reference: str) -> str:
    lines = [[f"less {reference}", "seeds", *(HEADS[name] for name in COMPARED)]]
    for row in rows:
        found = [
            _with_bounds(interval(list(row.differences[name].values())), DIGITS[name])
            for name in COMPARED
        ]
        lines.append([row.title, str(len(row.differences["abs_rel"])), *found])
    return _lines(lines)


def _with_half_width(found: Interval | None, digits: int) -> str:
    if found is None:
        return ""
    mean = f"{found.mean:.{digits}f}"
    if found.half_width is None:
        return mean
    return f"{mean} ± {found.half_width:.{digits}f}"


def _with_bounds(found: Interval | None, digits: int) -> str:
    if found is None:
        return ""
    mean = f"{found.mean:+.{digits}f}"
    if found.half_width is None:
        return mean
    low, high = found.mean - found.half_width, found.mean + found.half_width
    text = f"{mean} ({low:+.{digits}f} to {high:+.{digits}f})"
    return f"**{text}**" if found.excludes_zero else text


def _lines(cells: Sequence[Sequence[str]]) -> str:
    head, *rest = cells
    return "\n".join(
        f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rest]
    )
