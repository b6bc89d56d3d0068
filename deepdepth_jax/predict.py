"""Depth for pictures that nobody labelled: `python -m deepdepth_jax.predict`."""

import argparse
import functools
import math
import re
import sys
from pathlib import Path

from deepdepth_jax import build, cli
from deepdepth_jax.colors import confidence_scale, depth_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.media import find_sources
from deepdepth_jax.outputs import KINDS, Meaning, Outputs
from deepdepth_jax.pointcloud import Pinhole
from deepdepth_jax.predict_files import Failures, predict_pictures, predict_video
from deepdepth_jax.predictor import (
    LARGEST_WHOLE_PX,
    WINDOW,
    DepthPredictor,
    Window,
)

SOME_FAILED = 1
"""The exit code when there are results, but not of every input."""
PICTURE_KINDS = ("depth16", "color")
VIDEO_KINDS = ("color",)


def main(argv: list[str]) -> int:
    """Runs the command."""
    not_given = argparse.Namespace(save=None, scale=None, focal_px=0.0)
    arguments = _parser().parse_args(argv, not_given)
    sources = find_sources(arguments.input, arguments.output)
    predictor = DepthPredictor.load(
        arguments.workdir,
        arguments.checkpoint,
        window=arguments.window,
        scale=arguments.scale,
    )
    _tell_focal_length(predictor, arguments)
    predict_each = functools.partial(
        predictor.predict_each, focal_px=arguments.focal_px
    )
    meaning, failures = _meaning(predictor, arguments), Failures(len(sources))
    pictures = [source for source in sources if not source.is_video]
    if pictures:
        outputs = Outputs(arguments.save or PICTURE_KINDS, meaning)
        predict_pictures(predict_each, pictures, outputs, failures)
    for source in sources:
        if source.is_video:
            outputs = Outputs(arguments.save or VIDEO_KINDS, meaning)
            predict_video(predict_each, source, outputs, failures)
    done = len(sources) - len(failures.paths)
    print(f"predicted {done} of {len(sources)} files: {arguments.output}")
    if failures.paths:
        print(failures.summary(), file=sys.stderr)
        return SOME_FAILED
    return 0


def _parser() -> cli.Parser:
    parser = cli.Parser(
        "deepdepth_jax.predict",
        "Predict the depth of pictures and videos. Results are written under the names "
        "of their sources, in the same folders below the output folder.",
    )
    add = parser.add_argument
    add("--workdir", type=cli.folder, required=True, help="the folder of a trained run")
    add(
        "--input",
        type=Path,
        nargs="+",
        required=True,
        help="pictures, videos, and folders of them",
    )
    add("--output", type=cli.folder, required=True, help="a folder to write to")
    add(
        "--checkpoint",
        type=cli.checkpoint,
        default="best",
        help="last, best by validation, or a step",
    )
    add(
        "--save",
        type=_kinds,
        default=argparse.SUPPRESS,
        help="what to write, a comma list: depth16 (PNG, metres x 256), npy (float32 "
        "metres), color (with a scale in metres), confidence (the same for the "
        "probability of the most probable bin), pointcloud (PLY), sidebyside (picture "
        "and depth). Of a video, drawings are mp4, the rest is a file a frame. "
        "(default: depth16,color; of a video color)",
    )
    add(
        "--focal_px",
        type=_positive,
        default=argparse.SUPPRESS,
        help="focal length of the camera, in pixels of the pictures. (default: as in "
        "training)",
    )
    add(
        "--principal_point",
        type=_point,
        metavar="X,Y",
        default="middle",
        help="column and row where the optical axis meets the pictures, for the point "
        "cloud; the middle of the first pixel is 0,0",
    )
    add(
        "--scale",
        type=_positive,
        default=argparse.SUPPRESS,
        help="show the network the pictures so many times larger. (default: with "
        "--focal_px, so many times that it is the focal length of training; else 1)",
    )
    add(
        "--window",
        type=_window,
        metavar="HEIGHTxWIDTH",
        default="auto",
        help="predict larger pictures by overlapping windows of this size; none: as a "
        f"whole; auto: by {WINDOW[0]}x{WINDOW[1]} above {LARGEST_WHOLE_PX / 1e6:g} "
        "megapixels, or as eval.window of the run says",
    )
    return parser


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(text.split(",")))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(
                f"{kind!r} is unknown: give some of {','.join(KINDS)}"
            )
    return kinds


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number above 0")
    return number


def _point(text: str) -> tuple[float, float] | None:
    if text == "middle":
        return None
    try:
        x_px, y_px = map(float, text.split(","))
    except ValueError:
        x_px = y_px = math.nan
    if not (math.isfinite(x_px) and math.isfinite(y_px)):
        raise argparse.ArgumentTypeError(f"{text!r}: give X,Y in pixels")
    return x_px, y_px


def _window(text: str) -> Window:
    if text == "auto":
        return None
    if text == "none":
        return 0, 0
    size = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not size:
        raise argparse.ArgumentTypeError(
            f"{text!r}: give HEIGHTxWIDTH in pixels, auto or none"
        )
    return int(size[1]), int(size[2])


def _tell_focal_length(
    predictor: DepthPredictor, arguments: argparse.Namespace
) -> None:
    """Says which focal length is taken, and what comes of it.

    Raises:
      UserError: one is needed and not given.
    """
    focal_px, training_px = arguments.focal_px, predictor.training_focal_px
    if not focal_px:
        if predictor.config.data.canonical_focal_px:
            raise UserError(
                "give --focal_px, the focal length of the pictures in pixels: the "
                f"network was trained with data.canonical_focal_px={training_px:g}"
            )
        if training_px and "pointcloud" in (arguments.save or ()):
            print(
                f"focal length: {training_px:g} px, as in training; if it is another, "
                "give --focal_px"
            )
    elif not training_px:
        print("focal length of training: not known, depth is not adapted to --focal_px")
    else:
        sight = predictor.sight(focal_px)
        print(
            f"focal length: {focal_px:g} px, in training {training_px:g} px: the "
            f"network sees pictures {sight.scale:.3g} times as large, depth is what it "
            f"says times {sight.depth_factor:.3g}"
        )


def _meaning(predictor: DepthPredictor, arguments: argparse.Namespace) -> Meaning:
    return Meaning(
        depth=depth_scale(*predictor.depth_range_m(arguments.focal_px)),
        confidence=confidence_scale(build.depth_bins(predictor.config).num_bins),
        camera=Pinhole(
            arguments.focal_px or predictor.training_focal_px, arguments.principal_point
        ),
    )


if __name__ == "__main__":
    cli.run(main)
