"""Label maps as files: 16-bit PNG in metres x 256, at the centres of bins."""

import functools
import hashlib
import io

import numpy as np
from jaxtyping import UInt16
from PIL import Image

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.geometry import canonical_scale
from deepdepth_jax.inference.depth_files import DEPTH_PNG_UNITS_PER_METRE


@functools.lru_cache(maxsize=64)  # of a few cameras
def label_codes(
    bins: DepthBins, canonical_focal_px: float, focal_px: float
) -> UInt16[np.ndarray, " k"]:
    """Computes the value that stands for each bin in the label map of an image.

    Training reads the same bin back: it scales depth to the canonical focal length, if
    there is one. A bin that the format cannot hold, as it is narrower than 1/256 m or
    beyond 256 m, has the value 0, which means no label.

    Args:
      bins: of the network.
      canonical_focal_px: the field `data.canonical_focal_px`.
      focal_px: of the image, in its pixels. 0 = unknown.

    Returns:
      Metres x 256 in the image's camera, at the centre of each bin.
    """
    scale = np.float32(canonical_scale(canonical_focal_px, focal_px))
    values = np.round(
        bins.centers_m.astype(np.float64) / scale * DEPTH_PNG_UNITS_PER_METRE
    )
    values = np.where(values < 2**16, values, 0)
    depth_m = (values / DEPTH_PNG_UNITS_PER_METRE).astype(np.float32)
    read_back = np.asarray(bins.label(depth_m * scale))
    is_same = read_back == np.arange(bins.num_bins)
    return np.where(is_same, values, 0).astype(np.uint16)


def encode_png(values: UInt16[np.ndarray, "h w"]) -> bytes:
    """Encodes a map of 16 bits as PNG."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def sha256(data: bytes) -> str:
    """Returns the digest of a file's content, as manifests have it."""
    return hashlib.sha256(data).hexdigest()
