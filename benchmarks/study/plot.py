"""The image of a study: differences to the reference, with their intervals."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.study.intervals import Interval, interval
from benchmarks.study.table import HEADS, Row
from deepdepth_jax.runtime import atomic

DRAWN = ("abs_rel", "rmse")


def save_plot(path: Path, rows: Sequence[Row], reference: str) -> None:
    """Draws a line for each row, a panel each for AbsRel and RMSE.

    Large dots are means, small ones seeds. What is better than the reference beyond
    its interval is green, what is worse is red. Where nothing is compared, nothing is
    drawn.
    """
    compared = [row for row in rows if row.differences.get("abs_rel")]
    if not compared:
        return
    figure = Figure(figsize=(9, 1.3 + 0.28 * len(compared)), layout="constrained")
    panels = figure.subplots(1, len(DRAWN), sharey=True)
    for axes, name in zip(panels, DRAWN, strict=True):
        axes.axvline(0, color="grey", linewidth=1)
        for place, row in enumerate(compared):
            _draw(axes, place, list(row.differences[name].values()))
        axes.set_xlabel(f"{HEADS[name]}, less {reference}'s (left is better)")
        axes.grid(axis="x", alpha=0.3)
        axes.locator_params(axis="x", nbins=5)
    panels[0].set_yticks(range(len(compared)), [row.title for row in compared])
    panels[0].set_ylim(len(compared) - 0.5, -0.5)
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=130))


def _draw(axes: Axes, place: int, values: Sequence[float]) -> None:
    found = interval(values)
    if found is None:
        return
    colour = _colour(found)
    axes.plot(values, [place] * len(values), ".", color=colour, alpha=0.4, ms=5)
    axes.errorbar(
        found.mean, place, xerr=found.half_width, fmt="o", color=colour, capsize=3, ms=5
    )


def _colour(found: Interval) -> str:
    if not found.excludes_zero:
        return "dimgrey"
    return "C2" if found.mean < 0 else "C3"
