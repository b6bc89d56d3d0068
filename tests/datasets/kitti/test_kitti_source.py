import hashlib
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deepdepth_jax.config import complete, default_config
from deepdepth_jax.datasets.kitti import calibration
from deepdepth_jax.datasets.kitti.calibration import read_projection
from deepdepth_jax.datasets.kitti.eigen import Frame
from deepdepth_jax.datasets.kitti.kitti_source import KittiSource
from deepdepth_jax.datasets.kitti.lidar import project_lidar
from deepdepth_jax.datasets.registry import held_out_source
from deepdepth_jax.errors import UserError

VAL = [Frame("2011_09_26", "0005", camera, 5) for camera in (2, 3)]
TEST = Frame("2011_09_26", "0002", 2, 6)


def test_improved_depth_is_read_exactly(kitti):
    (values,) = kitti.write_frames(VAL[0])
    source = KittiSource(kitti.root, "val")
    example = source.read(0)
    assert len(source) == 1
    assert (source.dataset, source.split) == ("kitti", "val")
    assert source.ground_truth == "improved"
    assert example.name == "2011_09_26_drive_0005_sync/image_02/0000000005"
    assert source.present == [example.name]
    encoded = kitti.image_path(VAL[0]).read_bytes()
    np.testing.assert_array_equal(example.image, tf.io.decode_png(encoded))
    assert example.image.dtype == np.uint8
    assert example.depth_m.dtype == np.float32
    np.testing.assert_array_equal(example.depth_m, values / 256)
    assert example.focal_px == 16


@pytest.mark.parametrize("legacy", [False, True])
def test_lidar_is_projected_into_the_camera_of_the_frame(kitti, legacy):
    kitti.write_frames(*VAL)
    source = KittiSource(str(kitti.root), "val", "lidar", (2, 3), legacy=legacy)
    points = kitti.write_sweep(VAL[0])
    assert len(source) == 2
    for index, camera in enumerate((2, 3)):
        projection = read_projection(kitti.calib_folder(VAL[0]), camera)
        expected = project_lidar(points, projection, 12, 20, legacy=legacy)
        np.testing.assert_array_equal(source.read(index).depth_m, expected)
    assert (source.read(0).depth_m != source.read(1).depth_m).any()


