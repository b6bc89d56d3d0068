"""Metadata that documents an exported model within its file."""

import dataclasses
import importlib.metadata
from typing import Any

from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.inference.saved_network import SavedNetwork
from deepdepth_jax.uncertainty.confidence import INTERVAL

INPUT = (
    "image: uint8 (batch, height, width, 3), RGB, 0 to 255, of any batch, height and "
    "width, without any normalisation. Objects should be about as large in pixels as "
    "in the training images, see training_focal_px, or with a canonical_focal_px the "
    "image as large as those, see training_pixels."
)
OUTPUTS = {
    "depth_m": "metres along the optical axis",
    "confidence": "calibrated probability of the most probable bin",
    "entropy_nats": "entropy of the calibrated distribution over the bins",
    "log_depth_std": "standard deviation of ln depth; 0.1 is about 10% of the depth",
    "low_m": f"{INTERVAL[0]:.0%} quantile of depth",
    "high_m": f"{INTERVAL[1]:.0%} quantile of depth",
}


def describe(network: SavedNetwork, pipeline: Pipeline) -> dict[str, Any]:
    """Collects the metadata of an exported model, as JSON values.

    Args:
      network: with the protocols and metrics of its evaluations, if there are any.
      pipeline: the network with its decoding.

    Returns:
      Name -> value. None if unknown.
    """
    head = pipeline.network.head
    [evaluation, *_] = network.details.get("evaluations") or [{}]
    exported = pipeline.outputs if head.has_distribution else ("depth_m",)
    return {
        "package": f"deepdepth_jax {importlib.metadata.version('deepdepth_jax')}",
        "step": network.step,
        "input": INPUT,
        "outputs": {name: OUTPUTS[name] for name in exported},
        "head": type(head).__name__.lower(),
        "bins": dataclasses.asdict(head.bins),
        "decode": pipeline.decode,
        "flip": pipeline.flip,
        "temperature": float(network.trained.temperature),
        "training_focal_px": network.camera.focal_px or None,
        "training_pixels": network.camera.pixels or None,
        "canonical_focal_px": pipeline.canonical_focal_px or None,
        "focal_px": pipeline.focal_px or None,
        "protocol": evaluation.get("protocol"),
        "metrics": evaluation.get("metrics"),
        "licence": network.details.get("licence"),
    }
