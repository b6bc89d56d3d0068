"""Broken files on disk, as a user meets them: one line that names the file."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.streets.layouts import write_kitti, write_synthia
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main

FRAMES = [
    *(Frame("2011_09_26", "0001", 2, index) for index in (5, 6, 7, 8)),  # train
    Frame("2011_09_26", "0005", 2, 5),  # val
    Frame("2011_09_26", "0002", 2, 6),  # test
]
DRIVE = "2011_09_26/2011_09_26_drive_0001_sync"
DEPTH = "data_depth_annotated/train/2011_09_26_drive_0001_sync/proj_depth/groundtruth"
IMAGE_FILE = f"{DRIVE}/image_02/data/0000000006.png"
DEPTH_FILE = f"{DEPTH}/image_02/0000000006.png"


@pytest.fixture(scope="module")
def kitti_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("kitti")
    write_kitti(root, FRAMES, height=32, width=104, azimuth_step_deg=1.0)
    return root


@pytest.fixture
def broken_root(kitti_root, tmp_path):
    return shutil.copytree(kitti_root, tmp_path / "kitti")


def kitti(folder, root, **overrides):
    fields = {"data__dataset": "kitti", "data__root": root, "eval__crop": "garg"}
    return arguments(folder, **(fields | overrides))


def mistake(argv):
    with pytest.raises(UserError) as caught:
        main(argv)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ground_truth", ["improved", "lidar"])
def test_kitti_trains_and_evaluates(kitti_root, tmp_path, capsys, ground_truth):
    main(kitti(tmp_path, kitti_root, eval__ground_truth=ground_truth))
    out = capsys.readouterr().out
    assert "kitti train (improved): 4 of 22" in out
    said = f"kitti test, {ground_truth} ground truth, crop garg, cap 80 m, .*: 1 images"
    assert re.search(said, out)


def test_synthia_trains_and_evaluates(tmp_path, capsys):
    write_synthia(tmp_path / "synthia", 11, height=32, width=64)
    overrides = {"data__dataset": "synthia", "data__root": tmp_path / "synthia"}
    main(arguments(tmp_path, **overrides))
    out = capsys.readouterr().out
    assert re.search("synthia test, rendered ground truth, .*: 2 images", out)


def truncate(path):
    path.write_bytes(path.read_bytes()[:300])


def save_8_bit(path):
    Image.fromarray(np.ones((32, 104), np.uint8)).save(path)


def save_other_size(path):
    Image.fromarray(np.ones((30, 104), np.uint16)).save(path)


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        (IMAGE_FILE, truncate, ()),
        (DEPTH_FILE, truncate, ()),
        (DEPTH_FILE, save_8_bit, ("8",)),
        (
            DEPTH_FILE,
            save_other_size,
            (IMAGE_FILE.rsplit("/", maxsplit=1)[-1], "30", "32"),
        ),
    ],
    ids=["image cut", "depth cut", "8-bit depth", "sizes differ"],
)
def test_a_broken_file_is_named_and_nothing_is_left(
    broken_root, tmp_path, file, damage, says
):
    damage(broken_root / file)
    said = mistake(kitti(tmp_path, broken_root))
    assert str(broken_root / file) in said
    assert all(part in said for part in says)
    assert not (tmp_path / "run").exists()


def test_mended_data_is_prepared_after_a_failure(broken_root, kitti_root, tmp_path):
    truncate(broken_root / IMAGE_FILE)
    mistake(kitti(tmp_path, broken_root))
    shutil.copy(kitti_root / IMAGE_FILE, broken_root / IMAGE_FILE)
    main(kitti(tmp_path, broken_root))


def test_no_training_frames_are_refused(broken_root, tmp_path):
    shutil.rmtree(broken_root / DRIVE)
    assert "data.kitti: no training frame is complete" in mistake(
        kitti(tmp_path, broken_root)
    )


def test_without_test_frames_a_run_trains_and_cannot_be_evaluated(
    broken_root, tmp_path, capsys
):
    shutil.rmtree(broken_root / "2011_09_26/2011_09_26_drive_0002_sync")
    argv = kitti(tmp_path, broken_root)
    main(argv)
    assert capsys.readouterr().out.count("eval.split=test: nothing to evaluate on") == 2
    assert (tmp_path / "run" / "checkpoints" / "4").is_dir()
    assert "eval.split=test" in mistake([*argv, "--mode=evaluate"])


def test_a_folder_that_is_not_kitti_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    assert "data.root" in mistake(kitti(tmp_path, tmp_path / "images"))
