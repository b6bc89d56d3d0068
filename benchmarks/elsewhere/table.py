"""The bench's table: a row for each network on each data set, and their means."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

QUANTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AbsRel": ("metrics", "abs_rel"),
        "RMSE, m": ("metrics", "rmse"),
        "d1": ("metrics", "d1"),
        "median-scaled AbsRel": ("median_scaled", "abs_rel"),
        "NLL": ("confidence", "own", "nll"),
        "ECE": ("confidence", "own", "ece"),
        "coverage": ("confidence", "own", "coverage_90"),
        "NLL, T": ("confidence", "calibrated", "nll"),
        "ECE, T": ("confidence", "calibrated", "ece"),
        "coverage, T": ("confidence", "calibrated", "coverage_90"),
        "AURG": ("confidence", "sparsification", "entropy", "aurg_abs_rel"),
    }
)
"""Where the columns stand in eval.json. T: after the run's own temperature."""

MEAN = "mean"


def read(results: Mapping[str, Any]) -> dict[str, float]:
    """Reads the columns of one evaluation. NaN: the evaluation has no such number."""
    return {name: _read(results, path) for name, path in QUANTITIES.items()}


def _read(results: Any, path: Sequence[str]) -> float:
    for key in path:
        results = results.get(key) if isinstance(results, Mapping) else None
    return math.nan if results is None else float(results)


def with_mean(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Adds the mean over data sets, each of the same weight."""
    each = list(rows.values())
    mean = {name: sum(row[name] for row in each) / len(each) for name in QUANTITIES}
    return {**{name: dict(row) for name, row in rows.items()}, MEAN: mean}


def markdown(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Writes the table in Markdown.

    Args:
      found: the columns, by network and data set.

    Returns:
      The table. A number that does not exist is an empty cell.
    """
    lines = [
        "| network | data | " + " | ".join(QUANTITIES) + " |",
        "|---|---|" + "---|" * len(QUANTITIES),
    ]
    for network, rows in found.items():
        for place, row in rows.items():
            cells = [_cell(row[name]) for name in QUANTITIES]
            lines.append(f"| {network} | {place} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
