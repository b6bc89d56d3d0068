"""The model for other runtimes: `python -m deepdepth_jax.export`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax

from deepdepth_jax import cli
from deepdepth_jax.config import complete, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference import Trained
from deepdepth_jax.models.checkpoint_files import written_whole
from deepdepth_jax.portable.metadata import describe
from deepdepth_jax.portable.parity import check_parity
from deepdepth_jax.portable.pipeline import Pipeline
from deepdepth_jax.restore import restore
from deepdepth_jax.workdir import check_same_run, stored_config


def write_onnx(
    path: Path, pipeline: Pipeline, trained: Trained, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Writes an ONNX model with its metadata inside, and checks it.

    Args:
      path: the file, which is replaced.
      pipeline: what is done with a picture.
      trained: with arrays on the host.
      metadata: see `portable.metadata.describe`; each value becomes JSON.

    Returns:
      See `check_parity`.

    Raises:
      UserError: the packages are missing, or the file cannot be written.
      ParityError: the model is wrong; no file is left.
    """
    try:
        from deepdepth_jax.portable.onnx_model import load_onnx, onnx_model
    except ModuleNotFoundError as error:
        raise UserError(
            f"--format=onnx: needs the package {error.name}; "
            'pip install "deepdepth-jax[export]"'
        ) from error
    texts = {name: json.dumps(value) for name, value in metadata.items()}
    model = onnx_model(pipeline, trained, texts)
    with written_whole(path) as partial:
        partial.write_bytes(model.SerializeToString())
        return check_parity(load_onnx(partial), pipeline, trained)


def write_stablehlo(
    path: Path, pipeline: Pipeline, trained: Trained, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Writes what `jax.export` makes, with its metadata in a .json beside it.

    Arguments, results and errors are those of `write_onnx`.
    """
    from deepdepth_jax.portable.stablehlo import load_stablehlo, stablehlo_model

    exported = stablehlo_model(pipeline, trained)
    with written_whole(path) as partial, written_whole(beside(path)) as described:
        described.write_text(json.dumps(metadata, indent=2) + "\n")
        partial.write_bytes(exported.serialize())
        return check_parity(load_stablehlo(partial), pipeline, trained)


def beside(path: Path) -> Path:
    """Names the metadata of a StableHLO file, which has no place for it inside."""
    return path.with_name(f"{path.name}.json")


FORMATS: Mapping[str, Callable[..., dict[str, float]]] = MappingProxyType(
    {"onnx": write_onnx, "stablehlo": write_stablehlo}
)


def main(argv: list[str]) -> None:
    """Runs the command."""
    arguments, overrides = _parser().parse_known_args(argv)
    workdir, output = arguments.workdir, arguments.output
    if output.is_dir():
        raise UserError(f"--output={output}: is a folder; give a file")
    config = complete(override(stored_config(workdir), overrides))
    check_same_run(workdir, config)
    pipeline = Pipeline.of(config, arguments.focal_px)
    step, trained = restore(config, workdir, arguments.checkpoint)
    trained = jax.device_get(trained)
    temperature = float(trained.temperature)
    metadata = describe(workdir, pipeline, step, temperature)
    write = FORMATS[arguments.format]
    differences = write(output, pipeline, trained, metadata)
    print("largest relative difference to the network, on random pictures:")
    for name, difference in differences.items():
        print(f"  {name:<13} {difference:.1e}")
    size_mb = output.stat().st_size / 1e6
    print(f"wrote step {step} to {output} ({size_mb:.1f} MB)")


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.export",
        "Export a trained network for other runtimes: 8-bit RGB pictures of any size "
        "in, metres and confidence out. The written file is checked against the "
        "network. What happens to the depth is that of the run's section `eval`; "
        "--config.eval.decode=median, for instance, overrides a field of it.",
    )
    parser.add_argument(
        "--workdir", type=cli.folder, required=True, help="the folder of a trained run"
    )
    parser.add_argument(
        "--format", choices=[*FORMATS], required=True, help="what to write"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="a file, replaced if it is there"
    )
    parser.add_argument(
        "--checkpoint",
        type=cli.checkpoint,
        default="best",
        help="last, best by validation, or a step",
    )
    parser.add_argument(
        "--focal_px",
        type=float,
        default=0.0,
        help="focal length, in pixels, of the camera that the model is for; needed by "
        "networks that were trained with data.canonical_focal_px",
    )
    return parser


if __name__ == "__main__":
    cli.run(main)
