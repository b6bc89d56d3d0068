import numpy as np
import pytest

from deepdepth_jax.datasets.kitti.lidar import project_lidar, read_sweep
from deepdepth_jax.errors import UserError

HEIGHT, WIDTH = 24, 40
LIDAR_TO_CAMERA_M = 0.25
# u = 20 - 30 left / depth, v = 12 - 30 up / depth, depth = forward - 0.25
PROJECTION = np.array(
    [
        [20.0, -30.0, 0.0, -20 * LIDAR_TO_CAMERA_M],
        [12.0, 0.0, -30.0, -12 * LIDAR_TO_CAMERA_M],
        [1.0, 0.0, 0.0, -LIDAR_TO_CAMERA_M],
    ]
)


def point_at(u, v, depth_m):
    """The lidar point that `PROJECTION` brings to (u, v) at this depth."""
    left, up = (20 - u) * depth_m / 30, (12 - v) * depth_m / 30
    return [depth_m + LIDAR_TO_CAMERA_M, left, up, 0.5]


def project(*points, **options):
    return project_lidar(np.array(points), PROJECTION, HEIGHT, WIDTH, **options)


def random_sweep():
    rng = np.random.default_rng(7)
    points = rng.uniform((-5, -15, -9, 0), (20, 15, 9, 1), (8000, 4))
    close = rng.uniform((0, -0.2, -0.2, 0), (0.5, 0.2, 0.2, 1), (500, 4))
    return np.concatenate([points, close]).astype(np.float32)


def project_slowly(points):
    """The rules of KITTI's kit, one point at a time."""
    depth_m = np.zeros((HEIGHT, WIDTH))
    for x, y, z, _ in points.astype(np.float64):
        u, v, depth = PROJECTION @ (x, y, z, 1)
        if x < 0 or depth <= 0:
            continue
        column, row = round(u / depth) - 1, round(v / depth) - 1
        if 0 <= column < WIDTH and 0 <= row < HEIGHT:
            nearest = depth_m[row, column]
            depth_m[row, column] = min(depth, nearest) if nearest else depth
    return depth_m


def project_slowly_legacy(points):
    """The same with the well-known evaluation code's two peculiarities."""
    depth_m = np.zeros((HEIGHT, WIDTH))
    shared = {}
    for x, y, z, _ in points.astype(np.float64):
        u, v, depth = PROJECTION @ (x, y, z, 1)
        if x < 0:
            continue
        column, row = round(u / depth) - 1, round(v / depth) - 1
        if 0 <= column < WIDTH and 0 <= row < HEIGHT:
            depth_m[row, column] = x
            number = row * (WIDTH - 1) + column - 1
            shared.setdefault(number, []).append((row, column, x))
    for points_of_one in shared.values():
        if len(points_of_one) > 1:
            row, column, _ = points_of_one[0]
            depth_m[row, column] = min(x for _, _, x in points_of_one)
    return depth_m


@pytest.mark.parametrize(
    ("legacy", "slow"), [(False, project_slowly), (True, project_slowly_legacy)]
)
def test_equals_a_loop_over_points(legacy, slow):
    points = random_sweep()
    depth_m = project_lidar(points, PROJECTION, HEIGHT, WIDTH, legacy=legacy)
    assert depth_m.dtype == np.float32
    assert 0.5 < (depth_m > 0).mean() < 1
    np.testing.assert_array_equal(depth_m, slow(points).astype(np.float32))


def test_depth_is_along_the_optical_axis():
    depth_m = project(point_at(31, 5, 8.0))
    assert np.argwhere(depth_m).tolist() == [[4, 30]]
    np.testing.assert_allclose(depth_m[4, 30], 8.0, rtol=1e-6)


def test_legacy_depth_is_the_lidars_own_x():
    depth_m = project(point_at(31, 5, 8.0), legacy=True)
    np.testing.assert_allclose(depth_m[4, 30], 8.25, rtol=1e-6)


