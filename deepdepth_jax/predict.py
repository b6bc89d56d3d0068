"""Depth for pictures that nobody labelled: `python -m deepdepth_jax.predict`."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from ml_collections import ConfigDict
from PIL import Image, ImageOps
from tqdm import tqdm

from deepdepth_jax import build, cli
from deepdepth_jax.batching import predict_each
from deepdepth_jax.checkpoints import Which
from deepdepth_jax.errors import UserError
from deepdepth_jax.restore import restored_predict
from deepdepth_jax.types import Prediction
from deepdepth_jax.visualize import save_depth_picture
from deepdepth_jax.workdir import stored_config

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
DEPTH_PNG_UNITS_PER_METRE = 256
"""KITTI's convention for 16-bit depth: value / 256 is metres, 0 is none."""


class DepthPredictor:
    """A trained network that takes pictures of any size.

    Args:
      config: the completed config of the run.
      predict: from uint8 (b, h, w, 3) to a batch of depth.
    """

    def __init__(
        self, config: ConfigDict, predict: Callable[[np.ndarray], Prediction]
    ) -> None:
        self.config = config
        self.predict = predict

    @classmethod
    def load(cls, workdir: str | Path, checkpoint: Which = "best") -> "DepthPredictor":
        """Loads a run.

        Args:
          workdir: where it was trained.
          checkpoint: `best` by validation, `last`, or a step.

        Raises:
          UserError: there is no run, or no such checkpoint.
        """
        workdir = Path(workdir)
        config = stored_config(workdir)
        _, predict = restored_predict(config, workdir, checkpoint)
        return cls(config, predict)

    def __call__(
        self, image: UInt8[np.ndarray, "h w 3"], focal_px: float = 0.0
    ) -> Prediction:
        """Predicts the depth of an RGB picture, at its own size.

        Nothing is resized: the network knows things by their size in pixels, so that
        the picture should be of about the scale of those it was trained on.

        Args:
          image: the picture.
          focal_px: the focal length of its camera, in its pixels. Needed, and used,
            only if the network learnt the depth of a canonical camera.

        Raises:
          ValueError: the focal length is needed and not given.
        """
        [(_, depth)] = self.predict_each(iter([Picture(Path(), image, focal_px)]))
        return depth

    def predict_each(
        self, pictures: Iterator["Picture"]
    ) -> Iterator[tuple["Picture", Prediction]]:
        """Predicts many pictures, in batches of those that have the same size."""
        return predict_each(
            self.predict,
            pictures,
            self.config.eval.batch_size,
            self.config.data.canonical_focal_px,
        )


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture and where it came from."""

    path: Path
    image: UInt8[np.ndarray, "h w 3"]
    focal_px: float


def read_picture(path: Path, focal_px: float = 0.0) -> Picture:
    """Reads a picture as RGB, turned as its camera meant it.

    Raises:
      UserError: the file cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return Picture(path, np.asarray(upright.convert("RGB")), focal_px)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a picture that can be read ({error})") from error


def find_pictures(path: Path) -> list[Path]:
    """Lists the file, or the pictures anywhere below the folder, in order.

    Raises:
      UserError: there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"--input={path}: there is no such file or folder")
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        suffixes = ", ".join(sorted(PICTURE_SUFFIXES))
        raise UserError(f"--input={path}: no pictures there ({suffixes})")
    return found


def save_depth_png(path: Path, depth_m: Float[np.ndarray, "h w"]) -> None:
    """Writes depth as a 16-bit PNG, metres x 256, as KITTI has it."""
    values = np.round(depth_m * DEPTH_PNG_UNITS_PER_METRE)
    Image.fromarray(np.clip(values, 0, 2**16 - 1).astype(np.uint16)).save(path)


def main(argv: list[str]) -> None:
    """Runs the command."""
    parser = cli.Parser(
        "deepdepth_jax.predict",
        "Predict the depth of pictures. For each one, NAME_depth.png (16 bit, metres x "
        "256) and NAME_color.png (with a scale in metres) are written.",
    )
    parser.add_argument(
        "--workdir", type=cli.folder, required=True, help="the folder of a trained run"
    )
    parser.add_argument(
        "--input", type=Path, required=True, help="a picture, or a folder of pictures"
    )
    parser.add_argument(
        "--output", type=cli.folder, required=True, help="a folder to write to"
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
        help="focal length of the camera in pixels; needed by networks that were "
        "trained with data.canonical_focal_px",
    )
    arguments = parser.parse_args(argv)
    paths = find_pictures(arguments.input)
    predictor = DepthPredictor.load(arguments.workdir, arguments.checkpoint)
    _check_focal_length(predictor.config, arguments.focal_px)
    base = arguments.input if arguments.input.is_dir() else arguments.input.parent
    for picture, depth in _predict_files(predictor, paths, arguments.focal_px):
        target = arguments.output / picture.path.relative_to(base)
        _save(target, depth, predictor.config)
    print(f"{len(paths)} pictures: {arguments.output}")


def _check_focal_length(config: ConfigDict, focal_px: float) -> None:
    if focal_px < 0 or (config.data.canonical_focal_px and not focal_px):
        raise UserError(
            f"--focal_px={focal_px}: give the focal length of the pictures in pixels; "
            f"the network needs it as it was trained with "
            f"data.canonical_focal_px={config.data.canonical_focal_px}"
        )


def _predict_files(
    predictor: DepthPredictor, paths: list[Path], focal_px: float
) -> Iterator[tuple[Picture, Prediction]]:
    pictures = (read_picture(path, focal_px) for path in paths)
    bar = tqdm(pictures, "predict", len(paths), unit="picture")
    return predictor.predict_each(iter(bar))


def _save(target: Path, depth: Prediction, config: ConfigDict) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    bins = build.depth_bins(config)
    save_depth_png(target.with_name(f"{target.stem}_depth.png"), depth.depth_m)
    save_depth_picture(
        target.with_name(f"{target.stem}_color.png"),
        depth.depth_m,
        bins.min_depth_m,
        bins.max_depth_m,
    )


if __name__ == "__main__":
    cli.run(main)
