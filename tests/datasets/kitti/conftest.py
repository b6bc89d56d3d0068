import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

HEIGHT, WIDTH = 12, 20
CAMERA_TEXT = """\
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_02: 16 0 10 0 0 16 6 0 0 0 1 0
P_rect_03: 16 0 10 -8 0 16 6 0 0 0 1 0
"""
LIDAR_TEXT = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.25\n"


@dataclasses.dataclass
class KittiFolder:
    """Writes small files where KITTI has its own."""

    root: Path
    days: str = "raw"
    annotated: str = "data_depth_annotated/train"
    suffix: str = ".png"

    def image_path(self, frame):
        folder = f"{frame.date}/{frame.drive_folder}/{frame.camera_folder}/data"
        return self.root / self.days / folder / (frame.stem + self.suffix)

    def depth_path(self, frame):
        folder = f"{frame.drive_folder}/proj_depth/groundtruth/{frame.camera_folder}"
        return self.root / self.annotated / folder / f"{frame.stem}.png"

    def sweep_path(self, frame):
        folder = f"{frame.date}/{frame.drive_folder}/velodyne_points/data"
        return self.root / self.days / folder / f"{frame.stem}.bin"

    def calib_folder(self, frame):
        return self.root / self.days / frame.date

    def write_image(self, frame, size=(HEIGHT, WIDTH)):
        rng = np.random.default_rng(frame.index)
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        encode = tf.io.encode_png if self.suffix == ".png" else tf.io.encode_jpeg
        return write(self.image_path(frame), encode(pixels).numpy())

    def write_depth(self, frame, size=(HEIGHT, WIDTH), dtype=np.uint16):
        """Writes random values, with holes, and returns them."""
        rng = np.random.default_rng(frame.index + 1000 * frame.camera)
        values = rng.integers(0, np.iinfo(dtype).max, size, dtype, endpoint=True)
        values[rng.random(size) < 0.5] = 0
        encoded = tf.io.encode_png(values[..., None]).numpy()
        write(self.depth_path(frame), encoded)
        return values

    def write_sweep(self, frame, num_points=200):
        rng = np.random.default_rng(frame.index)
        points = rng.uniform((1, -5, -3, 0), (30, 5, 3, 1), (num_points, 4))
        points = points.astype(np.float32)
        write(self.sweep_path(frame), points.tobytes())
        return points

    def write_calibration(self, frame):
        folder = self.calib_folder(frame)
        write(folder / "calib_cam_to_cam.txt", CAMERA_TEXT.encode())
        write(folder / "calib_velo_to_cam.txt", LIDAR_TEXT.encode())

    def write_frames(self, *frames):
        """Writes all files of these frames; returns their improved depth values."""
        for frame in frames:
            self.write_image(frame)
            self.write_sweep(frame)
            self.write_calibration(frame)
        return [self.write_depth(frame) for frame in frames]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def kitti(tmp_path):
    return KittiFolder(tmp_path / "kitti")
