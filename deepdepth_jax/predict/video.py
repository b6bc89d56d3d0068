"""Videos, read frame by frame: never all of one in memory."""

import contextlib
import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

VIDEO_SUFFIXES = frozenset(
    {
        ".3g2",
        ".3gp",
        ".avi",
        ".flv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    }
)
LARGEST_PIXEL_RATIO = 16
"""Files with pixels that are so many times wider than high, or higher, are damaged."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """A frame of a video.

    Attributes:
      image: RGB, as players show it: upright, and of square pixels.
      time_s: seconds since the first frame.
      duration_s: of the last frame, seconds until the end. Others may have that of
        another frame (findings/pyav_durations_of_b_frames.sh).
    """

    image: UInt8[np.ndarray, "h w 3"]
    time_s: Fraction
    duration_s: Fraction


@dataclasses.dataclass(frozen=True)
class Video:
    """An opened video.

    Attributes:
      frame_rate: frames per second, of a video whose rate varies an estimate.
      tick_s: seconds. Every time is a multiple of it, but for estimated ones.
      num_frames: as the file states. 0 = it does not.
      frames: decoded as they are needed. Raises `UserError` where the file breaks off
        or the frames change their size, and at the end if some were damaged.
    """

    frame_rate: Fraction
    tick_s: Fraction
    num_frames: int
    frames: Iterator[Frame]


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Video]:
    """Opens a video to read, in a `with` block.

    Args:
      path: the video file.

    Yields:
      The video.

    Raises:
      UserError: it cannot be read, or PyAV is not installed.
    """
    av = import_av(path)
    try:
        # FFmpeg takes other names for addresses: concat:a.mp4, http:a.mp4. Titles may
        # be in any encoding.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.FFmpegError as error:
        raise UserError(f"{path}: not a video that can be read ({error})") from error
    with container:
        if not container.streams.video:
            raise UserError(f"{path}: has no images, only sound or text")
        # Decoded on the usual threads: with those of `thread_type="AUTO"` nothing is
        # said where a file breaks off.
        stream = container.streams.video[0]
        if not stream.guessed_rate:
            raise UserError(f"{path}: has no frame rate; convert it to mp4")
        frames = _read_frames(av, path, stream)
        rate, tick_s = stream.guessed_rate, stream.time_base
        yield Video(rate, tick_s, stream.frames, frames)


def _read_frames(av: ModuleType, path: Path, stream: Any) -> Iterator[Frame]:
    read = damaged = 0
    size = None
    clock = _Clock(stream)
    shape = _square_pixels(path, stream)
    try:
        for frame in stream.container.decode(stream):
            size = size or (frame.height, frame.width)
            if size != (frame.height, frame.width):
                raise UserError(f"{path}: its frames change their size after {read}")
            read += 1
            damaged += frame.is_corrupt
            image = frame.to_ndarray(format="rgb24", **shape)
            yield Frame(_upright(image, frame), *clock.read(frame))
    except av.FFmpegError as error:
        raise UserError(f"{path}: breaks off after {read} frames ({error})") from error
    if damaged or not read:
        raise UserError(f"{path}: {damaged} of its {read} frames are damaged")


class _Clock:
    """Computes when frames are shown, from the time stamps of a stream.

    A frame that has none, or is not after the one before, as where two recordings were
    joined, follows by the frame rate.
    """

    def __init__(self, stream: Any) -> None:
        self._usual_s = 1 / stream.guessed_rate
        # AVI only counts frames in the order of decoding. What FFmpeg makes of that for
        # the order of display is wrong where H.264 has B-frames.
        self._counts = stream.container.format.name == "avi"
        self._stamp_s: Fraction | None = None
        self._time_s = Fraction(0)

    def read(self, frame: Any) -> tuple[Fraction, Fraction]:
        """Returns when the next frame is shown, and for how long if it is the last."""
        ticks = frame.dts if self._counts else frame.pts
        before_s, usual_s = self._stamp_s, self._usual_s
        if ticks is not None:
            self._stamp_s = ticks * frame.time_base
        else:
            self._stamp_s = (before_s or 0) + usual_s
        if before_s is not None:
            step_s = self._stamp_s - before_s
            self._time_s += step_s if step_s > 0 else usual_s
        duration_s = frame.duration * frame.time_base or usual_s
        return self._time_s, duration_s


def _square_pixels(path: Path, stream: Any) -> dict[str, int]:
    """Returns the side to enlarge, so that pixels are as wide as they are high."""
    ratio = stream.sample_aspect_ratio or Fraction(1)
    if not 1 / LARGEST_PIXEL_RATIO <= ratio <= LARGEST_PIXEL_RATIO:
        raise UserError(
            f"{path}: its pixels are {float(ratio):g} times as wide as high; convert "
            "it to square pixels"
        )
    if ratio > 1:
        return {"width": round(stream.width * ratio)}
    return {"height": round(stream.height / ratio)} if ratio < 1 else {}


def _upright(
    image: UInt8[np.ndarray, "h w 3"], frame: Any
) -> UInt8[np.ndarray, "y x 3"]:
    """Turns and mirrors an image as the display matrix of its frame asks for.

    The matrix (ISO/IEC 14496-12, 6.2.2) shows column x and row y at column a x + c y
    and row b x + d y. Other angles than right ones are rounded, as players do.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return image
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(float)
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, a, d = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def import_av(path: Path) -> ModuleType:
    """Imports PyAV to read or write a video.

    Raises:
      UserError: it is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}: videos need the package PyAV: {install_command('video')}"
        ) from error
    return av
