"""Writes a model for other runtimes: a file that has been checked, or none."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deepdepth_jax.errors import UserError
from deepdepth_jax.export.parity import check_parity
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.types import Trained


def write_onnx(
    path: Path, pipeline: Pipeline, trained: Trained, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Writes an ONNX model with its metadata inside, and checks it.

    Args:
      path: the file, which is replaced.
      pipeline: the network with its decoding.
      trained: with arrays on the host.
      metadata: see `metadata.describe`. Each value becomes JSON.

    Returns:
      See `check_parity`.

    Raises:
      UserError: the packages are missing, or the file cannot be written.
      ParityError: the model is wrong. No file is left.
    """
    try:
        from deepdepth_jax.export.onnx_model import load_onnx, onnx_model
    except ModuleNotFoundError as error:
        raise UserError(
            f"--format=onnx: needs the package {error.name}: "
            f"{install_command('export')}"
        ) from error
    texts = {name: json.dumps(value) for name, value in metadata.items()}
    model = onnx_model(pipeline, trained, texts)
    with atomic.replacement(path) as partial:
        partial.write_bytes(model.SerializeToString())
        return check_parity(load_onnx(partial), pipeline, trained)


def write_stablehlo(
    path: Path, pipeline: Pipeline, trained: Trained, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Writes the result of `jax.export`, with its metadata in a .json file next to it.

    Arguments, results and errors are those of `write_onnx`.

    Args:
      path: file to write.
      pipeline: the network with its decoding.
      trained: variables on the host.
      metadata: see `metadata.describe`.

    Returns:
      See `check_parity`.
    """
    from deepdepth_jax.export.stablehlo import load_stablehlo, stablehlo_model

    exported = stablehlo_model(pipeline, trained)
    with (
        atomic.replacement(path) as partial,
        atomic.replacement(beside(path)) as described,
    ):
        described.write_text(json.dumps(metadata, indent=2) + "\n")
        partial.write_bytes(exported.serialize())
        return check_parity(load_stablehlo(partial), pipeline, trained)


def beside(path: Path) -> Path:
    """Names the metadata of a StableHLO file, which has no place for it inside."""
    return path.with_name(f"{path.name}.json")


WRITERS: Mapping[str, Callable[..., dict[str, float]]] = MappingProxyType(
    {"onnx": write_onnx, "stablehlo": write_stablehlo}
)
"""The function that writes each format."""
