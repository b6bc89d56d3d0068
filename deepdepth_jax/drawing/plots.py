"""Plots of depth, calibration, sparsification and pseudo-labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from deepdepth_jax.drawing.style import depth_axis, figure_with_axes, in_default_style
from deepdepth_jax.runtime import atomic

Curve = Float[np.ndarray, " steps"]

TITLES = {"abs_rel": "AbsRel", "rmse": "RMSE in metres", "d1": "1 - d1"}


@in_default_style
def save_depth_histogram(
    path: Path,
    edges_m: Float[np.ndarray, " edges"],
    counts: Mapping[str, Int[np.ndarray, " bins"]],
) -> None:
    """Draws the share of each data set's pixels in each bin.

    Args:
      path: file to write.
      edges_m: edges of the bins in metres.
      counts: number of pixels in each bin, by name of the data set.
    """
    figure, [axes] = figure_with_axes((7.2,), (3.3,), top=0.15)
    for name, pixels in counts.items():
        axes.stairs(100 * pixels / pixels.sum(), edges_m, label=name, linewidth=1.5)
    depth_axis(axes, edges_m)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"depth in metres, in the {len(edges_m) - 1} bins of the config")
    axes.set_ylabel("% of the labelled pixels")
    if counts:
        axes.legend()
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=120))


@in_default_style
def save_reliability_diagram(
    path: Path,
    max_probability: Float[np.ndarray, " b"],
    accuracy: Float[np.ndarray, " b"],
    pixels: Int[np.ndarray, " b"],
) -> None:
    """Draws the accuracy of the most probable bin over its probability.

    A histogram below shows the number of pixels by probability.

    Args:
      path: file to write.
      max_probability: mean of the highest probability in each of b bins of equal width
        over [0, 1], NaN if the bin is empty.
      accuracy: share of the bin's pixels whose most probable bin is the true one.
      pixels: number of pixels in the bin.
    """
    figure, (top, bottom) = figure_with_axes((4.2,), (4.2, 1.0), top=0.15)
    edges = np.linspace(0, 1, len(pixels) + 1)
    top.plot((0, 1), (0, 1), "--", color="grey", label="calibrated")
    top.stairs(np.nan_to_num(accuracy), edges, fill=True, alpha=0.25, color="C0")
    top.plot(max_probability, accuracy, "o-", color="C0", label="measured")
    top.set(xlim=(0, 1), ylim=(0, 1))
    top.tick_params(labelbottom=False)
    top.set_ylabel("share of pixels where it is the true bin")
    top.legend(loc="upper left")
    bottom.stairs(100 * pixels / max(pixels.sum(), 1), edges, fill=True, color="C0")
    bottom.set(xlim=(0, 1), xlabel="probability of the most probable bin")
    bottom.set_ylim(bottom=0)
    bottom.set_ylabel("% of pixels")
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=110))


@in_default_style
def save_sparsification_curves(
    path: Path,
    removed: Curve,
    curves: Mapping[str, Mapping[str, tuple[Curve, Curve, Curve]]],
) -> None:
    """Draws the error of the remaining pixels over the removed share.

    All uncertainties share the axes of an error, and its curves of the oracle and of
    random removal. The area between the oracle and the first of them is shaded: its
    AUSE.

    Args:
      path: file to write.
      removed: shares in [0, 1).
      curves: curves of model, oracle and random by the name of the uncertainty, then
        by that of the error. See `sparsification.Curves`.
    """
    first = next(iter(curves.values()))
    figure, grid = figure_with_axes([3.45] * len(first), (2.8,), bottom=0.85)
    for axes, (error, (shaded, oracle, random)) in zip(
        grid, first.items(), strict=True
    ):
        axes.plot(100 * removed, random, ":", color="grey", label="random")
        for name, of_errors in curves.items():
            model = of_errors[error][0]
            axes.plot(100 * removed, model, label=f"by {name.replace('_', ' ')}")
        axes.plot(100 * removed, oracle, "--", color="black", label="oracle")
        axes.fill_between(100 * removed, oracle, shaded, color="C0", alpha=0.25)
        axes.set(xlim=(0, 100), xlabel="% of pixels removed")
        axes.set_ylim(bottom=0)
        axes.set_title(TITLES.get(error, error))
    grid[0].set_ylabel("error of the remaining pixels")
    lines = grid[0].get_lines()
    figure.legend(handles=lines, loc="lower center", ncols=len(lines))
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=110))


@in_default_style
def save_label_statistics(
    path: Path,
    edges_m: Float[np.ndarray, " edges"],
    rounds: Mapping[str, Mapping[str, Any]],
) -> None:
    """Draws which depths have pseudo-labels, and how far these are off.

    Args:
      path: file to write.
      edges_m: edges of the bins in metres.
      rounds: by their names. See `measures.LabelStatistics.compute`.
    """
    figure, (top, bottom) = figure_with_axes(
        (6.2,), (2.4, 2.4), left=0.9, top=0.15, gap=0.55
    )
    for name, found in rounds.items():
        shares, errors = (
            np.array(found[key], float)  # None becomes NaN
            for key in ("selected_share_by_true_bin", "mean_log_error_by_label")
        )
        top.stairs(100 * shares, edges_m, label=f"round {name}")
        bottom.stairs(errors, edges_m, baseline=None)
    bottom.axhline(0, color="grey", linewidth=0.8)
    for axes in (top, bottom):
        depth_axis(axes, edges_m)
    top.set_ylabel("% of the pixels that are labelled")
    top.set_xlabel("true depth")
    bottom.set_ylabel("mean of ln(label / truth)")
    bottom.set_xlabel("depth of the label")
    top.legend()
    atomic.write(path, lambda partial: figure.savefig(partial, dpi=120))
