"""The loss of JPEG, as a function of an image: quantised cosines of 8 x 8 blocks."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

BLOCK = 8
LUMA_STEPS = np.array(  # Annex K of ITU-T T.81, at quality 50, of levels 0 to 255
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
CHROMA_STEPS = np.full((8, 8), 99)
CHROMA_STEPS[:4, :4] = [
    [17, 18, 24, 47],
    [18, 21, 26, 66],
    [24, 26, 56, 99],
    [47, 66, 99, 99],
]
TO_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
TO_RGB = np.linalg.inv(TO_YCC)


def _cosines() -> np.ndarray:
    """Builds the orthonormal DCT-II: rows are frequencies."""
    k, x = np.mgrid[:BLOCK, :BLOCK]
    matrix = np.cos(np.pi * (2 * x + 1) * k / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    matrix[0] /= np.sqrt(2)
    return matrix


COSINES = _cosines()


def through_jpeg(
    image: Float[Array, "h w 3"], step: Float[Array, ""]
) -> Float[Array, "h w 3"]:
    """Rounds an image as JPEG does, without subsampling of colours.

    Args:
      image: encoded RGB, 0 to 1.
      step: scale of the quantisation tables: 1 is quality 50, .2 is quality 90, 0
        rounds nothing.

    Returns:
      The image.
    """
    height, width, _ = image.shape
    rows, columns = -height % BLOCK, -width % BLOCK
    padded = jnp.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge")
    planes = jnp.einsum("hwc,dc->dhw", padded, jnp.asarray(TO_YCC, jnp.float32))
    tall, wide = planes.shape[1] // BLOCK, planes.shape[2] // BLOCK
    blocks = planes.reshape(3, tall, BLOCK, wide, BLOCK)
    cosines = jnp.asarray(COSINES, jnp.float32)
    frequencies = jnp.einsum("ky,cayxb,lb->caxkl", cosines, blocks, cosines)
    tables = np.stack([LUMA_STEPS, CHROMA_STEPS, CHROMA_STEPS]) / 255
    steps = jnp.asarray(tables, jnp.float32)[:, None, None] * jnp.maximum(step, 1e-4)
    rounded = jnp.round(frequencies / steps) * steps
    blocks = jnp.einsum("ky,caxkl,lb->cayxb", cosines, rounded, cosines)
    planes = blocks.reshape(3, tall * BLOCK, wide * BLOCK)[:, :height, :width]
    return jnp.einsum("dhw,cd->hwc", planes, jnp.asarray(TO_RGB, jnp.float32))
