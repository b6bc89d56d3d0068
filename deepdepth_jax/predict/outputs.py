"""Writers of predictions: files of numbers, and colour images."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.predict.media import InputImage
from deepdepth_jax.predict.video import Video
from deepdepth_jax.predict.video_writer import VideoWriter
from deepdepth_jax.runtime import atomic


@dataclasses.dataclass(frozen=True)
class FrameImage(InputImage):
    """A frame of a video.

    Attributes:
      time_s: seconds since the first frame.
      duration_s: seconds for which it is shown if it is the last one.
    """

    time_s: Fraction
    duration_s: Fraction


def _draw_side_by_side(found: ImagePrediction) -> UInt8[np.ndarray, "y x 3"]:
    both = np.concatenate([found.image, found.colorize()], axis=1)
    return found.depth_scale.under(both)


FILES: Mapping[str, str] = MappingProxyType(
    {
        "depth16": "_depth.png",
        "npy": "_depth.npy",
        "npz": "_depth.npz",
        "pfm": "_depth.pfm",
        "exr": "_depth.exr",
        "pointcloud": "_points.ply",
    }
)
"""The endings of the files that `ImagePrediction.save` writes."""
DRAWINGS: Mapping[str, Callable[[ImagePrediction], UInt8[np.ndarray, "y x 3"]]] = (
    MappingProxyType(
        {
            "color": lambda found: found.colorize(with_scale=True),
            "confidence": lambda found: found.colorize("confidence", with_scale=True),
            "sidebyside": _draw_side_by_side,
        }
    )
)


KINDS = (*FILES, *DRAWINGS)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Writes the chosen outputs of each prediction.

    Attributes:
      kinds: some of `KINDS`.
      principal_point_px: column and row, for point clouds. None: the middle.
    """

    kinds: Sequence[str]
    principal_point_px: tuple[float, float] | None = None

    def save(self, target: Path, found: ImagePrediction) -> None:
        """Writes the results of an image. Drawings as PNG."""
        self._save_files(target, found)
        for kind, drawing in self._drawings(found):
            path = _ending(target, f"_{kind}.png")
            atomic.write(path, Image.fromarray(drawing).save)

    @contextlib.contextmanager
    def video(
        self, target: Path, video: Video
    ) -> Iterator[Callable[[FrameImage, ImagePrediction], None]]:
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

            def save(frame: FrameImage, found: ImagePrediction) -> None:
                self._save_files(frame.target, found)
                for kind, drawing in self._drawings(found):
                    writers[kind].write(drawing, frame.time_s, frame.duration_s)

            yield save

    def _save_files(self, target: Path, found: ImagePrediction) -> None:
        camera = Pinhole(found.camera.focal_px, self.principal_point_px)
        found = found.replace(camera=camera)
        for kind in self.kinds:
            if kind in FILES:
                found.save(_ending(target, FILES[kind]))

    def _drawings(
        self, found: ImagePrediction
    ) -> Iterator[tuple[str, UInt8[np.ndarray, "y x 3"]]]:
        for kind in self.kinds:
            if kind in DRAWINGS:
                yield kind, DRAWINGS[kind](found)


def frame_target(video_target: Path, index: int) -> Path:
    """Returns where the files of a video's frame go."""
    return _ending(video_target, "_frames") / f"{index:06}"


def _ending(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)
