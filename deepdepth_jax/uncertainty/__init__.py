"""How sure the network is of a pixel, and how far that can be believed.

`confidence` reads measures off the distribution over the bins, `temperature` makes the
distribution fit held-out truth, `calibration` measures how well probabilities agree
with frequencies, `sparsification` how well uncertainty ranks errors.
"""

from deepdepth_jax.uncertainty.confidence import max_probability

__all__ = ["max_probability"]
