"""Temperature scaling: one number, fitted on validation, that calibrates a network."""

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
"""Where the likelihood is taken: 33 temperatures from 1/10 to 10, 15% apart."""


def at_temperature(
    logits: Float[Array, "*n k"], temperature: float | Float[Array, ""]
) -> Float[Array, "*n k"]:
    """Computes softmax(logits / temperature) (Guo et al. 2017, eq. 9).

    More than 1 makes a network less sure, less than 1 surer; the most probable bin
    stays. Log-probabilities are logits too: a distribution that was averaged is scaled
    by way of its logarithm.
    """
    return jax.nn.softmax(logits / temperature)


def nll_by_temperature(
    logits: Float[Array, "*n k"], labels: Int32[Array, "*n"]
) -> tuple[Float[Array, " temperatures"], Int[Array, ""]]:
    """Sums the negative log-likelihood of the labels at each of `LOG_TEMPERATURES`.

    The cost is that of as many losses: give the labelled pixels alone where they are
    few.

    Args:
      logits: one score a bin.
      labels: bins in [0, k), or `IGNORE`, which does not count.

    Returns:
      The sums in nats, and the number of pixels with a label.
    """

    def nll(log_temperature: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.sum(cross_entropy(logits * jnp.exp(-log_temperature), labels))

    # One temperature after the other, so that one scaled copy of the logits lives.
    sums = jax.lax.map(nll, jnp.asarray(LOG_TEMPERATURES, logits.dtype))
    return sums, jnp.sum(labels != IGNORE)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class TemperatureFit:
    """Finds the temperature of the highest likelihood, in one pass over the images.

    What is kept is one sum for each of `LOG_TEMPERATURES`. The log-likelihood is
    concave in 1 / temperature, so there is no second optimum to be caught in. The
    polynomial through the five sums about the lowest gives the temperature to 0.1%.

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
        """Adds what `nll_by_temperature` gives for an image, or for a batch."""
        self.nll = self.nll + np.asarray(nll, np.float64)
        self.pixels += int(pixels)

    def compute(self) -> float:
        """Gives the temperature.

        Returns:
          The minimiser over [1/10, 10]; a network whose optimum lies outside gets the
          bound, and one whose likelihood does not depend on temperature gets 1.

        Raises:
          UserError: no pixel had a label, or the network's output is not finite.
        """
        if self.pixels == 0:
            raise UserError(
                "the validation split has no labelled pixel to fit a temperature on: "
                "python -m deepdepth_jax.check_data tells what is missing"
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
