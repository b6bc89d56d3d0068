"""Videos made for tests: a grey level a frame, with a red corner and a noisy one."""

from fractions import Fraction

import av
import numpy as np

RATE = 12


def frame(index, height=48, width=64):
    image = np.full((height, width, 3), 20 * index % 256, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    noisy = image[height // 2 :, width // 2 :]
    noisy[:] = np.random.default_rng(index).integers(0, 256, noisy.shape)
    return image


def make_video(
    path,
    count=5,
    *,
    size=(48, 64),
    times_ms=None,
    display=None,
    pixel_ratio=None,
    codec="libx264",
    encoding=(("crf", "1"), ("g", "2")),
    **container,
):
    """Makes a video.

    Args:
      times_ms: of the frames, and of the end; evenly spread by default.
      display: degrees to turn by, counterclockwise, and then whether to mirror
        left-right and top-bottom.
      pixel_ratio: width of a pixel / its height.
      container: options for opening the file.
    """
    with av.open(str(path), "w", **container) as file:
        stream = file.add_stream(codec, rate=Fraction(RATE), options=dict(encoding))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        if display:
            stream.set_display_rotation(*display)
        if pixel_ratio:
            stream.codec_context.sample_aspect_ratio = pixel_ratio
        if times_ms:
            count = len(times_ms) - 1
            stream.codec_context.time_base = Fraction(1, 1000)
            stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        for index in range(count):
            image = av.VideoFrame.from_ndarray(frame(index, *size), format="rgb24")
            if times_ms:
                image.time_base, image.pts = Fraction(1, 1000), times_ms[index]
                image.duration = times_ms[index + 1] - times_ms[index]
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))
    return path