@pytest.mark.parametrize("ground_truth", ["improved", "lidar"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_an_image_with_an_orientation_tag_is_refused(kitti, ground_truth, orientation):
    """Calibration and depth maps are those of the pixels as stored."""
    kitti.write_frames(VAL[0])
    kitti.write_sweep(VAL[0])
    path = kitti.image_path(VAL[0])
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.open(path).save(path, exif=tags)
    source = KittiSource(str(kitti.root), "val", ground_truth)
    with pytest.raises(UserError, match=rf"{path}: .*\(orientation {orientation}\)"):
        source.read(0)


@pytest.mark.parametrize(
    ("ground_truth", "legacy", "title"),
    [
        ("lidar", False, "lidar"),
        ("lidar", True, "lidar, legacy"),
        ("improved", True, "improved"),
    ],
)
def test_a_config_names_legacy_lidar_where_it_is_used(
    kitti, ground_truth, legacy, title
):
    kitti.write_frames(TEST)
    config = default_config()
    config.model.norm = "trained"
    config.data.dataset, config.data.root = "kitti", str(kitti.root)
    config.data.kitti.legacy_lidar = legacy
    config.eval.ground_truth = ground_truth
    source = held_out_source(complete(config), "test")
    assert source.ground_truth_title == title


def test_focal_length_is_unknown_without_calibration(kitti):
    kitti.write_image(VAL[0])
    kitti.write_depth(VAL[0])
    calibrated = Frame("2011_09_28", "0001", 2, 7)
    kitti.write_frames(calibrated)
    source = KittiSource(kitti.root, "val")
    assert source.read(0).focal_px == 0
    assert source.read(1).focal_px == 16
    assert source.without_focal_length == [VAL[0].name]


def test_a_frame_belongs_to_its_drive(kitti):
    kitti.write_frames(*VAL)
    source = KittiSource(kitti.root, "val", cameras=(2, 3))
    assert {source.group(name) for name in source.present} == {"2011_09_26_drive_0005"}
    assert source.group(TEST.name) == "2011_09_26_drive_0002"


def test_calibration_is_read_once_for_all_frames_of_a_drive(kitti, monkeypatch):
    frames = [Frame("2011_09_26", "0005", 2, index) for index in (5, 6, 7)]
    kitti.write_frames(*frames)
    source = KittiSource(kitti.root, "val", "lidar")
    opened = Counter()
    read_bytes = calibration.read_bytes
    monkeypatch.setattr(
        calibration,
        "read_bytes",
        lambda path: opened.update([path]) or read_bytes(path),
    )
    source.read(0)
    opened.clear()
    for index in range(3):
        source.read(index)
    assert not opened
    KittiSource(kitti.root, "val", "lidar").read(0)
    assert opened, "another source looks at the disk again"


@pytest.mark.parametrize("ground_truth", ["improved", "lidar"])
def test_frames_are_read_from_many_threads(kitti, ground_truth):
    frames = [Frame("2011_09_26", "0005", c, i) for c in (2, 3) for i in range(5, 13)]
    kitti.write_frames(*frames)
    one_by_one = KittiSource(kitti.root, "val", ground_truth, (2, 3))
    expected = [one_by_one.read(index) for index in range(16)]
    source = KittiSource(kitti.root, "val", ground_truth, (2, 3))
    with ThreadPoolExecutor(8) as pool:
        examples = list(pool.map(source.read, range(16)))
    for example, by_itself in zip(examples, expected, strict=True):
        assert example.name == by_itself.name
        np.testing.assert_array_equal(example.image, by_itself.image)
        np.testing.assert_array_equal(example.depth_m, by_itself.depth_m)


def test_a_source_goes_to_other_processes_after_use(kitti):
    kitti.write_frames(VAL[0])
    source = KittiSource(kitti.root, "val", "lidar")
    depth_m = source.read(0).depth_m
    again = pickle.loads(pickle.dumps(source))
    assert again == source
    np.testing.assert_array_equal(again.read(0).depth_m, depth_m)


def test_identity_names_each_file_with_its_size(kitti):
    kitti.write_frames(*VAL)
    sizes = {
        frame.name: [
            len(kitti.image_path(frame).read_bytes()),
            len(kitti.depth_path(frame).read_bytes()),
        ]
        for frame in VAL
    }
    sha256 = {
        f"2011_09_26/{name}": hashlib.sha256(
            (kitti.calib_folder(VAL[0]) / name).read_bytes()
        ).hexdigest()
        for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt")
    }
    identity = KittiSource(kitti.root, "val", cameras=(2, 3)).identity()
    assert identity == {
        "split": "val",
        "ground_truth": "improved",
        "legacy": False,
        "files": sizes,
        "calibration": {
            "2011_09_26/calib_cam_to_cam.txt": sha256["2011_09_26/calib_cam_to_cam.txt"]
        },
    }
    lidar = KittiSource(kitti.root, "val", "lidar").identity()
    assert lidar["calibration"] == sha256
    assert lidar["files"] == {VAL[0].name: [sizes[VAL[0].name][0], 200 * 16]}


def test_identity_stays_when_the_folder_moves(kitti):
    kitti.write_frames(*VAL)
    before = KittiSource(kitti.root, "val").identity()
    kitti.root = kitti.root.rename(kitti.root.with_name("moved"))
    assert KittiSource(kitti.root, "val").identity() == before


def test_identity_changes_with_all_that_decides_the_records(kitti):
    kitti.write_frames(*VAL)

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
    kitti.write_frames(Frame("2011_09_26", "0005", 2, 6))
    seen.append(identity())
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])
