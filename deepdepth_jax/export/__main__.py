"""The model for other runtimes: `python -m deepdepth_jax.export`."""

import argparse

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime import cli

FORMATS = ("onnx", "stablehlo")
OUTPUTS = (
    "depth_m",
    "confidence",
    "entropy_nats",
    "log_depth_std",
    "low_m",
    "high_m",
)


def main(argv: list[str]) -> None:
    """Runs the command."""
    not_given = argparse.Namespace(focal_px=0.0, outputs=None)
    arguments, overrides = _parser().parse_known_args(argv, not_given)

    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    import jax

    from deepdepth_jax.export.files import WRITERS
    from deepdepth_jax.export.metadata import describe
    from deepdepth_jax.export.pipeline import Pipeline
    from deepdepth_jax.inference.network_details import with_evaluations
    from deepdepth_jax.inference.saved_network import load_network
    from deepdepth_jax.runtime.claim import check_same_run
    from deepdepth_jax.runtime.compiled import set_up_compiling

    workdir, output = arguments.workdir, arguments.output
    if output.is_dir():
        raise UserError(f"--output={output}: is a folder; name a file")
    source = arguments.weights or workdir
    network = load_network(source, arguments.checkpoint, overrides)
    if workdir is not None:
        check_same_run(workdir, network.config)
        network = with_evaluations(network)
    set_up_compiling(workdir)
    pipeline = Pipeline.of(network.config, arguments.focal_px, arguments.outputs)
    trained = jax.device_get(network.trained)
    metadata = describe(network, pipeline)
    differences = WRITERS[arguments.format](output, pipeline, trained, metadata)
    print("largest relative difference to the network on random images:")
    for name, difference in differences.items():
        print(f"  {name:<13} {difference:.1e}")
    size_mb = output.stat().st_size / 1e6
    print(f"wrote step {network.step} to {output} ({size_mb:.1f} MB)")


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.export",
        "Export a trained network for other runtimes: 8-bit RGB images of any size in, "
        "depth in metres and confidence out. The exported file is compared with the "
        "network. The run's section `eval` sets the decoding; "
        "--config.eval.decode=median, for instance, overrides one field.",
        takes_config=True,
    )
    cli.add_network(parser)
    parser.add_argument("--format", choices=FORMATS, required=True, help="file format")
    parser.add_argument(
        "--output",
        type=cli.path,
        required=True,
        help="output file, replaced if it exists",
    )
    parser.add_argument(
        "--focal_px",
        type=cli.positive,
        default=argparse.SUPPRESS,
        help="focal length in pixels of the images that the model is given, required "
        "for networks trained with data.canonical_focal_px. (default: none)",
    )
    parser.add_argument(
        "--outputs",
        type=_outputs,
        default=argparse.SUPPRESS,
        metavar="NAME,NAME",
        help=f"outputs of the model, some of {', '.join(OUTPUTS)}. Fewer outputs take "
        "less time. (default: all of the network)",
    )
    return parser


def _outputs(text: str) -> tuple[str, ...]:
    """Parses names of outputs, separated by commas."""
    names = text.split(",")
    for name in names:
        if name not in OUTPUTS:
            raise argparse.ArgumentTypeError(
                f"{name!r} must be one of {', '.join(OUTPUTS)}"
            )
    return tuple(name for name in OUTPUTS if name in names)


if __name__ == "__main__":
    cli.run(main)
