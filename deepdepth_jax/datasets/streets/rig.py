"""A car's cameras and lidar as KITTI calibrates them, around a scene's camera.

The scene's camera is KITTI's camera 2, after rectification. All cameras share its axes.
A point is at `rectified + CAMERA_OFFSETS_M[c]` from camera c, where `rectified` is its
place in the frame of camera 0.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from deepdepth_jax.datasets.streets.render import intrinsics
from deepdepth_jax.datasets.streets.scene import Camera

CAMERA_OFFSETS_M = {
    0: (0.0, 0.0, 0.0),
    1: (-0.54, 0.0, 0.0),
    2: (0.06, 0.0003, 0.0027),
    3: (-0.47, 0.0023, 0.0026),
}
LIDAR_OFFSET_M = (-0.004, -0.076, -0.272)  # of the lidar in the frame of camera 0
LIDAR_TO_CAMERA = ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
PIXEL_OFFSET = 0.5
"""From our pixels, whose middles are at 0.5, 1.5, ..., to KITTI's at 1, 2, ..."""


def _rotation(x: float, y: float, z: float) -> Float64[np.ndarray, "3 3"]:
    """Turns by small angles (radians) about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([x, y, z]), np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


RECTIFICATION = _rotation(0.004, -0.007, 0.010)
LIDAR_ROTATION = _rotation(-0.015, 0.007, 0.001) @ np.array(LIDAR_TO_CAMERA)


def camera_pose(camera_2: Camera, camera: int) -> Camera:
    """Places another of the car's cameras."""
    apart = np.subtract(CAMERA_OFFSETS_M[2], CAMERA_OFFSETS_M[camera])
    axes = np.asarray(camera_2.axes, np.float64)
    position = np.asarray(camera_2.position, np.float64) + axes.T @ apart
    return Camera(position=jnp.asarray(position, jnp.float32), axes=camera_2.axes)


def lidar_pose(
    camera_2: Camera,
) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3 3"]]:
    """Places the lidar: its position, and rows forward, left, up in the world."""
    in_camera_2 = RECTIFICATION @ LIDAR_OFFSET_M + CAMERA_OFFSETS_M[2]
    axes = np.asarray(camera_2.axes, np.float64)
    position = np.asarray(camera_2.position, np.float64) + axes.T @ in_camera_2
    return position, (axes.T @ RECTIFICATION @ LIDAR_ROTATION).T


def projection(camera: int, height: int, width: int) -> Float64[np.ndarray, "3 4"]:
    """Computes P_rect, from the frame of camera 0 to a camera's pixels, as KITTI's.

    Args:
      camera: number of the camera.
      height: height of the images.
      width: width of the images.

    Returns:
      The matrix, in pixels.
    """
    focal_px, center_x_px, center_y_px = intrinsics(height, width)
    matrix = np.array(
        [
            [focal_px, 0, center_x_px + PIXEL_OFFSET],
            [0, focal_px, center_y_px + PIXEL_OFFSET],
            [0, 0, 1],
        ]
    )
    offset = np.array(CAMERA_OFFSETS_M[camera])[:, None]
    return matrix @ np.hstack([np.eye(3), offset])


def camera_calibration(height: int, width: int) -> str:
    """Formats `calib_cam_to_cam.txt`, for cameras without any distortion.

    Args:
      height: heights, metres.
      width: columns of the image.

    Returns:
      The text of the file.
    """
    lines = ["calib_time: 01-Jan-2000 00:00:00", _line("corner_dist", 0.0995)]
    for camera, offset in CAMERA_OFFSETS_M.items():
        matrix = projection(camera, height, width)
        fields = {
            "S": (width, height),
            "K": matrix[:, :3],
            "D": np.zeros(5),
            "R": np.eye(3),
            "T": offset,
            "S_rect": (width, height),
            "R_rect": RECTIFICATION,
            "P_rect": matrix,
        }
        lines += [_line(f"{name}_{camera:02d}", v) for name, v in fields.items()]
    return "\n".join(lines) + "\n"


def lidar_calibration() -> str:
    """Formats `calib_velo_to_cam.txt`."""
    fields = {"R": LIDAR_ROTATION, "T": LIDAR_OFFSET_M, "delta_f": [0, 0]}
    fields["delta_c"] = [0, 0]
    lines = ["calib_time: 01-Jan-2000 00:00:00"]
    lines += [_line(name, values) for name, values in fields.items()]
    return "\n".join(lines) + "\n"


def _line(name: str, values: object) -> str:
    numbers = np.ravel(np.asarray(values, np.float64))
    return f"{name}: " + " ".join(f"{number:.6e}" for number in numbers)
