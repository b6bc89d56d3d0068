"""Reads KITTI's calibration of a day: from lidar points to pixels of a camera."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FOCAL_RANGE_PX, is_focal_length

CAMERA_FILE = "calib_cam_to_cam.txt"
LIDAR_FILE = "calib_velo_to_cam.txt"
ROTATION_ERROR = 1e-3
"""KITTI's files hold seven digits, and copies of them fewer."""
LARGEST_NUMBER = 1e6
"""Far beyond every pixel and metre of a calibration, and products stay finite."""
REMEDY = "take KITTI's own calibration of that day"


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
        """Lidar to rectified pixels of the camera. See `read_projection`."""
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
      camera: 0 to 3. 2 and 3 are the left and right colour cameras.

    Returns:
      The matrix, pixels per metre.

    Raises:
      UserError: a file or one of its fields is missing or holds no such matrix.
    """
    camera_file = Path(calib_folder) / CAMERA_FILE
    lidar_file = Path(calib_folder) / LIDAR_FILE
    rectification = np.eye(4)
    rectification[:3, :3] = _read_rotation(camera_file, "R_rect_00")
    lidar_to_camera = np.eye(4)
    lidar_to_camera[:3, :3] = _read_rotation(lidar_file, "R")
    lidar_to_camera[:3, 3] = _Field.read(lidar_file, "T", (3,)).values
    return _read_camera_matrix(camera_file, camera) @ rectification @ lidar_to_camera


def read_focal_px(calib_folder: str | Path, camera: int) -> float:
    """Reads the horizontal focal length of a rectified camera, in pixels.

    Raises:
      UserError: the file or its field is missing or holds no usable focal length.
    """
    return float(_read_camera_matrix(Path(calib_folder) / CAMERA_FILE, camera)[0, 0])


def _read_camera_matrix(file: Path, camera: int) -> Float64[np.ndarray, "3 4"]:
    field = _Field.read(file, f"P_rect_{camera:02d}", (3, 4))
    matrix = field.values
    for row in (0, 1):
        if not is_focal_length(matrix[row, row]):
            least, most = FOCAL_RANGE_PX
            raise field.error(
                f"has the focal length {matrix[row, row]:g} px, which must be from "
                f"{least:g} to {most:g}"
            )
    if not (matrix[:2, 2] > 0).all():
        x_px, y_px = matrix[:2, 2]
        raise field.error(
            f"has its principal point at ({x_px:g}, {y_px:g}), outside of the image"
        )
    if matrix[0, 1] or matrix[1, 0]:
        raise field.error("has skewed axes, and a rectified camera's are not")
    if not np.allclose(matrix[2, :3], (0, 0, 1)):
        raise field.error("does not end in a row '0 0 1 t', as a rectified camera's")
    return matrix


def _read_rotation(file: Path, name: str) -> Float64[np.ndarray, "3 3"]:
    field = _Field.read(file, name, (3, 3))
    rotation = field.values
    is_orthogonal = np.allclose(rotation @ rotation.T, np.eye(3), atol=ROTATION_ERROR)
    if not is_orthogonal or np.linalg.det(rotation) < 0:
        raise field.error("is not a rotation")
    return rotation


@dataclasses.dataclass(frozen=True)
class _Field:
    """One line of a calibration file.

    Attributes:
      file: which one.
      line: its number, from 1.
      name: of the field.
      values: finite numbers, of at most `LARGEST_NUMBER`.
    """

    file: Path
    line: int
    name: str
    values: Float64[np.ndarray, "*shape"]

    @classmethod
    def read(cls, file: Path, name: str, shape: tuple[int, ...]) -> "_Field":
        """Finds a field in a file.

        Raises:
          UserError: the file or the field is missing, or not as many numbers of use.
        """
        lines = read_bytes(file).decode("utf-8", "replace").splitlines()
        found = [n for n, line in enumerate(lines, 1) if line.startswith(f"{name}:")]
        if not found:
            raise UserError(f"{file}: has no field {name!r}; {REMEDY}")
        field = cls(file, found[-1], name, np.zeros(shape))
        try:
            words = lines[field.line - 1].partition(":")[2].split()
            values = np.array(words, np.float64).reshape(shape)
        except ValueError as error:
            raise field.error(f"is not {np.prod(shape)} numbers") from error
        if not (np.abs(values) <= LARGEST_NUMBER).all():  # NaN is not, either
            raise field.error(
                f"holds a number that is not finite, or beyond {LARGEST_NUMBER:g}"
            )
        return dataclasses.replace(field, values=values)

    def error(self, problem: str) -> UserError:
        """Makes the error that names file, line and field."""
        return UserError(
            f"{self.file}, line {self.line}: field {self.name!r} {problem}; {REMEDY}"
        )
