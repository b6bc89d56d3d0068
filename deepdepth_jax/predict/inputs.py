"""What the command predict does once its arguments are read."""

import argparse
import functools
import sys

from deepdepth_jax.drawing.colors import confidence_scale, depth_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.models.build import build_bins, build_head
from deepdepth_jax.predict.files import Failures, predict_images, predict_video
from deepdepth_jax.predict.folders import describe
from deepdepth_jax.predict.media import find_sources
from deepdepth_jax.predict.outputs import Meaning, Outputs

SOME_FAILED = 1
"""The exit code when there are results, but not of every input."""
IMAGE_KINDS = ("depth16", "color")
VIDEO_KINDS = ("color",)


def predict_inputs(arguments: argparse.Namespace) -> int:
    """Predicts all images and videos that are named. Gives the exit code.

    Args:
      arguments: of the command line.

    Returns:
      The exit code.

    Raises:
      UserError: there is no such run or input, or something is missing for it.
    """
    found = find_sources(arguments.input, arguments.output)
    sources = found.files
    predictor = DepthPredictor.load(
        arguments.workdir,
        arguments.checkpoint,
        window=arguments.window,
        scale=arguments.scale,
    )
    _check_confidence(predictor, arguments)
    _tell_focal_length(predictor, arguments)
    predict_each = functools.partial(
        predictor.predict_each, focal_px=arguments.focal_px
    )
    meaning = _meaning(predictor, arguments)
    failures = Failures(len(sources))
    images = [source for source in sources if not source.is_video]
    if images:
        outputs = Outputs(arguments.save or IMAGE_KINDS, meaning)
        predict_images(predict_each, images, outputs, failures)
    for source in sources:
        if source.is_video:
            outputs = Outputs(arguments.save or VIDEO_KINDS, meaning)
            predict_video(predict_each, source, outputs, failures)
    done = len(sources) - len(failures.paths)
    print(f"predicted {done} of {len(sources)} files: {arguments.output}")
    for line in describe(found.left_out):
        print(line)
    if failures.paths:
        print(failures.summary(), file=sys.stderr)
        return SOME_FAILED
    return 0


def _check_confidence(predictor: DepthPredictor, arguments: argparse.Namespace) -> None:
    """Refuses to save what the network does not say."""
    has_distribution = build_head(predictor.config).has_distribution
    if "confidence" in (arguments.save or ()) and not has_distribution:
        raise UserError(
            "--save=confidence: the network of this run gives no distribution over "
            f"bins (model.head={predictor.config.model.head}); leave it out"
        )


def _tell_focal_length(
    predictor: DepthPredictor, arguments: argparse.Namespace
) -> None:
    """Prints the focal length in use and its effect.

    Raises:
      UserError: one is needed and not given.
    """
    focal_px, training_px = arguments.focal_px, predictor.training_focal_px
    if not focal_px:
        if predictor.config.data.canonical_focal_px:
            raise UserError(
                "give --focal_px, the focal length of the images in pixels: the "
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
        view = predictor.view_scale(focal_px)
        print(
            f"focal length: {focal_px:g} px, in training {training_px:g} px: the "
            f"network sees images {view.scale:.3g} times as large, depth is what it "
            f"says times {view.depth_factor:.3g}"
        )


def _meaning(predictor: DepthPredictor, arguments: argparse.Namespace) -> Meaning:
    return Meaning(
        depth=depth_scale(*predictor.depth_range_m(arguments.focal_px)),
        confidence=confidence_scale(build_bins(predictor.config).num_bins),
        camera=Pinhole(
            arguments.focal_px or predictor.training_focal_px, arguments.principal_point
        ),
    )
