"""Converts ResNet weights of other programs into ours, and ours into torchvision's."""

import argparse
from types import MappingProxyType

from deepdepth_jax.config import FIELDS
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.cli import Parser, path, run

KINDS = (
    "deeplab_v2_coco",
    "deeplab_v2",
    "caffe_port",
    "huggingface",
    "keras",
    "torchvision",
)


def main(argv: list[str]) -> None:
    """Converts one file and prints its architecture and the dropped tensors.

    Raises:
      UserError: see `convert_file` and `load_backbone`. Or nothing can be written.
    """
    arguments = _parser().parse_args(argv)
    if arguments.output.suffix != ".safetensors":
        raise UserError(f"--output={arguments.output}: let it end in .safetensors")
    if arguments.output.resolve() == arguments.input.resolve():
        raise UserError(f"--output={arguments.output}: is the input; give another file")
    lines = DIRECTIONS[arguments.to](arguments)
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

    for name, usual in USUAL.items():
        if getattr(arguments, name) != usual:
            raise UserError(f"--{name} has no meaning with --to=torchvision; leave it")
    return export_torchvision(arguments.output, load_backbone(arguments.input))


DIRECTIONS = MappingProxyType(
    {"deepdepth": _to_deepdepth, "torchvision": _to_torchvision}
)
USUAL = MappingProxyType({"kind": "auto", "convention": "usual", "stride_on": "usual"})


def _parser() -> Parser:
    parser = Parser(
        "deepdepth_jax.convert", "Convert ResNet weights into ours, or back."
    )
    parser.add_argument(
        "--input",
        type=path,
        required=True,
        help=".safetensors, .pth, .pt or .h5 file",
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
        default="deepdepth",
        choices=[*DIRECTIONS],
        help="names in the output; torchvision takes a converted file as input",
    )
    parser.add_argument(
        "--convention",
        default=USUAL["convention"],
        choices=["usual", *FIELDS["model.input_convention"].choices],
        help="input convention, if it is not the usual one of the source",
    )
    parser.add_argument(
        "--stride_on",
        default=USUAL["stride_on"],
        choices=["usual", *FIELDS["model.stride_on"].choices],
        help="convolution with the stride, if it is not the usual one of the source",
    )
    return parser


if __name__ == "__main__":
    run(main)
