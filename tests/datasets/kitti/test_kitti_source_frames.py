import os
from collections import Counter
from pathlib import Path

import pytest

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource

# Mostly the smallest split is read: 1160 frames a camera, 1120 of them annotated.
VAL = [Frame("2011_09_26", "0005", camera, 5) for camera in (2, 3)]
TRAIN = Frame("2011_09_26", "0001", 2, 20)
TEST = Frame("2011_09_26", "0002", 2, 6)
TRAIN_LINE, VAL_LINE, TEST_LINE = (
    f"{frame.date}/{frame.drive_folder} {frame.index} l"
    for frame in (TRAIN, VAL[0], TEST)
)
UNANNOTATED_TEST = Frame("2011_09_26", "0002", 2, 3)


def write_list(kitti, name, *lines):
    path = kitti.root.with_name(name)
    path.write_text("\n".join(lines))
    return str(path)


def names(source):
    return [source.read(index).name for index in range(len(source))]


def test_splits_take_their_own_frames(kitti):
    kitti.write_frames(*VAL, TRAIN, TEST)
    for split, frame in {"train": TRAIN, "val": VAL[0], "test": TEST}.items():
        source = KittiSource(kitti.root, split)
        assert names(source) == [frame.name]
    held_out = KittiSource(
        kitti.root, "val", validation_drives=("2011_09_26_drive_0001",)
    )
    assert held_out.read(0).name == TRAIN.name


def test_report_counts_and_names_what_is_missing(kitti):
    kitti.write_frames(*VAL)
    without_depth = Frame("2011_09_26", "0005", 2, 6)
    kitti.write_image(without_depth)
    assert KittiSource(kitti.root, "val", cameras=(2, 3)).report() == (
        f"kitti val (improved): 2 of 2240 frames under {kitti.root}; "
        f"1 without improved depth: {without_depth.name}; 2237 without image: "
        "2011_09_26_drive_0005_sync/image_02/0000000007 and so on; "
        "80 further frames never had such depth: "
        "2011_09_26_drive_0005_sync/image_02/0000000000 and so on"
    )


def test_missing_frames_are_named_by_what_they_lack_first(kitti):
    kitti.write_frames(*VAL)
    without_sweep = Frame("2011_09_26", "0005", 2, 6)
    kitti.write_image(without_sweep)
    kitti.write_sweep(Frame("2011_09_26", "0005", 2, 7))
    without_calibration = Frame("2011_09_28", "0001", 2, 7)
    kitti.write_image(without_calibration)
    kitti.write_sweep(without_calibration)
    source = KittiSource(kitti.root, "val", "lidar")
    missing = source.missing
    assert list(missing) == ["image", "lidar sweep", "calibration"]
    assert missing["lidar sweep"] == [without_sweep.name]
    assert missing["calibration"] == [without_calibration.name]
    assert "2011_09_26_drive_0005_sync/image_02/0000000007" in missing["image"]
    together = [VAL[0].name, *(name for listed in missing.values() for name in listed)]
    assert sorted(together) == sorted(source.expected)
    assert len(set(together)) == 1160
    report = source.report()
    assert report.startswith("kitti val (lidar): 1 of 1160 frames under ")
    assert f"1 without lidar sweep: {without_sweep.name};" in report
    assert f"1 without calibration: {without_calibration.name}" in report
    assert "never had" not in report


def test_report_tells_legacy_lidar_by_its_name(kitti):
    kitti.write_frames(*VAL)
    moved = kitti.root.rename(kitti.root.with_name("kitti (lidar)"))
    source = KittiSource(moved, "val", "lidar", legacy=True)
    assert source.ground_truth == "lidar"
    report = source.report()
    assert f"kitti val (lidar, legacy): 1 of 1160 frames under {moved};" in report
    plain = KittiSource(moved, "val", "lidar").report()
    assert f"kitti val (lidar): 1 of 1160 frames under {moved};" in plain


