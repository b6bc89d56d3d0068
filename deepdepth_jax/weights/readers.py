"""Readers of other programs' checkpoint files. Nothing in a file is executed."""

import importlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.tensor_files import read_safetensors
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.weights.keras_reader import read_h5

# Keys under which training scripts store the state dict.
NESTED_STATE_DICTS = ("state_dict", "model")


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Reads all tensors of a checkpoint, floating-point ones as float32.

    Args:
      path: `.safetensors`, `.pth` or `.pt` (PyTorch), or `.h5` (Keras).

    Returns:
      The tensors by name.

    Raises:
      UserError: the file is missing, truncated, damaged or of another type, or is a
        pickle that holds more than tensors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.suffix not in READERS:
        known = ", ".join(READERS)
        raise UserError(f"{path}: unknown type of checkpoint; known are {known}")
    return {name: _as_float32(x) for name, x in READERS[path.suffix](path).items()}


def require_reader(path: Path) -> None:
    """Checks that files of this type can be read, before one is downloaded.

    Raises:
      UserError: torch is required and not installed.
    """
    if path.suffix in (".pth", ".pt"):
        _import_torch(path)


def digest_in_name(name: str) -> str | None:
    """Returns the digest at the end of a file's name, as `sha256:5d3b4d8f`, or None."""
    match = re.search(r"-([0-9a-f]{8,64})\.(pth|pt)$", name)
    return f"sha256:{match[1]}" if match else None


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    return read_safetensors(path, "download it again")


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    torch = _import_torch(path)
    try:
        _check_members(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    # torch raises nearly any exception for a damaged file.
    except Exception as error:
        raise UserError(
            f"{path}: truncated, damaged, or with more than tensors in it, which is "
            f"never unpickled ({_first_line(error)}); download it again, or save its "
            "state dict alone"
        ) from error
    state_dict = _find_state_dict(content, torch.Tensor)
    if state_dict is None:
        raise UserError(f"{path}: holds no state dict; save model.state_dict()")
    return {name: _to_numpy(path, torch, name, x) for name, x in state_dict.items()}


def _check_members(path: Path) -> None:
    """Checks the checksums of a zip file's members, which torch ignores.

    Raises:
      ValueError: a member was modified.
      zipfile.BadZipFile: the zip file is damaged.
    """
    if not zipfile.is_zipfile(path):
        return  # a plain pickle, the format before PyTorch 1.6
    with zipfile.ZipFile(path) as file:
        # `torch.serialization.set_crc32_options(False)` writes zeros.
        checked = any(member.CRC for member in file.infolist())
        changed = file.testzip() if checked else None
    if changed is not None:
        raise ValueError(f"the checksum of {changed} is wrong")


def _import_torch(path: Path) -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise UserError(
            f"{path}: needs torch: {install_command('torch')}, or use the same weights "
            "as .safetensors"
        ) from error


def _find_state_dict(content: Any, tensor: type) -> Mapping[str, Any] | None:
    candidates = [content]
    if isinstance(content, Mapping):
        candidates += [content[key] for key in NESTED_STATE_DICTS if key in content]
    for candidate in candidates:
        if (
            isinstance(candidate, Mapping)
            and candidate
            and all(isinstance(name, str) for name in candidate)
            and all(isinstance(x, tensor) for x in candidate.values())
        ):
            return candidate
    return None


def _to_numpy(path: Path, torch: Any, name: str, x: Any) -> np.ndarray:
    try:
        x = x.detach()
        return (x.to(torch.float32) if x.is_floating_point() else x).numpy()
    # Meta, sparse and quantised tensors, and types that NumPy lacks.
    except (TypeError, RuntimeError) as error:
        raise UserError(
            f"{path}: {name} holds no numbers that can be read ({_first_line(error)}); "
            "save a dense model in float32"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _as_float32(x: np.ndarray) -> np.ndarray:
    # NumPy does not count bfloat16 as a floating-point type.
    floating = x.dtype.kind == "f" or x.dtype.name == "bfloat16"
    return x.astype(np.float32, copy=False) if floating else x


READERS: Mapping[str, Callable[[Path], dict[str, np.ndarray]]] = MappingProxyType(
    {
        ".safetensors": _read_safetensors,
        ".pth": _read_torch,
        ".pt": _read_torch,
        ".h5": read_h5,
    }
)
