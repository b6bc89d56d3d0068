import zlib
from collections import Counter

import pytest

from deepdepth_jax.datasets.kitti.eigen import (
    VALIDATION_DRIVES,
    Frame,
    frames,
    has_annotation,
)
from deepdepth_jax.errors import UserError


def drives(listed):
    return {frame.drive_name for frame in listed}


def test_counts_are_those_of_the_literature():
    train = frames("train", validation_drives=())
    test = frames("test")
    assert len(train) == 23_488
    assert sum(map(has_annotation, train)) == 23_158
    assert len(drives(train)) == 33
    assert len(test) == 697
    assert sum(map(has_annotation, test)) == 652
    assert len(drives(test)) == 28
    assert not drives(train) & drives(test)


def test_validation_holds_whole_drives_out_of_training():
    train, val = frames("train"), frames("val")
    assert drives(val) == set(VALIDATION_DRIVES)
    assert not drives(train) & drives(val)
    assert len(val) == 154 + 800 + 100 + 106
    assert set(train) | set(val) == set(frames("train", validation_drives=()))
    assert not frames("val", validation_drives=())


def test_held_out_drives_can_be_others():
    chosen = "2011_10_03_drive_0042"
    assert drives(frames("val", validation_drives=[chosen])) == {chosen}
    assert len(frames("val", validation_drives=[chosen])) == 1170
    assert len(frames("train", validation_drives=[chosen])) == 23_488 - 1170


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_both_cameras_show_the_same_moments(split):
    left, right = frames(split, (2,)), frames(split, (3,))
    both = frames(split, (2, 3))
    assert len(both) == len(set(both)) == 2 * len(left)
    assert set(both) == {*left, *right}
    assert [f.camera for f in left] == [2] * len(left)
    assert [(f.drive_name, f.index) for f in left] == [
        (f.drive_name, f.index) for f in right
    ]


def test_frames_per_day():
    days = Counter(frame.date for frame in frames("train", validation_drives=()))
    assert days == {
        "2011_09_26": 7_953,
        "2011_09_28": 106,
        "2011_09_29": 497,
        "2011_09_30": 9_099,
        "2011_10_03": 5_833,
    }
    # 25 frames of every test drive, but for the shortest.
    per_drive = Counter(frame.drive_name for frame in frames("test"))
    short = {"2011_09_26_drive_0048": 22}
    assert {d: n for d, n in per_drive.items() if n != 25} == short


def test_frames_at_the_seams_of_the_tables():
    test = {(f.drive_name, f.index) for f in frames("test")}
    for drive, there, not_there in [
        ("2011_09_26_drive_0002", (0, 63, 69, 75), (1, 66, 76)),
        ("2011_09_26_drive_0013", (10, 20, 30, 140), (15, 25, 55, 75)),
        ("2011_09_26_drive_0106", (15, 35, 219), (27, 227)),
        ("2011_09_29_drive_0071", (612, 735, 951, 1054), (648, 1055)),
        ("2011_10_03_drive_0027", (543, 734, 4535), (724, 4544)),
    ]:
        assert test >= {(drive, index) for index in there}
        assert not test & {(drive, index) for index in not_there}


def test_not_one_frame_of_the_tables_has_changed():
    """Digests of the names, taken when the tables were checked against the split."""
    for split, digest in {"train": 3649428456, "test": 512868198}.items():
        listed = sorted(f.name for f in frames(split, validation_drives=()))
        assert zlib.crc32("\n".join(listed).encode()) == digest, split


def test_annotation_lacks_five_frames_at_either_end():
    drive = [Frame("2011_09_26", "0001", 2, index) for index in range(108)]
    annotated = [frame.index for frame in drive if has_annotation(frame)]
    assert annotated == list(range(5, 103))


def test_of_a_drive_of_unknown_length_every_frame_counts_as_annotated():
    for index in (0, 5, 10_000):
        assert has_annotation(Frame("2011_09_26", "9999", 2, index))


def test_names_are_those_of_the_folders():
    frame = Frame("2011_09_26", "0001", 3, 5)
    assert frame.drive_folder == "2011_09_26_drive_0001_sync"
    assert frame.camera_folder == "image_03"
    assert frame.stem == "0000000005"
    assert frame.name == "2011_09_26_drive_0001_sync/image_03/0000000005"
    assert frame.annotation == (
        "2011_09_26_drive_0001_sync/proj_depth/groundtruth/image_03/0000000005.png"
    )


@pytest.mark.parametrize("cameras", [(), (0,), (2, 4), (2, 2)])
def test_cameras_that_do_not_exist_are_refused(cameras):
    with pytest.raises(UserError, match=r"data\.kitti\.cameras"):
        frames("train", cameras)


def test_splits_and_drives_that_do_not_exist_are_refused():
    with pytest.raises(UserError, match=r"'validation'.*'val'"):
        frames("validation")
    for drive in ("2011_09_26_drive_0002", "2011_09_26_drive_0005_sync"):
        with pytest.raises(UserError, match=f"validation_drives.*{drive}"):
            frames("val", validation_drives=(drive,))
