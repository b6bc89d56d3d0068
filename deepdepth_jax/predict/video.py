"""Videos, read and written frame by frame: never all of one in memory."""

import contextlib
import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm"})
RATE_FACTOR = "18"
"""The encoder's quality: at 18 no loss is seen, less is better, 51 is the worst."""


@dataclasses.dataclass(frozen=True)
class Video:
    """An opened video.

    Attributes:
      frame_rate: frames a second.
      num_frames: as the file tells; 0 = it does not.
      frames: RGB, decoded as they are needed, turned as the camera meant them. Raises
        `UserError` where the file breaks off or the frames change their size, and at
        the end if some were damaged.
    """

    frame_rate: Fraction
    num_frames: int
    frames: Iterator[UInt8[np.ndarray, "h w 3"]]


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Opens a video to read, in a `with` block.

    Raises:
      UserError: it cannot be read, or PyAV is not installed.
    """
    av = _import_av(path)
    try:
        # Titles may be in any encoding.
        container = av.open(str(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise UserError(f"{path}: not a video that can be read ({error})") from error
    with container:
        if not container.streams.video:
            raise UserError(f"{path}: has no pictures, only sound or text")
        # Decoded on the usual threads: with those of `thread_type="AUTO"` nothing is
        # said where a file breaks off.
        stream = container.streams.video[0]
        if not stream.guessed_rate:
            raise UserError(f"{path}: does not tell its frame rate; convert it to mp4")
        yield Video(stream.guessed_rate, stream.frames, _read_frames(av, path, stream))


def _read_frames(
    av: ModuleType, path: Path, stream: Any
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    read = damaged = 0
    size = None
    try:
        for frame in stream.container.decode(stream):
            size = size or (frame.height, frame.width)
            if size != (frame.height, frame.width):
                raise UserError(f"{path}: its frames change their size after {read}")
            read += 1
            damaged += frame.is_corrupt
            quarter_turns = round(frame.rotation / 90)
            upright = np.rot90(frame.to_ndarray(format="rgb24"), quarter_turns)
            yield np.ascontiguousarray(upright)
    except av.FFmpegError as error:
        raise UserError(f"{path}: breaks off after {read} frames ({error})") from error
    if damaged or not read:
        raise UserError(f"{path}: {damaged} of its {read} frames are damaged")


class VideoWriter:
    """Writes frames of one size as H.264 in mp4, which any player or browser shows.

    Use it in a `with` block; there is a file as soon as there is a frame.

    Args:
      path: ends in `.mp4`.
      frame_rate: frames a second.
    """

    def __init__(self, path: Path, frame_rate: Fraction) -> None:
        self._av = _import_av(path)
        self._path, self._frame_rate = path, frame_rate
        self._container: Any = None

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._container is not None:
            with self._container:
                self._encode(None)

    def write(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Appends an RGB frame; an odd side is made even by doubling its last line."""
        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._container is None:
            self._open(*even.shape[:2])
        self._encode(self._av.VideoFrame.from_ndarray(even, format="rgb24"))

    def _open(self, height: int, width: int) -> None:
        self._container = self._av.open(str(self._path), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=self._frame_rate, options={"crf": RATE_FACTOR}
        )
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"

    def _encode(self, frame: Any) -> None:
        self._container.mux(self._stream.encode(frame))


def _import_av(path: Path) -> ModuleType:
    try:
        import av
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}: videos need the package PyAV: {install_command('video')}"
        ) from error
    return av
