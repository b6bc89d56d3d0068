"""Confidence: read off the distribution over the bins, calibrated, and measured.

Pure functions of arrays. May import the pure modules at the top only.
"""

from deepdepth_jax.uncertainty.confidence import max_probability

__all__ = ["max_probability"]
