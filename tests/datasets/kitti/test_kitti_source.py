from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.datasets.kitti.calibration import read_projection
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.lidar import project_lidar
from deepdepth_jax.datasets.kitti.source import KittiSource
from deepdepth_jax.errors import UserError

# Mostly the smallest split is read: 1160 frames a camera, 1120 of them annotated.
VAL = [Frame("2011_09_26", "0005", camera, 5) for camera in (2, 3)]
TRAIN = Frame("2011_09_26", "0001", 2, 20)
TEST = Frame("2011_09_26", "0002", 2, 6)
UNANNOTATED_TEST = Frame("2011_09_26", "0002", 2, 3)


def write_frames(kitti, *frames):
    """Writes all files of these frames; returns their improved depth values."""
    for frame in frames:
        kitti.write_image(frame)
        kitti.write_sweep(frame)
        kitti.write_calibration(frame)
    return [kitti.write_depth(frame) for frame in frames]


def assert_read_fails(source, path, problem):
    with pytest.raises(UserError) as raised:
        source.read(0)
    message = str(raised.value)
    assert str(path) in message
    assert problem in message
    assert "\n" not in message


def test_improved_depth_is_read_exactly(kitti):
    (values,) = write_frames(kitti, VAL[0])
    source = KittiSource(kitti.root, "val")
    record = source.read(0)
    assert len(source) == 1
    assert record.name == "2011_09_26_drive_0005_sync/image_02/0000000005"
    assert record.image == kitti.image_path(VAL[0]).read_bytes()
    assert record.depth_m.dtype == np.float32
    np.testing.assert_array_equal(record.depth_m, values / 256)
    assert record.focal_px == 16


@pytest.mark.parametrize("legacy", [False, True])
def test_lidar_is_projected_into_the_camera_of_the_frame(kitti, legacy):
    write_frames(kitti, *VAL)
    source = KittiSource(str(kitti.root), "val", "lidar", (2, 3), legacy=legacy)
    points = kitti.write_sweep(VAL[0])
    assert len(source) == 2
    for index, camera in enumerate((2, 3)):
        projection = read_projection(kitti.calib_folder(VAL[0]), camera)
        expected = project_lidar(points, projection, 12, 20, legacy=legacy)
        np.testing.assert_array_equal(source.read(index).depth_m, expected)
    assert (source.read(0).depth_m != source.read(1).depth_m).any()


def test_splits_take_their_own_frames(kitti):
    write_frames(kitti, *VAL, TRAIN, TEST)
    for split, frame in {"train": TRAIN, "val": VAL[0], "test": TEST}.items():
        source = KittiSource(kitti.root, split)
        assert [source.read(i).name for i in range(len(source))] == [frame.name]
    held_out = KittiSource(
        kitti.root, "val", validation_drives=("2011_09_26_drive_0001",)
    )
    assert held_out.read(0).name == TRAIN.name


def test_report_counts_and_names_what_is_missing(kitti):
    write_frames(kitti, *VAL)
    without_depth = Frame("2011_09_26", "0005", 2, 6)
    kitti.write_image(without_depth)
    assert KittiSource(kitti.root, "val", cameras=(2, 3)).report() == (
        f"kitti val (improved): 2 of 2240 frames under {kitti.root}; "
        f"1 without improved depth: {without_depth.name}; 2237 without picture: "
        "2011_09_26_drive_0005_sync/image_02/0000000007 and so on; "
        "80 further frames of the split never had such depth"
    )


def test_report_of_lidar_names_sweeps_and_calibration(kitti):
    write_frames(kitti, *VAL)
    without_sweep = Frame("2011_09_26", "0005", 2, 6)
    kitti.write_image(without_sweep)
    without_calibration = Frame("2011_09_28", "0001", 2, 7)
    kitti.write_image(without_calibration)
    kitti.write_sweep(without_calibration)
    report = KittiSource(kitti.root, "val", "lidar").report()
    assert "kitti val (lidar): 1 of 1160 frames" in report
    assert f"1 without lidar sweep: {without_sweep.name};" in report
    assert f"1 without calibration: {without_calibration.name}" in report
    assert "never had" not in report
    legacy = KittiSource(kitti.root, "val", "lidar", legacy=True)
    assert "kitti val (lidar, legacy): 1 of 1160" in legacy.report()


def test_frames_that_were_never_annotated_are_told_apart(kitti):
    write_frames(kitti, TEST)
    kitti.write_image(UNANNOTATED_TEST)
    kitti.write_sweep(UNANNOTATED_TEST)
    improved = KittiSource(kitti.root, "test")
    assert len(improved) == 1
    assert improved.images_without_ground_truth == 697 - 652
    assert UNANNOTATED_TEST.name not in improved.report()
    lidar = KittiSource(kitti.root, "test", "lidar")
    assert len(lidar) == 2
    assert lidar.images_without_ground_truth == 0


