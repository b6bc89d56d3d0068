"""Metric depth from one image, as pixel classification over depth bins."""

import os
from typing import TYPE_CHECKING, Any

# TensorFlow only reads data here: its notes at the start would bury ours, and it shall
# give the same values on every CPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

if TYPE_CHECKING:
    from deepdepth_jax.inference.predictor import DepthPredictor

__version__ = "0.1.0"

__all__ = ["DepthPredictor"]


def __getattr__(name: str) -> Any:
    """Imports the predictor, and JAX with it, when it is first asked for."""
    if name == "DepthPredictor":
        from deepdepth_jax.inference.predictor import DepthPredictor

        return DepthPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
