"""The work of the command predict, once its arguments are parsed."""

import argparse
import sys
from pathlib import Path

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.depth_files import import_openexr
from deepdepth_jax.inference.network_metadata import describe_shipped
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.models.heads import build_head
from deepdepth_jax.predict.files import Failures, predict_images, predict_video
from deepdepth_jax.predict.focal_lengths import FocalLengths
from deepdepth_jax.predict.folders import describe
from deepdepth_jax.predict.media import find_sources
from deepdepth_jax.predict.outputs import Outputs

SOME_FAILED = 1
"""The exit code when there are results, but not of every input."""
IMAGE_KINDS = ("depth16", "color")
VIDEO_KINDS = ("color",)


def predict_inputs(arguments: argparse.Namespace, network: Path) -> int:
    """Predicts all images and videos that are named. Gives the exit code.

    Args:
      arguments: of the command line.
      network: the folder of a run, or a file of weights.

    Returns:
      The exit code.

    Raises:
      UserError: there is no such run or input, or something is missing for it.
    """
    found = find_sources(arguments.input, arguments.output)
    sources = found.files
    predictor = DepthPredictor.load(
        network,
        arguments.checkpoint,
        window=arguments.window,
        scale=arguments.scale,
    )
    if not (arguments.weights or arguments.workdir):
        print("\n".join(describe_shipped(network)), flush=True)
    _check_outputs(predictor, arguments)
    focal_lengths = FocalLengths.of(predictor, arguments)
    principal_px = arguments.principal_point
    failures = Failures(len(sources))
    images = [source for source in sources if not source.is_video]
    if images:
        outputs = Outputs(arguments.save or IMAGE_KINDS, principal_px)
        predict_images(predictor.predict_each, images, focal_lengths, outputs, failures)
    for source in sources:
        if source.is_video:
            outputs = Outputs(arguments.save or VIDEO_KINDS, principal_px)
            predict_video(
                predictor.predict_each,
                source,
                focal_lengths,
                outputs,
                failures,
                memory=arguments.steady,
            )
    done = len(sources) - len(failures.paths)
    print(f"predicted {done} of {len(sources)} files: {arguments.output}")
    for line in (*focal_lengths.report(), *describe(found.left_out)):
        print(line)
    if failures.paths:
        print(failures.summary(), file=sys.stderr)
        return SOME_FAILED
    return 0


def _check_outputs(predictor: DepthPredictor, arguments: argparse.Namespace) -> None:
    """Refuses outputs that the network does not predict, or that need a package."""
    has_distribution = build_head(predictor.config).has_distribution
    if "confidence" in (arguments.save or ()) and not has_distribution:
        raise UserError(
            "--save=confidence: this network predicts no distribution over bins "
            f"(model.head={predictor.config.model.head}); omit it"
        )
    if "exr" in (arguments.save or ()):
        import_openexr("--save=exr")
