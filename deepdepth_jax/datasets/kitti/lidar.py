"""Makes sparse depth maps of KITTI's lidar sweeps."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64, Int

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.errors import UserError

BYTES_PER_POINT = 16  # x, y, z, reflectance as float32


def read_sweep(path: str | Path) -> Float32[np.ndarray, "n 4"]:
    """Reads one turn of the lidar: x forward, y left, z up in metres, and reflectance.

    Raises:
      UserError: the file is missing, empty, or holds no whole number of points.
    """
    data = read_bytes(Path(path))
    if len(data) % BYTES_PER_POINT:
        raise UserError(
            f"{path}: has {len(data)} bytes, no multiple of the {BYTES_PER_POINT} of a "
            "lidar point, so it is cut off; copy or download it again"
        )
    return np.frombuffer(data, "<f4").reshape(-1, 4)


def project_lidar(
    points: Float[np.ndarray, "n channels"],
    projection: Float[np.ndarray, "3 4"],
    height: int,
    width: int,
    *,
    legacy: bool = False,
) -> Float32[np.ndarray, "{height} {width}"]:
    """Projects a lidar sweep into an image.

    As KITTI's kit does: points with x < 0 are dropped, a point at (u, v) goes to pixel
    (round(u) - 1, round(v) - 1), and of several points the nearest wins.

    Args:
      points: x, y, z in metres in the lidar's frame. Further channels are not read.
      projection: lidar to pixels that count from 1, of `calibration.read_projection`.
      height: rows of the image.
      width: columns of the image.
      legacy: reproduces the maps that most published Eigen figures were measured on
        (the evaluation code of Godard, Mac Aodha and Brostow, "Unsupervised monocular
        depth estimation with left-right consistency", 2017), in which depth is the
        lidar's own x, some 0.27 m more than the camera's z, and the search for points
        that share a pixel confuses the end of a row with the start of the next.

    Returns:
      Depth in metres along the optical axis. 0 where no point falls.
    """
    ahead = points[points[:, 0] >= 0, :3].astype(np.float64)
    u_depth, v_depth, depth_m = projection[:, :3] @ ahead.T + projection[:, 3:]
    # A point between the lidar and the camera is behind the camera; the legacy code
    # let it pass, as it looked at x alone.
    in_front = depth_m != 0 if legacy else depth_m > 0
    column = np.round(u_depth[in_front] / depth_m[in_front]) - 1
    row = np.round(v_depth[in_front] / depth_m[in_front]) - 1
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    row, column = row[inside].astype(np.int64), column[inside].astype(np.int64)
    if legacy:
        lidar_x_m = ahead[in_front, 0][inside]
        return _keep_nearest_legacy(row, column, lidar_x_m, height, width)
    return _keep_nearest(row, column, depth_m[in_front][inside], height, width)


def _keep_nearest(
    row: Int[np.ndarray, " n"],
    column: Int[np.ndarray, " n"],
    depth_m: Float64[np.ndarray, " n"],
    height: int,
    width: int,
) -> Float32[np.ndarray, "{height} {width}"]:
    nearest_m = np.full(height * width, np.inf)
    np.minimum.at(nearest_m, row * width + column, depth_m)
    nearest_m[np.isinf(nearest_m)] = 0
    return nearest_m.reshape(height, width).astype(np.float32)


def _keep_nearest_legacy(
    row: Int[np.ndarray, " n"],
    column: Int[np.ndarray, " n"],
    depth_m: Float64[np.ndarray, " n"],
    height: int,
    width: int,
) -> Float32[np.ndarray, "{height} {width}"]:
    """Keeps the nearest point of each pixel, as numbered by the well-known code.

    That code numbers pixels row * (width - 1) + column - 1, so the last pixel of a row
    and the first of the next share a number. The nearest point of both is written at
    the first of their points, and the other pixel keeps the last of its own points.
    """
    map_m = np.zeros((height, width))
    map_m[row, column] = depth_m  # of points that share a pixel the last one stays
    shared = row * (width - 1) + column
    numbers, first, group = np.unique(shared, return_index=True, return_inverse=True)
    nearest_m = np.full(numbers.size, np.inf)
    np.minimum.at(nearest_m, group, depth_m)
    map_m[row[first], column[first]] = nearest_m
    return map_m.astype(np.float32)
