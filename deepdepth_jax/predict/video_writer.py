"""Videos, written frame by frame as they are computed."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from deepdepth_jax.predict.video import import_av
from deepdepth_jax.runtime import atomic

RATE_FACTOR = "18"
"""The encoder's quality: at 18 no loss is seen, less is better, 51 is the worst."""


class VideoWriter:
    """Writes frames of one size as H.264 in mp4, which any player or browser shows.

    Use it in a `with` block. The file appears under its name at the end of the block,
    with the frames before an error too, if there is a frame.

    Args:
      path: ends in `.mp4`.
      frame_rate: frames per second, about: the encoder plans by it.
      tick_s: seconds. Times are rounded to multiples of it.
    """

    def __init__(self, path: Path, frame_rate: Fraction, tick_s: Fraction) -> None:
        self._av = import_av(path)
        self._path, self._frame_rate, self._tick_s = path, frame_rate, tick_s
        self._container: Any = None
        self._file = contextlib.ExitStack()
        self._ticks = -1

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            if self._container is not None:
                with self._container:
                    self._encode(None)

    def write(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        time_s: Fraction,
        duration_s: Fraction,
    ) -> None:
        """Appends a frame.

        Args:
          image: RGB. An odd side is made even by doubling its last line.
          time_s: seconds since the first frame, more than at the frame before.
          duration_s: seconds for which the frame is shown if it is the last.
        """
        height, width = image.shape[:2]
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._container is None:
            self._open(*even.shape[:2])
        frame = self._av.VideoFrame.from_ndarray(even, format="rgb24")
        self._ticks = max(round(time_s / self._tick_s), self._ticks + 1)
        frame.time_base, frame.pts = self._tick_s, self._ticks
        frame.duration = max(1, round(duration_s / self._tick_s))
        self._encode(frame)

    def _open(self, height: int, width: int) -> None:
        partial = self._file.enter_context(atomic.replacement(self._path))
        self._container = self._av.open(f"file:{partial}", "w")
        # With B-frames (bf) mp4 would end by the times of decoding, which are earlier
        # than those of display where the rate varies.
        self._stream = self._container.add_stream(
            "libx264", rate=self._frame_rate, options={"crf": RATE_FACTOR, "bf": "0"}
        )
        context = self._stream.codec_context
        context.time_base = self._tick_s
        context.flags |= self._av.codec.context.Flags.frame_duration
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"

    def _encode(self, frame: Any) -> None:
        self._container.mux(self._stream.encode(frame))
