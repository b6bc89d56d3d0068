"""Safetensors files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from deepdepth_jax.atomic import written_whole


def write_safetensors(
    path: Path, tensors: Mapping[str, np.ndarray], header: Mapping[str, str]
) -> None:
    """Writes a safetensors file, whole or not at all."""
    contiguous = {name: np.ascontiguousarray(x) for name, x in tensors.items()}
    with written_whole(path) as partial:
        save_file(contiguous, partial, dict(header))
