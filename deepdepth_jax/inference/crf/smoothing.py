"""The Gaussian filter over positions, which is separable and needs no lattice."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_CUT_AT = 4  # standard deviations; 6e-5 of a Gaussian lies beyond


def smooth(x: Float[Array, "h w k"], theta_px: float) -> Float[Array, "h w k"]:
    """Sums over all pixels, weighted by a normalised Gaussian of their distance.

    Args:
      x: one image.
      theta_px: the Gaussian's standard deviation.

    Returns:
      D^-1/2 G D^-1/2 x, where G_ij = exp(-|i - j|^2 / (2 theta^2)), i = j included, and
      D is the diagonal matrix of G's row sums.
    """
    height, width, k = x.shape
    radius = int(np.ceil(_CUT_AT * theta_px))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / theta_px) ** 2)
    scale = np.outer(_scale(height, taps), np.repeat(_scale(width, taps), k))
    flat = jnp.reshape(x, (height, width * k)) * scale
    # A strip of rows at a time stays in a CPU's cache; XLA would fuse the two passes.
    rows = 2 * radius
    strips = -(-height // rows)
    below = radius + strips * rows - height
    padded = jnp.pad(flat, ((radius, below), (radius * k, radius * k)))
    band = _band(taps, rows)

    def smooth_strip(strip: Array) -> Array:
        window = jax.lax.dynamic_slice_in_dim(padded, strip * rows, rows + 2 * radius)
        vertically = jnp.matmul(band, window, precision="highest")
        return sum(
            tap * jax.lax.slice_in_dim(vertically, i * k, (i + width) * k, axis=1)
            for i, tap in enumerate(taps.tolist())
        )

    smoothed = jax.lax.map(smooth_strip, jnp.arange(strips)).reshape(-1, width * k)
    return jnp.reshape(smoothed[:height] * scale, x.shape)


def _scale(length: int, taps: np.ndarray) -> np.ndarray:
    """Returns D^-1/2 along one axis: the row sums of G are a product over the axes."""
    radius = len(taps) // 2
    sums = np.convolve(np.ones(length), taps)[radius : radius + length]
    return (1 / np.sqrt(sums)).astype(np.float32)


def _band(taps: np.ndarray, rows: int) -> np.ndarray:
    """Returns the matrix whose row i holds the taps from column i on."""
    band = np.zeros((rows, rows + len(taps) - 1), np.float32)
    for row in range(rows):
        band[row, row : row + len(taps)] = taps
    return band
