"""Temperature scaling: calibrates a network by one number, fitted on validation."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32
from numpy.polynomial import Polynomial

from deepdepth_jax.bins import IGNORE
from deepdepth_jax.errors import UserError
from deepdepth_jax.losses import cross_entropy
from deepdepth_jax.types import AnyArray

LARGEST_TEMPERATURE = 10.0
LOG_TEMPERATURES = np.linspace(-1, 1, 33) * math.log(LARGEST_TEMPERATURE)
"""Where the likelihood is evaluated: 33 temperatures from 1/10 to 10, 15% apart."""


def nll_by_temperature(
    logits: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> tuple[Float[Array, " temperatures"], Int[Array, ""]]:
    """Sums the negative log-likelihood of the labels at each of `LOG_TEMPERATURES`.

    This costs 33 losses: select the labelled pixels first if they are few.

    Args:
      logits: one score per bin.
      labels: bins in [0, k), or `IGNORE`.

    Returns:
      The sums in nats, and the number of labelled pixels.
    """

    def nll(log_temperature: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.sum(cross_entropy(logits * jnp.exp(-log_temperature), labels))

    # Sequentially, so that only one scaled copy of the logits is in memory.
    sums = jax.lax.map(nll, jnp.asarray(LOG_TEMPERATURES, logits.dtype))
    return sums, jnp.sum(labels != IGNORE)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class TemperatureFit:
    """Finds the temperature of maximum likelihood in one pass over the images.

    The state is one sum for each of `LOG_TEMPERATURES`. The log-likelihood is concave
    in 1 / temperature, so it has a single optimum. The polynomial through the five sums
    around the lowest locates it to 0.1%.

    Attributes:
      nll: sums so far, nats.
      pixels: labelled pixels so far.
    """

    nll: Float[np.ndarray, " temperatures"] = dataclasses.field(
        default_factory=lambda: np.zeros(LOG_TEMPERATURES.size)
    )
    pixels: int = 0

    def add(
        self, nll: Float[AnyArray, " temperatures"], pixels: int | Int[AnyArray, ""]
    ) -> None:
        """Adds the result of `nll_by_temperature` for an image or a batch."""
        self.nll = self.nll + np.asarray(nll, np.float64)
        self.pixels += int(pixels)

    def compute(self) -> float:
        """Computes the temperature.

        Returns:
          The minimiser over [1/10, 10]: the bound if the optimum lies outside, 1 if the
          likelihood does not depend on the temperature.

        Raises:
          UserError: no pixel had a label, or the network's output is not finite.
        """
        if self.pixels == 0:
            raise UserError(
                "the validation split has no labelled pixel to fit a temperature on: "
                "python -m deepdepth_jax.check_data lists missing files"
            )
        if not np.isfinite(self.nll).all():
            raise UserError(
                "the network's output on the validation split is not finite, so no "
                "temperature fits it: train again with a lower train.learning_rate"
            )
        if np.ptp(self.nll) == 0:
            return 1.0
        return math.exp(self._log_minimiser())

    def _log_minimiser(self) -> float:
        last = LOG_TEMPERATURES.size - 1
        best = int(np.argmin(self.nll))
        first = min(max(best - 2, 0), last - 4)
        five = slice(first, first + 5)
        nll = Polynomial.fit(LOG_TEMPERATURES[five], self.nll[five], 4)
        candidates = np.linspace(
            LOG_TEMPERATURES[max(best - 1, 0)],
            LOG_TEMPERATURES[min(best + 1, last)],
            2001,
        )
        return float(candidates[np.argmin(nll(candidates))])
