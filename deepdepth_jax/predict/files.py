"""Predicts files and writes the chosen outputs. Broken files do not stop the rest."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from deepdepth_jax.datasets.images import CameraImage, read_any_image
from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.steady import steady
from deepdepth_jax.predict.focal_lengths import FocalLengths
from deepdepth_jax.predict.media import InputFile, InputImage
from deepdepth_jax.predict.outputs import FrameImage, Outputs, frame_target
from deepdepth_jax.predict.video import Video, open_video

Item = TypeVar("Item", bound=InputImage)
PredictEach = Callable[[Iterator[Item]], Iterator[tuple[Item, ImagePrediction]]]
"""Predicts images in their order, reading them as they are needed."""


class Failures:
    """Files that cannot be read: told of when they are met, and again at the end.

    Args:
      total: of how many. If there is only one, its error is the command's.
    """

    def __init__(self, total: int) -> None:
        self.paths: list[Path] = []
        self._total = total

    def add(self, path: Path, error: UserError) -> None:
        """Reports a file, and continues with the others."""
        if self._total == 1:
            raise error
        self.paths.append(path)
        tqdm.write(f"error: {error}", file=sys.stderr)

    def summary(self) -> str:
        """Lists them in one line. Empty if there are none."""
        if not self.paths:
            return ""
        listed = ", ".join(map(str, self.paths))
        return f"error: {len(self.paths)} of {self._total} failed: {listed}"


def predict_images(
    predict_each: PredictEach[InputImage],
    sources: Sequence[InputFile],
    focal_lengths: FocalLengths,
    outputs: Outputs,
    failures: Failures,
) -> None:
    """Predicts files of images, with a progress bar."""
    images = _read(sources, focal_lengths, failures)
    bar = tqdm(images, "predict", len(sources), unit="image")
    for image, found in predict_each(iter(bar)):
        outputs.save(image.target, found)


def _read(
    sources: Sequence[InputFile], focal_lengths: FocalLengths, failures: Failures
) -> Iterator[InputImage]:
    for source in sources:
        try:
            read = read_any_image(source.path)
            focal_px = focal_lengths.choose(source.path, read)
        except UserError as error:
            failures.add(source.path, error)
        else:
            yield InputImage(source.target, read.image, focal_px)


def predict_video(
    predict_each: PredictEach[FrameImage],
    source: InputFile,
    focal_lengths: FocalLengths,
    outputs: Outputs,
    failures: Failures,
    *,
    memory: float = 0.0,
) -> None:
    """Predicts the frames of a video, with a progress bar.

    The frames before a damaged part are written.

    Args:
      predict_each: predicts frames.
      source: the video file.
      focal_lengths: chooses that of the video.
      outputs: writes the results.
      memory: of the average over frames. See `steady.steady`.
      failures: collects errors.
    """
    try:
        with (
            open_video(source.path) as video,
            outputs.video(source.target, video) as save,
        ):
            frames = _images(source, video, focal_lengths)
            total = video.num_frames or None
            bar = tqdm(frames, source.path.name, total, unit="frame")
            for frame, found in steady(predict_each(iter(bar)), memory):
                save(frame, found)
    except UserError as error:
        failures.add(source.path, error)


def _images(
    source: InputFile, video: Video, focal_lengths: FocalLengths
) -> Iterator[FrameImage]:
    focal_px = 0.0
    for index, frame in enumerate(video.frames):
        if index == 0:
            focal_px = focal_lengths.choose(source.path, CameraImage(frame.image))
        target = frame_target(source.target, index)
        yield FrameImage(target, frame.image, focal_px, frame.time_s, frame.duration_s)
