import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource
from deepdepth_jax.errors import UserError

VAL = [Frame("2011_09_26", "0005", camera, 5) for camera in (2, 3)]


def assert_read_fails(source, path, problem):
    with pytest.raises(UserError) as raised:
        source.read(0)
    message = str(raised.value)
    assert str(path) in message
    assert problem in message
    assert "\n" not in message


def test_fields_that_do_not_go_are_refused(kitti):
    kitti.write_frames(*VAL)
    for options, problem in [
        ({"split": "validation"}, "split 'validation'"),
        ({"ground_truth": "annotated"}, "'annotated'"),
        ({"legacy": True}, "legacy"),
        ({"cameras": (1,)}, "cameras"),
        ({"validation_drives": ("0005",)}, "validation_drives"),
        ({"train_list": str(kitti.root / "none.txt")}, r"none\.txt: cannot be read"),
        ({"val_list": str(kitti.root / "none.txt")}, r"none\.txt: cannot be read"),
        ({"test_list": str(kitti.root / "none.txt")}, r"none\.txt: cannot be read"),
    ]:
        with pytest.raises(UserError, match=problem):
            KittiSource(**{"root": kitti.root, "split": "val"} | options)


def test_missing_root_is_said_at_once(tmp_path):
    with pytest.raises(UserError, match=f"data.root = {tmp_path / 'none'}"):
        KittiSource(tmp_path / "none", "val")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_image_is_named(kitti, suffix):
    kitti.suffix = suffix
    kitti.write_frames(VAL[0])
    path = kitti.image_path(VAL[0])
    path.write_bytes(path.read_bytes()[:-30])
    assert_read_fails(KittiSource(kitti.root, "val"), path, "cut off")


def test_8_bit_depth_is_named(kitti):
    kitti.write_frames(VAL[0])
    kitti.write_depth(VAL[0], dtype=np.uint8)
    path = kitti.depth_path(VAL[0])
    assert_read_fails(KittiSource(kitti.root, "val"), path, "8 bits")


def test_depth_of_another_size_is_named_with_its_image(kitti):
    kitti.write_frames(VAL[0])
    kitti.write_depth(VAL[0], size=(12, 19))
    source = KittiSource(kitti.root, "val")
    assert_read_fails(source, kitti.depth_path(VAL[0]), "is 19 x 12")
    assert_read_fails(source, kitti.image_path(VAL[0]), "is 20 x 12")


def test_rgb_depth_is_named(kitti):
    kitti.write_frames(VAL[0])
    path = kitti.depth_path(VAL[0])
    path.write_bytes(tf.io.encode_png(np.ones((12, 20, 3), np.uint16)).numpy())
    assert_read_fails(KittiSource(kitti.root, "val"), path, "not a 16-bit grey PNG")


def test_sweep_of_odd_size_is_named(kitti):
    kitti.write_frames(VAL[0])
    path = kitti.sweep_path(VAL[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert_read_fails(KittiSource(kitti.root, "val", "lidar"), path, "cut off")


def test_half_a_calibration_is_named(kitti):
    kitti.write_frames(VAL[0])
    path = kitti.calib_folder(VAL[0]) / "calib_velo_to_cam.txt"
    path.unlink()
    assert_read_fails(KittiSource(kitti.root, "val", "lidar"), path, "cannot be read")


@pytest.mark.parametrize("ground_truth", ["improved", "lidar"])
def test_an_unparsable_calibration_is_named_and_spoils_its_own_day_alone(
    kitti, ground_truth
):
    other_day = Frame("2011_09_28", "0001", 2, 7)
    kitti.write_frames(VAL[0], other_day)
    path = kitti.calib_folder(VAL[0]) / "calib_cam_to_cam.txt"
    path.write_text(path.read_text().replace("P_rect_02: 16", "P_rect_02: x"))
    source = KittiSource(kitti.root, "val", ground_truth)
    for _ in range(2):  # said each time
        assert_read_fails(source, path, "'P_rect_02' is not 12 numbers")
    assert source.read(1).name == other_day.name


def test_cut_depth_is_named(kitti):
    kitti.write_frames(VAL[0])
    path = kitti.depth_path(VAL[0])
    path.write_bytes(path.read_bytes()[:-30])
    assert_read_fails(KittiSource(kitti.root, "val"), path, "cut off")
