"""Reads KITTI's calibration of a day: from lidar points to pixels of a camera."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.errors import UserError

CAMERA_FILE = "calib_cam_to_cam.txt"
LIDAR_FILE = "calib_velo_to_cam.txt"


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A camera's calibration of a day, read when it is asked for, and then kept.

    Attributes:
      folder: of the day, which holds its three calibration files.
      camera: 0 to 3.
    """

    folder: Path
    camera: int

    @functools.cached_property
    def projection(self) -> Float64[np.ndarray, "3 4"]:
        """Lidar to rectified pixels of the camera; see `read_projection`."""
        return read_projection(self.folder, self.camera)

    @functools.cached_property
    def focal_px(self) -> float:
        """The horizontal focal length of the rectified camera, in pixels."""
        return read_focal_px(self.folder, self.camera)


def read_projection(
    calib_folder: str | Path, camera: int
) -> Float64[np.ndarray, "3 4"]:
    """Reads P_rect_0c R_rect_00 T_velo_to_cam: lidar to rectified pixels of a camera.

    A lidar point (x, y, z, 1), in metres, becomes (u w, v w, w), where w is the depth
    in metres along the optical axis and pixels count from 1, as in KITTI's MATLAB kit.

    Args:
      calib_folder: the folder of a day, which holds its three calibration files.
      camera: 0 to 3; 2 and 3 are the left and right colour cameras.

    Raises:
      UserError: a file or one of its fields is missing or is no list of numbers.
    """
    camera_file = Path(calib_folder) / CAMERA_FILE
    lidar_file = Path(calib_folder) / LIDAR_FILE
    rectification = np.eye(4)
    rectification[:3, :3] = _read_field(camera_file, "R_rect_00", (3, 3))
    lidar_to_camera = np.eye(4)
    lidar_to_camera[:3, :3] = _read_field(lidar_file, "R", (3, 3))
    lidar_to_camera[:3, 3] = _read_field(lidar_file, "T", (3,))
    return _read_camera_matrix(camera_file, camera) @ rectification @ lidar_to_camera


def read_focal_px(calib_folder: str | Path, camera: int) -> float:
    """Reads the horizontal focal length of a rectified camera, in pixels.

    Raises:
      UserError: the file or its field is missing or is no list of numbers.
    """
    return float(_read_camera_matrix(Path(calib_folder) / CAMERA_FILE, camera)[0, 0])


def _read_camera_matrix(file: Path, camera: int) -> np.ndarray:
    return _read_field(file, f"P_rect_{camera:02d}", (3, 4))


def _read_field(file: Path, field: str, shape: tuple[int, ...]) -> np.ndarray:
    lines = read_bytes(file).decode("utf-8", "replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    if field not in fields:
        raise UserError(
            f"{file}: has no field {field!r}; take KITTI's own calibration of that day"
        )
    try:
        values = np.array(fields[field].split(), np.float64).reshape(shape)
    except ValueError as error:
        raise UserError(
            f"{file}: field {field!r} is not {np.prod(shape)} numbers; take KITTI's "
            "own calibration of that day"
        ) from error
    return values