@pytest.mark.parametrize("legacy", [False, True])
def test_nearest_point_wins_in_any_order(legacy):
    depths = [point_at(10, 10, depth_m) for depth_m in (9.0, 4.0, 30.0)]
    for order in (depths, depths[::-1]):
        depth_m = project(*order, legacy=legacy)
        assert np.count_nonzero(depth_m) == 1
        np.testing.assert_allclose(depth_m[9, 9], 4.25 if legacy else 4, rtol=1e-6)


def test_points_behind_are_dropped():
    behind_lidar = point_at(10, 10, -5.0)
    behind_camera = point_at(10, 10, -0.2)
    assert behind_lidar[0] < 0 < behind_camera[0]
    assert not project(behind_lidar, behind_camera).any()
    in_camera_plane = [LIDAR_TO_CAMERA_M, 1.0, 0.0, 0.0]
    assert not project(in_camera_plane).any()


@pytest.mark.parametrize(
    ("u", "v", "pixel"),
    [
        (1, 1, (0, 0)),
        (0.51, 0.51, (0, 0)),
        (0.49, 5, None),
        (5, 0.49, None),
        (WIDTH, HEIGHT, (HEIGHT - 1, WIDTH - 1)),
        (WIDTH + 0.49, HEIGHT + 0.49, (HEIGHT - 1, WIDTH - 1)),
        (WIDTH + 0.51, 5, None),
        (5, HEIGHT + 0.51, None),
    ],
)
def test_border_pixels(u, v, pixel):
    hit = np.argwhere(project(point_at(u, v, 6.0))).tolist()
    assert hit == ([] if pixel is None else [list(pixel)])


def test_legacy_takes_last_and_first_column_for_one():
    last_of_row_3, first_of_row_4 = point_at(WIDTH, 4, 9.0), point_at(1, 5, 2.0)
    legacy_m = project(last_of_row_3, first_of_row_4, legacy=True)
    np.testing.assert_allclose(legacy_m[3, WIDTH - 1], 2.25, rtol=1e-6)
    np.testing.assert_allclose(legacy_m[4, 0], 2.25, rtol=1e-6)
    # The pixel that is not the first point's keeps the last of its own points.
    legacy_m = project(last_of_row_3, first_of_row_4, point_at(1, 5, 6.0), legacy=True)
    np.testing.assert_allclose(legacy_m[3, WIDTH - 1], 2.25, rtol=1e-6)
    np.testing.assert_allclose(legacy_m[4, 0], 6.25, rtol=1e-6)
    depth_m = project(last_of_row_3, first_of_row_4)
    np.testing.assert_allclose(depth_m[3, WIDTH - 1], 9.0, rtol=1e-6)


def test_no_points_give_an_empty_map():
    depth_m = project_lidar(np.zeros((0, 4)), PROJECTION, HEIGHT, WIDTH)
    assert depth_m.shape == (HEIGHT, WIDTH)
    assert not depth_m.any()


def test_further_channels_are_not_read():
    points = random_sweep()
    np.testing.assert_array_equal(
        project_lidar(points, PROJECTION, HEIGHT, WIDTH),
        project_lidar(points[:, :3], PROJECTION, HEIGHT, WIDTH),
    )


def test_sweep_is_read_point_by_point(tmp_path):
    points = random_sweep()
    path = tmp_path / "0000000000.bin"
    path.write_bytes(points.tobytes())
    np.testing.assert_array_equal(read_sweep(path), points)


@pytest.mark.parametrize(
    ("content", "problem"), [(bytes(40), "40 bytes"), (b"", "is empty")]
)
def test_broken_sweep_is_named(tmp_path, content, problem):
    path = tmp_path / "0000000000.bin"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path}: .*{problem}"):
        read_sweep(path)


def test_missing_sweep_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.bin: cannot be read"):
        read_sweep(tmp_path / "none.bin")
