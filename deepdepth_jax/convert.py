"""Converts a run into one file of weights, and backbones from and to other programs."""

import argparse
from types import MappingProxyType

from deepdepth_jax.config import FIELDS
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.cli import Parser, checkpoint, path, run

DTYPES = ("float32", "bfloat16", "float16")
KINDS = (
    "deeplab_v2_coco",
    "deeplab_v2",
    "caffe_port",
    "huggingface",
    "keras",
    "torchvision",
)


def main(argv: list[str]) -> None:
    """Converts one file or run and prints its architecture and the dropped tensors.

    Raises:
      UserError: see `convert_file`, `load_backbone` and `load_run`. Or nothing can be
        written.
    """
    arguments = _parser().parse_args(argv)
    if arguments.output.suffix != ".safetensors":
        raise UserError(f"--output={arguments.output}: must end in .safetensors")
    if arguments.output.resolve() == arguments.input.resolve():
        raise UserError(f"--output={arguments.output}: is the input; name another file")
    convert = _from_run if arguments.input.is_dir() else DIRECTIONS[arguments.to]
    _refuse_others(arguments, OPTIONS[convert])
    lines = convert(arguments)
    print("\n".join([*lines, f"wrote {arguments.output}"]))


def _to_deepdepth(arguments: argparse.Namespace) -> list[str]:
    from deepdepth_jax.models.pretrained import save_backbone
    from deepdepth_jax.weights.conversion import convert_file

    conversion = convert_file(
        arguments.input,
        kind=arguments.kind,
        convention=arguments.convention,
        stride_on=arguments.stride_on,
    )
    save_backbone(arguments.output, conversion.backbone)
    return conversion.report()


def _to_torchvision(arguments: argparse.Namespace) -> list[str]:
    from deepdepth_jax.models.pretrained import load_backbone
    from deepdepth_jax.weights.conversion import export_torchvision

    return export_torchvision(arguments.output, load_backbone(arguments.input))


def _from_run(arguments: argparse.Namespace) -> list[str]:
    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    from deepdepth_jax.inference.network_file import write_network
    from deepdepth_jax.inference.saved_network import load_run, with_evaluations

    network = load_run(arguments.input, arguments.checkpoint)
    network = with_evaluations(network, arguments.input, arguments.evaluation)
    return write_network(
        arguments.output, network, dtype=arguments.dtype, licence=arguments.licence
    )


DIRECTIONS = MappingProxyType(
    {"deepdepth": _to_deepdepth, "torchvision": _to_torchvision}
)
USUAL = MappingProxyType(
    {
        "kind": "auto",
        "to": "deepdepth",
        "convention": "usual",
        "stride_on": "usual",
        "dtype": "float32",
        "checkpoint": "best",
        "licence": None,
        "evaluation": (),
    }
)
OPTIONS = MappingProxyType(
    {
        _to_deepdepth: ("kind", "to", "convention", "stride_on"),
        _to_torchvision: ("to",),
        _from_run: ("dtype", "checkpoint", "licence", "evaluation"),
    }
)
"""The options that each conversion takes."""


def _refuse_others(arguments: argparse.Namespace, taken: tuple[str, ...]) -> None:
    """Refuses options that do not apply to a conversion."""
    for name, usual in USUAL.items():
        if name not in taken and getattr(arguments, name) != usual:
            raise UserError(
                f"--{name} does not apply to --input={arguments.input} and "
                f"--to={arguments.to}; omit it"
            )


def _parser() -> Parser:
    parser = Parser(
        "deepdepth_jax.convert",
        "Convert a run to one file of weights, or ResNet weights to this package's "
        "format, or back.",
    )
    parser.add_argument(
        "--input",
        type=path,
        required=True,
        help="the folder of a run, or a .safetensors, .pth, .pt or .h5 file",
    )
    parser.add_argument(
        "--output", type=path, required=True, help=".safetensors file to write"
    )
    parser.add_argument(
        "--kind",
        default=USUAL["kind"],
        choices=["auto", *KINDS],
        help="source of the input",
    )
    parser.add_argument(
        "--to",
        default=USUAL["to"],
        choices=[*DIRECTIONS],
        help="tensor names of the output. torchvision needs a converted file as input",
    )
    parser.add_argument(
        "--convention",
        default=USUAL["convention"],
        choices=["usual", *FIELDS["model.input_convention"].choices],
        help="input convention, if not the source's usual one",
    )
    parser.add_argument(
        "--stride_on",
        default=USUAL["stride_on"],
        choices=["usual", *FIELDS["model.stride_on"].choices],
        help="convolution with the stride, if not the source's usual one",
    )
    parser.add_argument(
        "--dtype",
        default=USUAL["dtype"],
        choices=DTYPES,
        help="of a run: dtype of the kernels in the file",
    )
    parser.add_argument(
        "--checkpoint",
        type=checkpoint,
        default=USUAL["checkpoint"],
        help="of a run: last, best (by validation), or a step",
    )
    parser.add_argument(
        "--licence",
        default=USUAL["licence"],
        metavar="NAME",
        help="of a run: the licence of the weights, such as Apache-2.0",
    )
    parser.add_argument(
        "--evaluation",
        type=path,
        nargs="+",
        default=USUAL["evaluation"],
        metavar="EVAL_JSON",
        help="of a run: further results to store in the file, from `main "
        "--mode=evaluate --output=FOLDER`",
    )
    return parser


if __name__ == "__main__":
    run(main)
