"""Safetensors files."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from deepdepth_jax import atomic
from deepdepth_jax.errors import UserError


def write_safetensors(
    path: Path, tensors: Mapping[str, np.ndarray], header: Mapping[str, str]
) -> None:
    """Writes a safetensors file, whole or not at all.

    The same tensors and header make the same bytes.

    Raises:
      UserError: the file cannot be written.
    """
    # `np.ascontiguousarray` would turn a scalar into a vector.
    contiguous = {name: np.asarray(x, order="C") for name, x in tensors.items()}
    with atomic.replacement(path) as partial:
        try:
            save_file(contiguous, partial, dict(header))
        except SafetensorError as error:
            raise UserError(f"{path}: cannot be written ({error})") from error
        _sort_metadata(partial)


def _sort_metadata(path: Path) -> None:
    """Sorts the metadata of a file by name: safetensors writes them in random order."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        # The same characters in another order, hence of the same length.
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
        file.seek(8)
        file.write(text.encode().ljust(size))
