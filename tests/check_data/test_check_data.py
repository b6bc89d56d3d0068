"""Faults on disk, planted one by one, and what check_data says of them."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.check_data.__main__ import main
from deepdepth_jax.check_data.inspection import DepthStatistics
from deepdepth_jax.check_data.report import describe
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.streets.layouts import write_kitti
from deepdepth_jax.errors import UserError

FRAMES = [
    *(Frame("2011_09_26", "0001", 2, index) for index in range(5, 11)),  # train
    Frame("2011_09_26", "0005", 2, 5),  # val
    Frame("2011_09_26", "0002", 2, 6),  # test
    Frame("2011_09_26", "0002", 2, 3),  # test, without improved depth
]
DRIVE = "2011_09_26/2011_09_26_drive_0001_sync"
ANNOTATED = "data_depth_annotated/train/2011_09_26_drive_0001_sync/proj_depth"
IMAGE = f"{DRIVE}/image_02/data/0000000006.png"
SWEEP = f"{DRIVE}/velodyne_points/data/0000000006.bin"
DEPTH = f"{ANNOTATED}/groundtruth/image_02/0000000006.png"
CALIBRATION = "2011_09_26/calib_cam_to_cam.txt"
LIDAR = ("data.kitti.ground_truth=lidar", "eval.ground_truth=lidar")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    write_kitti(root, FRAMES, height=32, width=104, azimuth_step_deg=1.0)
    return root


@pytest.fixture
def root(whole, tmp_path):
    """A copy to break, with lists of its frames and of two others: that is quicker."""
    absent = [Frame("2011_09_26", "0001", 2, index) for index in (20, 21)]
    for split, frames in {
        "train": [*FRAMES[:6], *absent],
        "val": FRAMES[6:7],
        "test": FRAMES[7:],
    }.items():
        lines = [f"{f.date}/{f.drive_folder} {f.index} l\n" for f in frames]
        (tmp_path / f"{split}.txt").write_text("".join(lines))
    return shutil.copytree(whole, tmp_path / "kitti")


def check(root, *overrides, flags=(), lists=True):
    lists = [
        f"--config.data.kitti.{split}_list={root.parent / split}.txt"
        for split in ("train", "val", "test")
        if lists
    ]
    main(
        [
            "--config=configs/kitti.py",
            f"--config.data.root={root}",
            f"--output={root.parent / 'report'}",
            *lists,
            *(f"--config.{override}" for override in overrides),
            *flags,
        ]
    )


def numbers(out, group):
    """The three counts of a line of the table."""
    return [
        tuple(map(int, found))
        for found in re.findall(rf"{group} +(\d+) +(\d+) +(\d+)", out)
    ]


def test_what_is_there_is_counted_by_split_and_drive(root, capsys):
    check(root, lists=False)
    out = capsys.readouterr().out
    # Eigen's, but for the drives held out: 154 + 800 + 100 + 106 frames.
    assert numbers(out, "all") == [
        (23_488 - 1160, 23_158 - 1120, 6),
        (1160, 1120, 1),
        (697, 652, 1),
    ]
    assert numbers(out, "2011_09_26_drive_0001") == [(108, 98, 6)]
    assert numbers(out, "2011_09_26_drive_0002") == [(25, 21, 1)]
    assert "45 never had such depth:" in out
    assert "2011_09_26_drive_0002_sync/image_02/0000000000" in out
    assert "training can start" in out
    image = Image.open(root.parent / "report" / "depth_histogram.png")
    assert image.size[0] > 500
    assert len(np.unique(np.asarray(image).reshape(-1, 4), axis=0)) > 10


def test_lidar_has_ground_truth_for_every_frame(root, capsys):
    check(root, *LIDAR)
    out = capsys.readouterr().out
    assert numbers(out, "2011_09_26_drive_0002") == [(2, 2, 2)]
    assert "never had" not in out


def test_missing_frames_are_named_some_or_all(root, capsys):
    (root / DEPTH.replace("006", "007")).unlink()
    for image in (root / IMAGE).parent.glob("*[6,8].png"):
        image.unlink()
    check(root)
    few = capsys.readouterr().out
    name = "2011_09_26_drive_0001_sync/image_02/00000000"
    assert f"1 without improved depth:\n    {name}07\n" in few
    assert (
        f"4 without image:\n    {name}06\n    {name}08\n    {name}20\n"
        "    and 1 more (--list names all)\n"
    ) in few
    check(root, flags=["--list"])
    assert (
        f"4 without image:\n    {name}06\n    {name}08\n    {name}20\n    {name}21\n"
    ) in capsys.readouterr().out


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def save_8_bit(path):
    Image.fromarray(np.ones((32, 104), np.uint8)).save(path)


def save_other_size(path):
    Image.fromarray(np.zeros((30, 104, 3), np.uint8)).save(path)


def spoil_calibration(path):
    path.write_text(path.read_text().replace("P_rect_02:", "P_rect_02: x"))


def spoil_focal_length(path):
    path.write_text(re.sub(r"(P_rect_02:) \S+", r"\1 nan", path.read_text()))


@pytest.mark.parametrize(
    "fault",
    [
        (IMAGE, cut, "cut off", ()),
        (DEPTH, cut, "cut off", ()),
        (DEPTH, save_8_bit, "8 bits", ()),
        (IMAGE, save_other_size, "104 x 30", ()),
        (SWEEP, cut, "no multiple", LIDAR),
        (CALIBRATION, spoil_calibration, "P_rect_02", LIDAR),
        (CALIBRATION, spoil_calibration, "P_rect_02", ()),
        (CALIBRATION, spoil_focal_length, "P_rect_02", ()),
        (CALIBRATION, spoil_focal_length, "P_rect_02", LIDAR),
    ],
)
def test_a_broken_file_is_named_and_training_could_not_start(root, capsys, fault):
    file, damage, says, overrides = fault
    damage(root / file)
    with pytest.raises(UserError, match=r"training cannot start: .* broken") as error:
        check(root, *overrides)
    assert "\n" not in str(error.value)
    out = capsys.readouterr().out
    [*_, reason] = re.findall(rf"\n    ({root}.*)", out)
    assert reason.startswith(str(root / file))
    assert says in reason
    assert numbers(out, "2011_09_26_drive_0002")  # the other splits are still read


def test_missing_calibration_only_matters_where_it_is_needed(root, capsys):
    (root / CALIBRATION).unlink()
    check(root)
    assert "6 have no known focal length" in capsys.readouterr().out
    with pytest.raises(UserError, match="canonical_focal_px"):
        check(root, "data.canonical_focal_px=700")
    with pytest.raises(UserError, match=r"no training frame.* 6 without calibration"):
        check(root, *LIDAR)


def test_an_empty_depth_map_is_named_and_passes(root, capsys):
    Image.fromarray(np.zeros((32, 104), np.uint16)).save(root / DEPTH)
    check(root)
    assert (
        "1 have no depth at any pixel:\n"
        "    2011_09_26_drive_0001_sync/image_02/0000000006"
    ) in capsys.readouterr().out


def test_nothing_within_the_bins_cannot_be_learnt_from(root):
    with pytest.raises(UserError, match="kitti train has no pixel with depth"):
        check(root, "bins.max_depth_m=1.1", "bins.min_depth_m=1.0")


def test_a_split_that_is_not_there_is_no_reason_not_to_start(root, capsys):
    shutil.rmtree(root / "2011_09_26/2011_09_26_drive_0002_sync")
    check(root)
    out = capsys.readouterr().out
    assert numbers(out, "2011_09_26_drive_0002") == [(2, 1, 0)]
    assert "training can start" in out


def test_a_split_without_frames_is_named(capsys, tmp_path):
    sizes = {"train_scenes": 1, "val_scenes": 0, "test_scenes": 0, "height": 32}
    overrides = [f"--config.data.streets.{name}={x}" for name, x in sizes.items()]
    main(["--config=configs/streets.py", f"--output={tmp_path}", *overrides])
    out = capsys.readouterr().out
    assert re.findall("no frame to (.*)", out) == [
        "choose a checkpoint by",
        "evaluate on",
    ]
    assert out.endswith("training can start\n")


def test_no_training_frame_is_one(root):
    shutil.rmtree(root / DRIVE)
    with pytest.raises(
        UserError, match="training cannot start: no training frame is there"
    ):
        check(root)


def test_statistics_are_those_of_all_pixels():
    rng = np.random.default_rng(0)
    maps_m = [rng.lognormal(2.5, 0.8, (30, 50)).astype(np.float32) for _ in range(4)]
    for depth_m in maps_m:
        depth_m[rng.random(depth_m.shape) < 0.6] = 0
    statistics = DepthStatistics(DepthBins(), 80.0)
    for depth_m in maps_m:
        one = DepthStatistics(DepthBins(), 80.0)
        one.add(depth_m)
        statistics.merge(one)
    known_m = np.concatenate([depth_m[depth_m > 0] for depth_m in maps_m])
    assert statistics.valid == known_m.size
    assert statistics.pixels == 4 * 30 * 50
    assert (statistics.min_m, statistics.max_m) == (known_m.min(), known_m.max())
    assert statistics.median_m == pytest.approx(np.median(known_m), rel=0.005)
    assert statistics.beyond_cap == (known_m > 80).sum()
    labels = np.asarray(DepthBins().label(known_m))
    np.testing.assert_array_equal(
        statistics.per_bin, np.bincount(labels[labels != 255], minlength=71)
    )


def test_statistics_are_put_into_words():
    statistics = DepthStatistics(DepthBins(), 80.0)
    statistics.add(np.array([[0, 0, 5, 10, 20, 0, 0, 100]], np.float32))
    assert describe(statistics) == (
        "depth: least 5 m, median 9.98 m, greatest 100 m; 50.0% of all pixels have it, "
        "25.00% of these beyond the cap of 80 m"
    )
