"""Safetensors files."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import atomic

METADATA_KEY = "deepdepth_jax"
"""The metadata of a backbone. See `models.pretrained`."""
NETWORK_KEY = "deepdepth_jax.network"
"""The metadata of a whole depth network. See `inference.network_file`."""
WITHOUT_NUMPY = ("F4", "F6_", "F8_")
"""How the names of the types begin that NumPy lacks, all of 8 bits or fewer."""


def read_safetensors(path: Path, remedy: str) -> dict[str, np.ndarray]:
    """Reads all tensors of a safetensors file.

    Args:
      path: the file.
      remedy: advice for the user where the file is damaged, for the message.

    Returns:
      The tensors by name.

    Raises:
      UserError: it is no safetensors file, a cut one, or has types that NumPy lacks.
    """
    with _opened(path, remedy) as file:
        types = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    tensors = {}
    for name, type_ in types.items():
        if type_.startswith(WITHOUT_NUMPY):
            raise UserError(
                f"{path}: {name} has the type {type_}, which NumPy lacks; save it in "
                "float32"
            )
        # Opened anew for each: the part of the mapped file that has been read would
        # stay in memory beside its copy as long as the file is open.
        with _opened(path, remedy) as file:
            tensors[name] = file.get_tensor(name)
    return tensors


def read_header(path: Path, remedy: str) -> dict[str, str]:
    """Reads the metadata of a safetensors file.

    Arguments and errors are those of `read_safetensors`.
    """
    with _opened(path, remedy) as file:
        return file.metadata() or {}


@contextlib.contextmanager
def _opened(path: Path, remedy: str) -> Iterator[safe_open]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise UserError(
            f"{path}: no safetensors file, or a cut one ({error}); {remedy}"
        ) from error


def write_safetensors(
    path: Path, tensors: Mapping[str, np.ndarray], header: Mapping[str, str]
) -> None:
    """Writes a safetensors file, whole or not at all.

    The same tensors and header make the same bytes.

    Args:
      path: file to write.
      tensors: tensors by name.
      header: texts by name.

    Raises:
      UserError: the file cannot be written.
    """
    # `np.ascontiguousarray` would turn a scalar into a vector.
    contiguous = {name: np.asarray(x, order="C") for name, x in tensors.items()}
    with atomic.replacement(path) as partial:
        partial.touch()
        usual_mode = partial.stat().st_mode
        try:
            save_file(contiguous, partial, dict(header))
        except SafetensorError as error:
            raise UserError(f"{path}: cannot be written ({error})") from error
        partial.chmod(usual_mode)  # safetensors lets nobody else read its files
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
