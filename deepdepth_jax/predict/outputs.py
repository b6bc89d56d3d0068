"""Writers of predictions: files of numbers, and colour images."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from deepdepth_jax import atomic
from deepdepth_jax.drawing.colors import ColourScale
from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.predict.media import InputImage
from deepdepth_jax.predict.point_cloud import save_point_cloud
from deepdepth_jax.predict.video import Video
from deepdepth_jax.predict.video_writer import VideoWriter
from deepdepth_jax.types import AnyArray, Prediction, known

DEPTH_PNG_UNITS_PER_METRE = 256
"""KITTI's convention for 16-bit depth: value / 256 is metres, 0 is none."""


@dataclasses.dataclass(frozen=True)
class FrameImage(InputImage):
    """A frame of a video.

    Attributes:
      time_s: seconds since the first frame.
      duration_s: seconds for which it is shown if it is the last one.
    """

    time_s: Fraction
    duration_s: Fraction


@dataclasses.dataclass(frozen=True)
class Meaning:
    """Colour scales and camera of the drawings and point clouds.

    Attributes:
      depth: colour scale of depth in metres.
      confidence: colour scale of confidence.
      camera: camera of the images. Its focal length is 0 if unknown.
    """

    depth: ColourScale
    confidence: ColourScale
    camera: Pinhole


def save_depth_png(path: Path, depth_m: Float[AnyArray, "h w"]) -> None:
    """Writes depth as a 16-bit PNG, metres x 256, as KITTI has it."""
    values = np.round(np.asarray(depth_m) * DEPTH_PNG_UNITS_PER_METRE)
    image = Image.fromarray(np.clip(values, 0, 2**16 - 1).astype(np.uint16))
    atomic.write(path, image.save)


def _save_depth16(path: Path, _: InputImage, found: Prediction, __: Meaning) -> None:
    save_depth_png(path, found.depth_m)


def _save_npy(path: Path, _: InputImage, found: Prediction, __: Meaning) -> None:
    depth_m = np.asarray(found.depth_m, np.float32)
    atomic.write(path, lambda partial: np.save(partial, depth_m))


def _save_points(
    path: Path, image: InputImage, found: Prediction, meaning: Meaning
) -> None:
    save_point_cloud(path, image.image, found.depth_m, meaning.camera)


def _draw_depth(
    _: InputImage, found: Prediction, meaning: Meaning
) -> UInt8[np.ndarray, "y x 3"]:
    return meaning.depth.under(meaning.depth.paint(found.depth_m))


def _draw_confidence(
    _: InputImage, found: Prediction, meaning: Meaning
) -> UInt8[np.ndarray, "y x 3"]:
    painted = meaning.confidence.paint(known(found.confidence))
    return meaning.confidence.under(painted)


def _draw_side_by_side(
    image: InputImage, found: Prediction, meaning: Meaning
) -> UInt8[np.ndarray, "y x 3"]:
    painted = meaning.depth.paint(found.depth_m)
    return meaning.depth.under(np.concatenate([image.image, painted], axis=1))


SaveFile = Callable[[Path, InputImage, Prediction, Meaning], None]
Draw = Callable[[InputImage, Prediction, Meaning], UInt8[np.ndarray, "y x 3"]]

FILES: Mapping[str, tuple[str, SaveFile]] = MappingProxyType(
    {
        "depth16": ("_depth.png", _save_depth16),
        "npy": ("_depth.npy", _save_npy),
        "pointcloud": ("_points.ply", _save_points),
    }
)
DRAWINGS: Mapping[str, Draw] = MappingProxyType(
    {
        "color": _draw_depth,
        "confidence": _draw_confidence,
        "sidebyside": _draw_side_by_side,
    }
)


KINDS = (*FILES, *DRAWINGS)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Writes the chosen outputs of each prediction.

    Attributes:
      kinds: some of `KINDS`.
      meaning_of: the meaning of the numbers for a focal length, in pixels.
    """

    kinds: Sequence[str]
    meaning_of: Callable[[float], Meaning]

    def save(self, image: InputImage, found: Prediction) -> None:
        """Writes the results of an image. Drawings as PNG."""
        self._save_files(image, found)
        for kind, drawing in self._drawings(image, found):
            path = _ending(image.target, f"_{kind}.png")
            atomic.write(path, Image.fromarray(drawing).save)

    @contextlib.contextmanager
    def video(
        self, target: Path, video: Video
    ) -> Iterator[Callable[[FrameImage, Prediction], None]]:
        """Yields a function that writes the results of one frame after the other.

        Drawings become videos, `TARGET_color.mp4` and so on, in which each frame has
        its time. Files are written for each frame.

        Args:
          target: path of the results without suffix.
          video: the video that is read.

        Yields:
          The function of a frame and its prediction.
        """
        with contextlib.ExitStack() as stack:
            target.parent.mkdir(parents=True, exist_ok=True)
            writers = {
                kind: stack.enter_context(
                    VideoWriter(
                        _ending(target, f"_{kind}.mp4"), video.frame_rate, video.tick_s
                    )
                )
                for kind in self.kinds
                if kind in DRAWINGS
            }

            def save(frame: FrameImage, found: Prediction) -> None:
                self._save_files(frame, found)
                for kind, drawing in self._drawings(frame, found):
                    writers[kind].write(drawing, frame.time_s, frame.duration_s)

            yield save

    def _save_files(self, image: InputImage, found: Prediction) -> None:
        meaning = self.meaning_of(image.focal_px)
        for kind in self.kinds:
            if kind in FILES:
                ending, save = FILES[kind]
                save(_ending(image.target, ending), image, found, meaning)

    def _drawings(
        self, image: InputImage, found: Prediction
    ) -> Iterator[tuple[str, UInt8[np.ndarray, "y x 3"]]]:
        meaning = self.meaning_of(image.focal_px)
        for kind in self.kinds:
            if kind in DRAWINGS:
                yield kind, DRAWINGS[kind](image, found, meaning)


def frame_target(video_target: Path, index: int) -> Path:
    """Returns where the files of a video's frame go."""
    return _ending(video_target, "_frames") / f"{index:06}"


def _ending(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)