@pytest.mark.parametrize(
    ("split", "options", "expected", "without"),
    [
        ("train", {"validation_drives": ()}, 23_158, 330),
        ("train", {"cameras": (2, 3)}, 2 * (23_158 - 1120), 2 * (330 - 40)),
        ("val", {"cameras": (3,)}, 1120, 40),
        ("test", {}, 652, 45),
        ("test", {"ground_truth": "lidar"}, 697, 0),
        ("val", {"ground_truth": "lidar"}, 1160, 0),
    ],
)
def test_counts_are_those_of_the_literature(kitti, split, options, expected, without):
    kitti.write_frames(TEST)
    source = KittiSource(kitti.root, split, **options)
    assert len(source.expected) == expected
    assert len(source.without_ground_truth) == without
    listed = {*source.expected, *source.without_ground_truth}
    assert len(listed) == expected + without


def test_frames_that_were_never_annotated_are_told_apart(kitti):
    kitti.write_frames(TEST)
    kitti.write_image(UNANNOTATED_TEST)
    kitti.write_sweep(UNANNOTATED_TEST)
    improved = KittiSource(kitti.root, "test")
    assert names(improved) == [TEST.name]
    assert len(improved.without_ground_truth) == 697 - 652
    assert UNANNOTATED_TEST.name in improved.without_ground_truth
    assert "45 further frames never had such depth: 2011_09_26" in improved.report()
    lidar = KittiSource(kitti.root, "test", "lidar")
    assert len(lidar) == 2
    assert lidar.without_ground_truth == []


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_lists_tell_the_frames_in_any_order(kitti, split):
    drive = "2011_09_26/2011_09_26_drive_9999_sync"
    outside = [Frame("2011_09_26", "9999", camera, 0) for camera in (2, 3)]
    kitti.write_frames(VAL[0], *outside)
    lists = {
        "train_list": write_list(kitti, "train.txt", TRAIN_LINE),
        "val_list": write_list(kitti, "val.txt", VAL_LINE),
        "test_list": write_list(kitti, "test.txt", TEST_LINE),
    }
    lists[f"{split}_list"] = write_list(
        kitti, "list.txt", f"{drive} 0 r", f"{drive} 1 l", f"{drive} 0 l"
    )
    source = KittiSource(kitti.root, split, **lists)
    assert names(source) == [frame.name for frame in outside]
    lacking = Frame("2011_09_26", "9999", 2, 1).name
    assert source.missing == {"image": [lacking]}
    assert source.report() == (
        f"kitti {split} of {lists[f'{split}_list']} (improved): "
        f"2 of 3 frames under {kitti.root}; "
        f"1 without image: {lacking}"
    )


def test_frames_listed_without_depth_are_left_out_of_improved_depth_alone(kitti):
    image = "2011_09_26/2011_09_26_drive_9999_sync/image_02/data/{:010d}.png"
    frames = [Frame("2011_09_26", "9999", 2, index) for index in (0, 1)]
    kitti.write_frames(*frames)
    test_list = write_list(
        kitti, "test.txt", f"{image.format(0)} None 7.5", image.format(1)
    )
    source = KittiSource(kitti.root, "test", test_list=test_list)
    assert names(source) == [frames[1].name]
    assert source.without_ground_truth == [frames[0].name]
    assert source.report() == (
        f"kitti test of {test_list} (improved): 1 of 1 frames under {kitti.root}; "
        f"1 further frames never had such depth: {frames[0].name}"
    )
    lidar = KittiSource(kitti.root, "test", "lidar", test_list=test_list)
    assert names(lidar) == [frame.name for frame in frames]
    assert lidar.without_ground_truth == []


def test_no_frame_at_all_is_no_error(kitti):
    kitti.write_frames(TEST)
    source = KittiSource(kitti.root, "val")
    assert len(source) == 0
    assert "0 of 1120 frames" in source.report()


def test_a_folder_is_listed_once_however_many_frames_it_holds(kitti, monkeypatch):
    for index in range(5, 35):
        frame = Frame("2011_09_26", "0005", 2, index)
        kitti.write_image(frame)
        kitti.write_depth(frame)
    listed = Counter()
    list_folder = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: listed.update([Path(path)]) or list_folder(path)
    )
    assert len(KittiSource(kitti.root, "val")) == 30
    assert {path: count for path, count in listed.items() if path.is_dir()} == {
        kitti.image_path(frame).parent: 1,
        kitti.depth_path(frame).parent: 1,
    }
