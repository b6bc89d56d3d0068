import numpy as np
from ply_reader import read_ply

from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.geometry.edges import at_edges
from deepdepth_jax.inference.point_cloud import PointCloud


def smooth_depth(height=9, width=13):
    y, x = np.mgrid[:height, :width]
    return (10 + 0.1 * x + 0.2 * y).astype(np.float32)


def sample(height=9, width=13):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_points_come_back_by_the_pinhole_formula(tmp_path):
    depth_m, image = smooth_depth(), sample()
    camera = Pinhole(focal_px=20.0, principal_point_px=(5.0, 2.0))
    PointCloud.of(image, depth_m, camera).save(tmp_path / "points.ply")
    points, comments = read_ply(tmp_path / "points.ply")
    assert len(points) == depth_m.size
    for index, point in enumerate(points):
        row, column = divmod(index, 13)
        z = float(depth_m[row, column])
        expected = ((column - 5.0) * z / 20.0, (row - 2.0) * z / 20.0, z)
        found = (point["x"], point["y"], point["z"])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        rgb = (point["red"], point["green"], point["blue"])
        assert rgb == tuple(image[row, column])
    assert any("x to the right, y down, z forward" in line for line in comments)


def test_without_a_principal_point_the_middle_is_straight_ahead():
    points_m = Pinhole(focal_px=30.0).unproject(np.full((5, 7), 4, np.float32))
    np.testing.assert_array_equal(points_m[2, 3], (0, 0, 4))
    np.testing.assert_allclose(points_m[:, ::-1, 0], -points_m[..., 0])
    np.testing.assert_allclose(points_m[::-1, :, 1], -points_m[..., 1])
    assert points_m[0, 6, 0] > 0 > points_m[0, 6, 1]


def test_the_road_is_flat():
    """Depth of a plane 1.65 m below the camera unprojects to that plane."""
    row = np.arange(12, dtype=np.float32)[:, None]
    depth_m = np.broadcast_to(700 * 1.65 / (row + 60), (12, 30))
    camera = Pinhole(700.0, (14.5, -60.0))
    np.testing.assert_allclose(camera.unproject(depth_m)[..., 1], 1.65, rtol=1e-5)


def test_pixels_at_steps_and_without_depth_are_left_out(tmp_path):
    depth_m = np.full((6, 10), 5, np.float32)
    depth_m[:, 5:] = 20  # a step between columns 4 and 5
    depth_m[5, 0] = 0
    expected = np.zeros((6, 10), bool)
    expected[:, 4:6] = True
    expected[4:, :2] = True  # beside what has no depth is an edge, too
    np.testing.assert_array_equal(at_edges(depth_m), expected)
    PointCloud.of(sample(6, 10), depth_m, Pinhole(20.0)).save(tmp_path / "p.ply")
    points, _ = read_ply(tmp_path / "p.ply")
    assert len(points) == 60 - expected.sum()
    assert {point["z"] for point in points} == {5.0, 20.0}


def test_an_image_of_nothing_is_a_file_without_points(tmp_path):
    nothing = np.zeros((4, 4), np.float32)
    PointCloud.of(sample(4, 4), nothing, Pinhole(20.0)).save(tmp_path / "p.ply")
    assert read_ply(tmp_path / "p.ply")[0] == []