def test_no_frame_at_all_is_no_error(kitti):
    write_frames(kitti, TEST)
    source = KittiSource(kitti.root, "val")
    assert len(source) == 0
    assert "0 of 1120 frames" in source.report()


def test_focal_length_is_unknown_without_calibration(kitti):
    kitti.write_image(VAL[0])
    kitti.write_depth(VAL[0])
    assert KittiSource(kitti.root, "val").read(0).focal_px == 0


def test_identity_stays_when_the_folder_moves(kitti):
    write_frames(kitti, *VAL)
    before = KittiSource(kitti.root, "val").identity()
    kitti.root = kitti.root.rename(kitti.root.with_name("moved"))
    assert KittiSource(kitti.root, "val").identity() == before


def test_identity_changes_with_all_that_decides_the_records(kitti):
    write_frames(kitti, *VAL)

    def identity(ground_truth="lidar", **options):
        return KittiSource(kitti.root, "val", ground_truth, **options).identity()

    seen = [
        identity(),
        identity("improved"),
        identity(legacy=True),
        identity(cameras=(3,)),
        identity(cameras=(2, 3)),
    ]
    kitti.write_sweep(VAL[0], num_points=201)
    seen.append(identity())
    camera_file = kitti.calib_folder(VAL[0]) / "calib_cam_to_cam.txt"
    camera_file.write_text(camera_file.read_text().replace("16", "17"))
    seen.append(identity())
    write_frames(kitti, Frame("2011_09_26", "0005", 2, 6))
    seen.append(identity())
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])


def test_a_folder_is_listed_once_however_many_frames_it_holds(kitti, monkeypatch):
    for index in range(5, 35):
        frame = Frame("2011_09_26", "0005", 2, index)
        kitti.write_image(frame)
        kitti.write_depth(frame)
    listed = Counter()
    list_folder = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda self: listed.update([self]) or list_folder(self)
    )
    assert len(KittiSource(kitti.root, "val")) == 30
    assert listed == {
        kitti.image_path(frame).parent: 1,
        kitti.depth_path(frame).parent: 1,
    }


def test_fields_that_do_not_go_are_refused(kitti):
    write_frames(kitti, *VAL)
    for options, problem in [
        ({"split": "validation"}, "split 'validation'"),
        ({"ground_truth": "annotated"}, "'annotated'"),
        ({"legacy": True}, "legacy"),
        ({"cameras": (1,)}, "cameras"),
        ({"validation_drives": ("0005",)}, "validation_drives"),
    ]:
        with pytest.raises(UserError, match=problem):
            KittiSource(**{"root": kitti.root, "split": "val"} | options)


def test_missing_root_is_said_at_once(tmp_path):
    with pytest.raises(UserError, match=f"data.root = {tmp_path / 'none'}"):
        KittiSource(tmp_path / "none", "val")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_picture_is_named(kitti, suffix):
    kitti.suffix = suffix
    write_frames(kitti, VAL[0])
    path = kitti.image_path(VAL[0])
    path.write_bytes(path.read_bytes()[:-30])
    assert_read_fails(KittiSource(kitti.root, "val"), path, "cut off")


def test_8_bit_depth_is_named(kitti):
    write_frames(kitti, VAL[0])
    kitti.write_depth(VAL[0], dtype=np.uint8)
    path = kitti.depth_path(VAL[0])
    assert_read_fails(KittiSource(kitti.root, "val"), path, "8 bits")


def test_depth_of_another_size_is_named_with_its_picture(kitti):
    write_frames(kitti, VAL[0])
    kitti.write_depth(VAL[0], size=(12, 19))
    source = KittiSource(kitti.root, "val")
    assert_read_fails(source, kitti.depth_path(VAL[0]), "is 19 x 12")
    assert_read_fails(source, kitti.image_path(VAL[0]), "is 20 x 12")


def test_rgb_depth_is_named(kitti):
    write_frames(kitti, VAL[0])
    path = kitti.depth_path(VAL[0])
    path.write_bytes(tf.io.encode_png(np.ones((12, 20, 3), np.uint16)).numpy())
    assert_read_fails(KittiSource(kitti.root, "val"), path, "not a 16-bit grey PNG")


def test_sweep_of_odd_size_is_named(kitti):
    write_frames(kitti, VAL[0])
    path = kitti.sweep_path(VAL[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert_read_fails(KittiSource(kitti.root, "val", "lidar"), path, "cut off")


def test_half_a_calibration_is_named(kitti):
    write_frames(kitti, VAL[0])
    path = kitti.calib_folder(VAL[0]) / "calib_velo_to_cam.txt"
    path.unlink()
    assert_read_fails(KittiSource(kitti.root, "val", "lidar"), path, "cannot be read")
