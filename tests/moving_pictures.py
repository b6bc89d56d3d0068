"""Videos made for tests: a grey level a frame, with a red corner and a noisy one."""

from fractions import Fraction

import av
import numpy as np


def frame(index, height=48, width=64):
    image = np.full((height, width, 3), 20 * index % 256, np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    noisy = image[height // 2 :, width // 2 :]
    noisy[:] = np.random.default_rng(index).integers(0, 256, noisy.shape)
    return image


def make_video(path, count=5, *, size=(48, 64), turned_deg=0, **container):
    with av.open(str(path), "w", **container) as file:
        stream = file.add_stream(
            "libx264", rate=Fraction(12), options={"crf": "1", "g": "2"}
        )
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        if turned_deg:
            stream.set_display_rotation(turned_deg)
        for index in range(count):
            image = av.VideoFrame.from_ndarray(frame(index, *size), format="rgb24")
            file.mux(stream.encode(image))
        file.mux(stream.encode(None))
    return path
