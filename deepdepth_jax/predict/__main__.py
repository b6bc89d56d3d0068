"""Depth for images that nobody labelled: `python -m deepdepth_jax.predict`."""

import argparse
import math
import re
from pathlib import Path

from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.shipped import SHIPPED

SMALLEST_WINDOW_PX = 16


def main(argv: list[str], shipped: Path = SHIPPED) -> int:
    """Runs the command.

    Args:
      argv: command-line arguments without the program's name.
      shipped: the network to use if the arguments name none.

    Returns:
      The exit code.
    """
    not_given = argparse.Namespace(save=None, scale=None, focal_px=0.0, focal_mm35=0.0)
    arguments = _parser().parse_args(argv, not_given)
    network = cli.named_network(arguments, shipped)

    from deepdepth_jax.runtime.devices import check_devices

    check_devices()
    from deepdepth_jax.predict.inputs import predict_inputs
    from deepdepth_jax.runtime.compiled import set_up_compiling

    set_up_compiling(arguments.workdir)
    return predict_inputs(arguments, network)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.predict",
        "Predict the depth of images and videos. Results are written under the names "
        "of their sources, in the same folders below the output folder.",
    )
    add = parser.add_argument
    cli.add_network(parser, required=False)
    add(
        "--input",
        type=cli.path,
        nargs="+",
        required=True,
        help="images, videos, and folders of them",
    )
    add("--output", type=cli.folder, required=True, help="output folder")
    add(
        "--save",
        type=_kinds,
        default=argparse.SUPPRESS,
        help="comma-separated outputs: depth16 (PNG, metres x 256), npy, pfm and exr "
        "(float32 metres), npz (all maps), color (with a scale in metres), confidence "
        "(probability of the most probable bin, with a scale), pointcloud (PLY), "
        "sidebyside (image and depth). Videos yield color, confidence and sidebyside "
        "as mp4, other outputs per frame. (default: depth16,color; for videos color)",
    )
    focal = parser.add_mutually_exclusive_group()
    focal.add_argument(
        "--focal_px",
        type=cli.positive,
        default=argparse.SUPPRESS,
        help="focal length of the camera, in pixels of the images. (default: from the "
        "EXIF tags of each image, without any as in training)",
    )
    focal.add_argument(
        "--focal_mm35",
        type=cli.focal_mm35,
        default=argparse.SUPPRESS,
        help="the same as its 35 mm equivalent (equal diagonal angle of view)",
    )
    add(
        "--principal_point",
        type=_point,
        metavar="X,Y",
        default="middle",
        help="principal point (column and row) of the images, for the point cloud. "
        "The centre of the first pixel is 0,0",
    )
    add(
        "--scale",
        type=cli.positive,
        default=argparse.SUPPRESS,
        help="factor by which images are scaled for the network. (default: the factor "
        "to the focal length of training; without one, 1)",
    )
    add(
        "--steady",
        type=_memory,
        metavar="MEMORY",
        default=0.0,
        help="averages the depth of a video over its frames: from 0, not at all, to "
        "below 1 (docs/python.md)",
    )
    add(
        "--window",
        type=_window,
        metavar="HEIGHTxWIDTH",
        default="auto",
        help="overlapping windows for larger images; none: whole images; auto: "
        "eval.window of the run, else 1080x1920 above 2.5 megapixels",
    )
    return parser


def _kinds(text: str) -> tuple[str, ...]:
    from deepdepth_jax.predict.outputs import KINDS

    kinds = tuple(dict.fromkeys(text.split(",")))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(
                f"{kind!r}: must be some of {','.join(KINDS)}"
            )
    return kinds


def _point(text: str) -> tuple[float, float] | None:
    if text == "middle":
        return None
    try:
        x_px, y_px = map(float, text.split(","))
    except ValueError:
        x_px = y_px = math.nan
    if not (math.isfinite(x_px) and math.isfinite(y_px)):
        raise argparse.ArgumentTypeError(f"{text!r}: must be X,Y in pixels")
    return x_px, y_px


def _memory(text: str) -> float:
    try:
        memory = float(text)
    except ValueError:
        memory = math.nan
    if not 0 <= memory < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be >= 0 and < 1")
    return memory


def _window(text: str) -> tuple[int, int] | None:
    if text == "auto":
        return None
    if text == "none":
        return 0, 0
    size = re.fullmatch(r"(\d+)x(\d+)", text)
    sides = (int(size[1]), int(size[2])) if size else (0, 0)
    if min(sides) < SMALLEST_WINDOW_PX:
        raise argparse.ArgumentTypeError(
            f"{text!r}: must be HEIGHTxWIDTH in pixels, each >= {SMALLEST_WINDOW_PX}, "
            "auto or none"
        )
    return sides


if __name__ == "__main__":
    cli.run(main)
