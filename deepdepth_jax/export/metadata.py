"""Metadata that documents an exported model within its file."""

import dataclasses
import importlib.metadata
from pathlib import Path
from typing import Any

from deepdepth_jax.errors import UserError
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.runtime.json_files import read_object
from deepdepth_jax.runtime.workdir import training_focal_px
from deepdepth_jax.uncertainty.confidence import INTERVAL

INPUT = (
    "image: uint8 (batch, height, width, 3), RGB, 0 to 255, of any batch, height and "
    "width, without any normalisation. Objects should be about as large in pixels as "
    "in the training images, see training_focal_px."
)
OUTPUTS = {
    "depth_m": "metres along the optical axis",
    "confidence": "calibrated probability of the most probable bin",
    "entropy_nats": "entropy of the calibrated distribution over the bins",
    "log_depth_std": "standard deviation of ln depth; 0.1 is about 10% of the depth",
    "low_m": f"{INTERVAL[0]:.0%} quantile of depth",
    "high_m": f"{INTERVAL[1]:.0%} quantile of depth",
}


def describe(
    workdir: Path, pipeline: Pipeline, step: int, temperature: float
) -> dict[str, Any]:
    """Collects the metadata of an exported model, as JSON values.

    Args:
      workdir: of the run.
      pipeline: the network with its decoding.
      step: of the checkpoint.
      temperature: of the checkpoint.

    Returns:
      Name -> value. None if unknown. `protocol` and `metrics` are those of
      the run's last evaluation, if it was of this checkpoint.
    """
    evaluation = _evaluation(workdir, step)
    head = pipeline.network.head
    exported = pipeline.outputs if head.has_distribution else ("depth_m",)
    return {
        "package": f"deepdepth_jax {importlib.metadata.version('deepdepth_jax')}",
        "step": step,
        "input": INPUT,
        "outputs": {name: OUTPUTS[name] for name in exported},
        "head": type(head).__name__.lower(),
        "bins": dataclasses.asdict(head.bins),
        "decode": pipeline.decode,
        "flip": pipeline.flip,
        "temperature": temperature,
        "training_focal_px": training_focal_px(workdir) or None,
        "canonical_focal_px": pipeline.canonical_focal_px or None,
        "focal_px": pipeline.focal_px or None,
        "protocol": evaluation.get("protocol"),
        "metrics": evaluation.get("metrics"),
    }


def _evaluation(workdir: Path, step: int) -> dict[str, Any]:
    path = workdir / "eval.json"
    if not path.exists():
        return {}
    evaluation = read_object(path, "evaluate again")
    for name in ("protocol", "metrics"):
        if not isinstance(evaluation.get(name), dict):
            raise UserError(f"{path}: is damaged (no {name}); evaluate again")
    return evaluation if evaluation.get("step") == step else {}
