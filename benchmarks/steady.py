"""What averaging along a video does: its flicker, its lag, its error.

    python -m benchmarks.steady --workdir=runs/streets

Rendered drives: the camera advances through a street that stands still, and the depth
of every frame is exact. The network sees each frame alone. Its depth is then averaged
with several memories.
"""

import argparse
import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt8

from deepdepth_jax.datasets.streets.render import intrinsics, render_view
from deepdepth_jax.datasets.streets.scene import random_scene
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.predictor import DepthPredictor
from deepdepth_jax.inference.steady import steady
from deepdepth_jax.runtime import cli

SEED = 3
CLEAR_M = 2.0
"""Streets in which the camera would come nearer to something are left out."""


class Frame(NamedTuple):
    """A frame of a drive with its exact depth, 0 for the sky."""

    image: UInt8[np.ndarray, "h w 3"]
    depth_m: Float[np.ndarray, "h w"]


class Figures(NamedTuple):
    """Of one drive. Errors are differences of ln depth to the ground truth.

    Attributes:
      abs_rel: mean absolute relative error.
      flicker: mean absolute change of a pixel's error from frame to frame.
      lag: mean error of the ground truth itself, averaged in the same way. The camera
        advances, so depth that lags is too large.
    """

    abs_rel: float
    flicker: float
    lag: float


def main() -> None:
    """Runs the benchmark."""
    arguments = _parser().parse_args()
    predictor = DepthPredictor.load(arguments.workdir)
    height, width = arguments.size
    focal_px = intrinsics(height, width).focal_px
    clear = _clear_drives(arguments.frames, arguments.advance, (height, width))
    drives = []
    for frames in itertools.islice(clear, arguments.drives):
        images = [frame.image for frame in frames]
        drives.append((frames, predictor(images, focal_px=focal_px)))
    print("| memory | AbsRel | flicker | lag |\n|---|---|---|---|")
    for memory in arguments.memory:
        rows = [_figures(frames, found, memory) for frames, found in drives]
        cells = [
            f"{np.mean(column):.4f} ± {np.std(column, ddof=1) / len(rows) ** 0.5:.4f}"
            for column in zip(*rows, strict=True)
        ]
        print(f"| {memory:g} | {' | '.join(cells)} |")


def _clear_drives(
    count: int, advance_m: float, size: tuple[int, int]
) -> Iterator[list[Frame]]:
    for index in itertools.count():
        frames = list(_drive(index, count, advance_m, size))
        depth_m = np.stack([frame.depth_m for frame in frames])
        if np.min(depth_m, where=depth_m > 0, initial=np.inf) > CLEAR_M:
            yield frames


def _drive(
    index: int, count: int, advance_m: float, size: tuple[int, int]
) -> Iterator[Frame]:
    """Renders a street while the camera advances along its optical axis."""
    key = jax.random.fold_in(jax.random.key(SEED), index)
    scene = random_scene(key)
    start = scene.camera.position
    for step in range(count):
        ahead = step * advance_m * scene.camera.axes[2].at[1].set(0.0)
        camera = scene.camera.replace(position=start + ahead)
        grain = jax.random.fold_in(key, 1 + step)
        view = render_view(scene.replace(camera=camera), grain, *size)
        yield Frame(*jax.device_get(view))


def _figures(
    frames: list[Frame], found: list[ImagePrediction], memory: float
) -> Figures:
    truth = np.stack([frame.depth_m for frame in frames])
    valid = (truth > 0) & (truth < found[0].depth_range_m[1])
    truth = np.where(valid, truth, found[0].depth_range_m[1])
    exact = [
        dataclasses.replace(one, depth_m=depth_m)
        for one, depth_m in zip(found, truth, strict=True)
    ]
    error = _ln_depth(found, memory) - np.log(truth)
    lag = _ln_depth(exact, memory) - np.log(truth)
    both = valid[1:] & valid[:-1]
    return Figures(
        float(np.mean(np.abs(np.expm1(error[valid])))),
        float(np.mean(np.abs(np.diff(error, axis=0)[both]))),
        float(np.mean(lag[valid])),
    )


def _ln_depth(
    found: list[ImagePrediction], memory: float
) -> Float[np.ndarray, "frames h w"]:
    averaged = steady(((None, one) for one in found), memory)
    return np.log(np.stack([one.depth_m for _, one in averaged]))


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser("benchmarks.steady", "Measure averaging along a video.")
    add = parser.add_argument
    add("--workdir", type=cli.folder, required=True, help="folder of the run")
    add("--drives", type=cli.count, default=8, help="number of streets")
    add("--frames", type=cli.count, default=24, help="frames of each")
    add("--advance", type=cli.positive, default=0.5, help="metres from frame to frame")
    add("--size", type=cli.count, nargs=2, default=(96, 320), help="height and width")
    add(
        "--memory",
        type=float,
        nargs="+",
        default=(0.0, 0.3, 0.5, 0.7, 0.9),
        help="weights that are compared",
    )
    return parser


if __name__ == "__main__":
    cli.run(lambda _: main())
