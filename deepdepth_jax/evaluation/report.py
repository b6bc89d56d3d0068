"""Results of an evaluation: eval.json, eval.md, a CSV line per image, plots."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.evaluation.protocol import Protocol
from deepdepth_jax.evaluation.published import PUBLISHED
from deepdepth_jax.evaluation.regions import SECTIONS
from deepdepth_jax.runtime import atomic
from deepdepth_jax.uncertainty.sparsification import ERRORS, REMOVED
from deepdepth_jax.uncertainty.summary import UncertaintySummary

MODEL = ""
MEDIAN_SCALED = "median_scaled"
BASELINE = "baseline"

HEADS = {
    "abs_rel": "AbsRel",
    "sq_rel": "SqRel, m",
    "rmse": "RMSE, m",
    "rmse_log": "RMSE(log)",
    "si_rmse_log": "SI-RMSE(log)",
    "silog": "SILog",
    "log10": "log10",
    "d1": "d1",
    "d2": "d2",
    "d3": "d3",
    "irmse": "iRMSE, 1/km",
    "sq_rel_kitti": "SqRel (KITTI)",
}


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation.

    Attributes:
      protocol: data and settings.
      title: name of the evaluated model, such as "step 1200".
      table: the metrics of each image. Groups `MODEL`, `MEDIAN_SCALED`, those of
        `REGIONS`, and `BASELINE` if there is one.
      frames_without_ground_truth: number of frames of the split without any.
      step: of the checkpoint. None for predictions of other programs.
      temperature: of the checkpoint.
      uncertainty: None without distributions.
      conditions: further entries of the protocol in eval.json, found by evaluating.
      remarks: the same for people to read, as far as it is not usual.
    """

    protocol: Protocol
    title: str
    table: ImageTable
    frames_without_ground_truth: int
    step: int | None = None
    temperature: float | None = None
    uncertainty: UncertaintySummary | None = None
    conditions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    remarks: Sequence[str] = ()

    def results(self) -> dict[str, Any]:
        """Builds the content of eval.json.

        Returns:
          Plain JSON values.
        """
        means = {group: self.table.means(group) for group in self.table.groups}
        model = means[MODEL]
        without = model.images_without_ground_truth + self.frames_without_ground_truth
        counts = {"images": model.images, "images_without_ground_truth": without}
        results = {
            "protocol": {
                **dataclasses.asdict(self.protocol),
                **self.conditions,
                **counts,
            },
            "step": self.step,
            "metrics": model.compute(),
            **{
                section: {
                    group: {"images": means[group].images, **means[group].compute()}
                    for group in groups
                }
                for section, groups in SECTIONS.items()
            },
        }
        for group in (MEDIAN_SCALED, BASELINE):
            if group in means:
                results[group] = means[group].compute()
        if self.uncertainty is not None:
            confidence = {"temperature": self.temperature, **self.uncertainty.compute()}
            results["confidence"] = confidence
        return results

    def markdown(self) -> str:
        """Returns the tables that eval.md holds.

        Returns:
          The tables in Markdown.
        """
        results = self.results()
        images = results["protocol"]["images"]
        without = results["protocol"]["images_without_ground_truth"]
        rows = {
            self.title: results["metrics"],
            f"{self.title}, median-scaled": results[MEDIAN_SCALED],
        }
        if BASELINE in results:
            rows["median of the training depths"] = results[BASELINE]
        for published in PUBLISHED.get(self.protocol.dataset, ()):
            rows[f"{published.method}, as published"] = published.metrics
        parts = [
            "; ".join(
                [
                    f"{self.protocol}: {images} images"
                    + (f", {without} without ground truth" if without else ""),
                    *self.remarks,
                ]
            ),
            _metric_table("", rows),
            _metric_table("by true depth", results["by_distance"]),
            _metric_table("by steps of true depth", results["by_edge"]),
        ]
        if "confidence" in results:
            parts += _confidence_tables(results["confidence"])
        elif self.step is not None:
            parts.append("Without a distribution over bins there is no confidence.")
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """Writes eval.json, eval.md, eval_images.csv and the plots of confidence."""
        results = json.dumps(_null_for_nan(self.results()), indent=2, allow_nan=False)
        atomic.write(folder / "eval.json", results + "\n")
        atomic.write(folder / "eval.md", self.markdown())
        self.table.write_csv(folder / "eval_images.csv")
        if self.uncertainty is not None:
            _draw_uncertainty(folder / "figures", self.uncertainty)


def _null_for_nan(value: Any) -> Any:
    """Replaces NaN, the value without a counted pixel: JSON has none."""
    if isinstance(value, Mapping):
        return {key: _null_for_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _draw_uncertainty(folder: Path, uncertainty: UncertaintySummary) -> None:
    from deepdepth_jax.drawing.plots import (
        save_reliability_diagram,
        save_sparsification_curves,
    )

    for name, calibration in {
        "reliability_own": uncertainty.own,
        "reliability": uncertainty.calibrated,
    }.items():
        save_reliability_diagram(folder / f"{name}.png", *calibration.reliability())
    curves = {name: x.curves() for name, x in uncertainty.sparsification.items()}
    save_sparsification_curves(folder / "sparsification.png", REMOVED, curves)


def _metric_table(corner: str, rows: Mapping[str, Mapping[str, float | int]]) -> str:
    cells = {
        name: [f"{row[metric]:.4g}" if metric in row else "" for metric in HEADS]
        for name, row in rows.items()
    }
    return _table([corner, *HEADS.values()], cells)


def _confidence_tables(confidence: Mapping[str, Any]) -> list[str]:
    from deepdepth_jax.drawing.plots import TITLES

    temperature = confidence["temperature"]
    calibration = {
        name: [f"{confidence[kind][measure]:.4f}" for kind in ("own", "calibrated")]
        for name, measure in {
            "negative log-likelihood, nats": "nll",
            "expected calibration error": "ece",
            "share of depths in the 90% interval": "coverage_90",
        }.items()
    }
    areas = [f"{area}_{error}" for error in ERRORS for area in ("ause", "aurg")]
    ranking = {
        name.replace("_", " "): [f"{one[area]:.4f}" for area in areas]
        for name, one in confidence["sparsification"].items()
    }
    heads = [f"{kind}, {TITLES[e]}" for e in ERRORS for kind in ("AUSE", "AURG")]
    return [
        _table(
            ["confidence", "as trained", f"temperature {temperature:.3f}"], calibration
        ),
        _table(["pixels ranked by", *heads], ranking),
    ]


def _table(heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = [
        heads,
        ["---"] * len(heads),
        *([name, *cells] for name, cells in rows.items()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
