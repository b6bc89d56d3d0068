import numpy as np
import pytest

from deepdepth_jax.datasets.kitti.calibration import (
    CAMERA_FILE,
    LIDAR_FILE,
    read_focal_px,
    read_projection,
)
from deepdepth_jax.errors import UserError

CAMERA_TEXT = """\
calib_time: 09-Jan-2012 13:57:47
corner_dist: 9.950000e-02
R_02: 9 9 9 9 9 9 9 9 9
R_rect_00: 0 1 0 -1 0 0 0 0 1
P_rect_00: 1 0 0 0 0 1 0 0 0 0 1 0
R_rect_02: 9 9 9 9 9 9 9 9 9
P_rect_02: 7.0e+02 0 600 45 0 710 170 -0.2 0 0 1 3e-3
P_rect_03: 690 0 500 -340 0 690 180 2 0 0 1 2e-3
"""
LIDAR_TEXT = """\
calib_time: 15-Mar-2012 11:37:16
R: 0 -1 0 0 0 -1 1 0 0
T: -0.1 0.2 -0.3
delta_f: 0.0 0.0
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "calib_cam_to_cam.txt").write_text(CAMERA_TEXT)
    (tmp_path / "calib_velo_to_cam.txt").write_text(LIDAR_TEXT)
    return tmp_path


@pytest.mark.parametrize(
    ("camera", "camera_matrix"),
    [
        (2, [[700, 0, 600, 45], [0, 710, 170, -0.2], [0, 0, 1, 3e-3]]),
        (3, [[690, 0, 500, -340], [0, 690, 180, 2], [0, 0, 1, 2e-3]]),
    ],
)
def test_projection_follows_a_point_step_by_step(folder, camera, camera_matrix):
    forward, left, up = 10.0, 2.0, -1.0
    in_camera_0 = (-left - 0.1, -up + 0.2, forward - 0.3)
    rectified = (in_camera_0[1], -in_camera_0[0], in_camera_0[2])
    expected = np.array(camera_matrix) @ (*rectified, 1)
    projection = read_projection(folder, camera)
    np.testing.assert_allclose(projection @ (forward, left, up, 1), expected)


def test_focal_length_is_the_rectified_cameras(folder):
    assert read_focal_px(folder, 2) == 700
    assert read_focal_px(str(folder), 3) == 690


@pytest.mark.parametrize("file", ["calib_cam_to_cam.txt", "calib_velo_to_cam.txt"])
def test_missing_file_is_named(folder, file):
    (folder / file).unlink()
    with pytest.raises(UserError, match=f"{folder / file}: cannot be read"):
        read_projection(folder, 2)


@pytest.mark.parametrize(
    ("file", "good", "bad", "problem"),
    [
        ("calib_cam_to_cam.txt", "P_rect_02", "P_rect_0x", "no field 'P_rect_02'"),
        ("calib_cam_to_cam.txt", "R_rect_00", "R_rect_0x", "no field 'R_rect_00'"),
        ("calib_velo_to_cam.txt", "T:", "t:", "no field 'T'"),
        ("calib_cam_to_cam.txt", "7.0e+02", "7.0e+", "'P_rect_02' is not 12 numbers"),
        ("calib_cam_to_cam.txt", " 3e-3", "", "'P_rect_02' is not 12 numbers"),
        ("calib_velo_to_cam.txt", " -0.3", " -0.3 1", "'T' is not 3 numbers"),
        ("calib_velo_to_cam.txt", "R: 0", "R:", "'R' is not 9 numbers"),
    ],
)
def test_unparsable_field_is_named_with_its_file(folder, file, good, bad, problem):
    path = folder / file
    text = path.read_text()
    assert good in text
    path.write_text(text.replace(good, bad))
    with pytest.raises(UserError) as raised:
        read_projection(folder, 2)
    assert str(raised.value).startswith(str(path))
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("file", "line", "good", "bad", "problem"),
    [
        (CAMERA_FILE, 7, "7.0e+02", "nan", "'P_rect_02' holds a number that is not"),
        (CAMERA_FILE, 7, "7.0e+02", "-700", "focal length -700 px"),
        (CAMERA_FILE, 7, "7.0e+02", "0", "focal length 0 px"),
        (CAMERA_FILE, 7, "7.0e+02", "1e-300", "focal length 1e-300 px"),
        (CAMERA_FILE, 7, "710", "-710", "focal length -710 px"),
        (CAMERA_FILE, 7, "600", "inf", "'P_rect_02' holds a number that is not"),
        (CAMERA_FILE, 7, "600", "0", "principal point at (0, 170), outside"),
        (CAMERA_FILE, 7, "170", "-1", "principal point at (600, -1), outside"),
        (CAMERA_FILE, 7, "7.0e+02 0", "7.0e+02 1", "has skewed axes"),
        (CAMERA_FILE, 7, "170", "1e300", "beyond 1e+06"),
        (CAMERA_FILE, 7, "0 0 1 3e-3", "0 0 0 3e-3", "row '0 0 1 t'"),
        (CAMERA_FILE, 4, "_00: 0 1 0", "_00: 0 nan 0", "'R_rect_00' holds a number"),
        (CAMERA_FILE, 4, "_00: 0 1 0", "_00: 0 0 0", "'R_rect_00' is not a rotation"),
        (CAMERA_FILE, 4, "_00: 0 1 0", "_00: 0 -1 0", "'R_rect_00' is not a rotation"),
        (LIDAR_FILE, 2, "R: 0 -1", "R: 0 -2", "'R' is not a rotation"),
        (LIDAR_FILE, 3, "-0.3", "nan", "'T' holds a number that is not finite"),
    ],
)
def test_a_number_of_no_use_is_named_with_its_file_and_line(
    folder, *, file, line, good, bad, problem
):
    path = folder / file
    path.write_text(path.read_text().replace(good, bad))
    with pytest.raises(UserError) as raised:
        read_projection(folder, 2)
    assert str(raised.value).startswith(f"{path}, line {line}: field ")
    assert problem in str(raised.value)


def test_a_focal_length_of_no_use_is_refused_where_it_alone_is_read(folder):
    path = folder / CAMERA_FILE
    path.write_text(path.read_text().replace("690", "nan"))
    assert read_focal_px(folder, 2) == 700
    with pytest.raises(UserError, match=f"{path}, line 8: field 'P_rect_03'"):
        read_focal_px(folder, 3)


def test_binary_rubbish_is_no_crash(folder):
    (folder / "calib_velo_to_cam.txt").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="no field 'R'"):
        read_projection(folder, 2)
