"""Converts a run into one file of weights, and backbones from and to other programs.

The file of weights may be published on the Hugging Face Hub instead.
"""

import argparse
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from deepdepth_jax.config import FIELDS
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.cli import Parser, checkpoint, path, run
from deepdepth_jax.runtime.paths import HUB, hub_name
from deepdepth_jax.runtime.shipped import by_name

if TYPE_CHECKING:
    from deepdepth_jax.inference.saved_network import SavedNetwork

FILE_SUFFIX = ".safetensors"
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
      UserError: see `convert_file`, `load_backbone`, `load_network` and `publish`. Or
        nothing can be written.
    """
    arguments = _parser().parse_args(argv)
    arguments.input = by_name(arguments.input)
    to_hub = hub_name(arguments.output) is not None
    if not to_hub and arguments.output.suffix != FILE_SUFFIX:
        raise UserError(
            f"--output={arguments.output}: must end in .safetensors, or be "
            f"{HUB}user/name"
        )
    if arguments.output.resolve() == arguments.input.resolve():
        raise UserError(f"--output={arguments.output}: is the input; name another file")
    if to_hub:
        convert = _to_hub
    elif _is_network(arguments.input):
        convert = _to_file
    else:
        convert = DIRECTIONS[arguments.to]
    _refuse_others(arguments, OPTIONS[convert])
    print("\n".join(convert(arguments)))


def _is_network(source: Path) -> bool:
    """Returns whether the input is a depth network, and not a backbone."""
    if source.is_dir() or hub_name(source) is not None:
        return True
    if source.suffix != FILE_SUFFIX or not source.is_file():
        return False
    from deepdepth_jax.inference.network_metadata import holds_network

    return holds_network(source)


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
    return [*conversion.report(), f"wrote {arguments.output}"]


def _to_torchvision(arguments: argparse.Namespace) -> list[str]:
    from deepdepth_jax.models.pretrained import load_backbone
    from deepdepth_jax.weights.conversion import export_torchvision

    lines = export_torchvision(arguments.output, load_backbone(arguments.input))
    return [*lines, f"wrote {arguments.output}"]


def _to_file(arguments: argparse.Namespace) -> list[str]:
    network = _network(arguments)
    from deepdepth_jax.inference.network_file import write_network

    lines = write_network(
        arguments.output, network, dtype=arguments.dtype, licence=arguments.licence
    )
    return [*lines, f"wrote {arguments.output}"]


def _to_hub(arguments: argparse.Namespace) -> list[str]:
    from deepdepth_jax.inference.hugging_face import client, split_name

    name = str(hub_name(arguments.output))
    split_name(name)  # both are quick, unlike loading the network
    client()
    network = _network(arguments)
    from deepdepth_jax.inference.publishing import publish

    return publish(
        network,
        name,
        licence=arguments.licence,
        dtype=arguments.dtype,
        private=arguments.private,
    ).description


def _network(arguments: argparse.Namespace) -> "SavedNetwork":
    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    from deepdepth_jax.inference.network_details import with_evaluations
    from deepdepth_jax.inference.saved_network import load_network

    network = load_network(arguments.input, arguments.checkpoint)
    return with_evaluations(network, arguments.evaluation)


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
        "private": False,
    }
)
OPTIONS = MappingProxyType(
    {
        _to_deepdepth: ("kind", "to", "convention", "stride_on"),
        _to_torchvision: ("to",),
        _to_file: ("dtype", "checkpoint", "licence", "evaluation"),
        _to_hub: ("dtype", "checkpoint", "licence", "evaluation", "private"),
    }
)
"""The options that each conversion takes."""


def _refuse_others(arguments: argparse.Namespace, taken: tuple[str, ...]) -> None:
    """Refuses options that do not apply to a conversion."""
    for name, usual in USUAL.items():
        if name not in taken and getattr(arguments, name) != usual:
            raise UserError(
                f"--{name} does not apply to --input={arguments.input} with "
                f"--to={arguments.to} and --output={arguments.output}; omit it"
            )


def _parser() -> Parser:
    parser = Parser(
        "deepdepth_jax.convert",
        "Convert a run to one file of weights, on this disk or on the Hugging Face "
        "Hub, or ResNet weights to this package's format, or back.",
    )
    parser.add_argument(
        "--input",
        type=path,
        required=True,
        help="the folder of a run, a file of its weights, hub:user/name, anywhere (the "
        "network that comes with the package), or a "
        ".safetensors, .pth, .pt or .h5 file of a backbone",
    )
    parser.add_argument(
        "--output",
        type=path,
        required=True,
        help=".safetensors file to write, or, of a run, hub:user/name to publish it "
        "with a model card on the Hugging Face Hub",
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
    parser.add_argument(
        "--private",
        action="store_true",
        help="with --output=hub:user/name: only its owner may see it",
    )
    return parser


if __name__ == "__main__":
    run(main)
