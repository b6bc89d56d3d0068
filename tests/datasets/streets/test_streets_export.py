"""Folders in KITTI's and SYNTHIA's layout: names, formats, values, calibration."""

import dataclasses
import io

import jax
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from street_views import HEIGHT, WIDTH

from deepdepth_jax.datasets.kitti.calibration import read_focal_px, read_projection
from deepdepth_jax.datasets.kitti.eigen import Frame, frames
from deepdepth_jax.datasets.streets.export import main
from deepdepth_jax.datasets.streets.layouts import (
    frame_key,
    write_kitti,
    write_synthia,
)
from deepdepth_jax.datasets.streets.render import intrinsics, render, render_view
from deepdepth_jax.datasets.streets.rig import camera_calibration, camera_pose
from deepdepth_jax.datasets.streets.scanner import RANGE_M
from deepdepth_jax.datasets.streets.scene import random_scene
from deepdepth_jax.errors import UserError

DAY = "2011_09_26"
DRIVE = f"{DAY}_drive_0048_sync"  # 22 frames, so that 5 is annotated and 4 is not
FRAMES = [Frame(DAY, "0048", camera, index) for camera in (2, 3) for index in (4, 5)]
SIZE = {"height": HEIGHT, "width": WIDTH}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("kitti")
    write_kitti(root, FRAMES, **SIZE, seed=1, azimuth_step_deg=2.0)
    return root


def rendered(frame, seed=1):
    """Renders what a frame should show, without any file."""
    scene = random_scene(frame_key(frame, seed))
    scene = dataclasses.replace(scene, camera=camera_pose(scene.camera, frame.camera))
    _, depth_m = render_view(scene, jax.random.key(0), **SIZE)
    return np.asarray(depth_m)


def annotated_path(root, frame):
    folder = root / "data_depth_annotated/train" / frame.drive_folder / "proj_depth"
    return folder / "groundtruth" / frame.camera_folder / f"{frame.stem}.png"


def read_sweep(root, index):
    path = root / DAY / DRIVE / f"velodyne_points/data/{index:010d}.bin"
    return np.fromfile(path, "<f4").reshape(-1, 4)


def files_below(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_kitti_files_have_their_official_names(root):
    images = {
        f"{DAY}/{DRIVE}/image_{camera}/data/000000000{index}.png"
        for camera in ("02", "03")
        for index in (4, 5)
    }
    sweeps = {f"{DAY}/{DRIVE}/velodyne_points/data/000000000{i}.bin" for i in (4, 5)}
    depth = {
        f"data_depth_annotated/train/{DRIVE}/proj_depth/groundtruth/{camera}/"
        "0000000005.png"
        for camera in ("image_02", "image_03")
    }
    calibration = {f"{DAY}/calib_cam_to_cam.txt", f"{DAY}/calib_velo_to_cam.txt"}
    assert files_below(root) == images | sweeps | depth | calibration


def test_improved_depth_is_the_rendered_one_times_256(root):
    for frame in FRAMES[1::2]:
        data = annotated_path(root, frame).read_bytes()
        assert data[24:26] == b"\x10\x00"  # 16 bits, grey
        values = tf.io.decode_png(data, dtype=tf.uint16).numpy()[..., 0]
        depth_m = rendered(frame)
        expected = np.where(depth_m <= RANGE_M, np.round(depth_m * 256), 0)
        np.testing.assert_array_equal(values, expected)
        assert 0.3 < np.mean(values > 0) < 1


def test_images_decode_to_their_size(root):
    for path in (root / DAY / DRIVE).rglob("*.png"):
        with Image.open(path) as image:
            assert image.size == (WIDTH, HEIGHT)
            assert image.mode == "RGB"


def test_the_right_camera_sees_the_same_scene_from_the_right(root):
    """Near things stand further left in its image: depth matches where shifted."""
    left, right = (rendered(FRAMES[i]) for i in (1, 3))
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    is_wall = (left > 3) & (left < 25)
    disparity_px = intrinsics(**SIZE).focal_px * 0.53 / np.where(is_wall, left, 1)
    shifted = np.round(column - disparity_px).astype(int)
    there = is_wall & (shifted >= 0)
    off = np.abs(right[row[there], shifted[there]] / left[there] - 1)
    unshifted = np.abs(right[there] / left[there] - 1)
    assert np.mean(off < 0.04) > 0.8
    assert np.mean(off < 0.04) > np.mean(unshifted < 0.04) + 0.1


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name[-13:])
def test_lidar_points_project_onto_the_rendered_depth(root, frame):
    """On flat faces 1 / depth is linear in the image, so it interpolates exactly."""
    points = read_sweep(root, frame.index).astype(np.float64)
    matrix = read_projection(root / DAY, frame.camera)
    ahead = points[points[:, 0] > 0, :3]
    u, v, depth_m = matrix @ np.column_stack([ahead, np.ones(len(ahead))]).T
    column, row = u / depth_m - 1, v / depth_m - 1
    inside = (column > 0) & (column < WIDTH - 2) & (row > 0) & (row < HEIGHT - 2)
    column, row, depth_m = column[inside], row[inside], depth_m[inside]
    expected_m, is_flat = interpolated(rendered(frame), row, column)
    assert is_flat.sum() > 150
    error = np.abs(depth_m[is_flat] / expected_m[is_flat] - 1)
    # What is left is behind an edge, seen by the lidar and not by the camera.
    assert np.median(error) < 2e-4
    assert np.mean(error < 2e-3) > 0.85


def interpolated(depth_m, row, column):
    """Interpolates 1 / depth between four pixels that lie on one plane."""
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = row - top, column - left
    inverse = 1 / np.where(depth_m > 0, depth_m, np.inf)
    corners = [[inverse[top + i, left + j] for j in (0, 1)] for i in (0, 1)]
    (a, b), (c, d) = corners
    least = np.minimum.reduce([a, b, c, d])
    is_flat = (np.abs(a + d - b - c) < 1e-3 * least) & (least > 0)
    value = (1 - down) * ((1 - right) * a + right * b)
    value += down * ((1 - right) * c + right * d)
    return 1 / np.where(value > 0, value, 1), is_flat


def test_calibration_has_kittis_fields_and_format(root):
    lines = (root / DAY / "calib_cam_to_cam.txt").read_text().splitlines()
    names = [line.split(":")[0] for line in lines]
    fields = ("S", "K", "D", "R", "T", "S_rect", "R_rect", "P_rect")
    per_camera = [f"{field}_0{camera}" for camera in range(4) for field in fields]
    assert names == ["calib_time", "corner_dist", *per_camera]
    assert f"S_rect_02: {WIDTH:.6e} {HEIGHT:.6e}" in lines
    counts = {line.split(":")[0]: len(line.split()) - 1 for line in lines[2:]}
    assert [counts[f"{field}_03"] for field in fields] == [2, 9, 5, 9, 3, 2, 9, 12]
    lidar_lines = (root / DAY / "calib_velo_to_cam.txt").read_text().splitlines()
    names = [line.split(":")[0] for line in lidar_lines]
    assert names == ["calib_time", "R", "T", "delta_f", "delta_c"]


def test_calibration_is_that_of_a_real_rig(root):
    assert read_focal_px(root / DAY, 2) == pytest.approx(intrinsics(**SIZE).focal_px)
    fields = dict(
        line.split(":", 1) for line in camera_calibration(48, 160).split("\n")[:-1]
    )
    rectification = np.array(fields["R_rect_00"].split(), float).reshape(3, 3)
    np.testing.assert_allclose(rectification @ rectification.T, np.eye(3), atol=1e-6)
    assert 0.005 < np.abs(rectification - np.eye(3)).max() < 0.02
    left, right = (
        np.array(fields[f"P_rect_0{camera}"].split(), float).reshape(3, 4)
        for camera in (2, 3)
    )
    assert (left - right)[0, 3] / left[0, 0] == pytest.approx(0.53, abs=1e-3)


def test_kitti_options(tmp_path):
    frame = FRAMES[1]
    options = {"image_format": "jpg", "depth_share": 0.2, "azimuth_step_deg": 2.0}
    write_kitti(tmp_path, [frame], **SIZE, seed=1, **options)
    (path,) = (tmp_path / DAY / DRIVE).rglob("*.jpg")
    assert path.name == "0000000005.jpg"
    with Image.open(path) as image:
        assert image.format == "JPEG"
    data = annotated_path(tmp_path, frame).read_bytes()
    values = tf.io.decode_png(data, dtype=tf.uint16).numpy()[..., 0]
    whole = np.round(rendered(frame) * 256)
    has_depth = (whole > 0) & (whole <= RANGE_M * 256)
    assert np.mean(values[has_depth] > 0) == pytest.approx(0.2, abs=0.02)
    np.testing.assert_array_equal(values[values > 0], whole[values > 0])


@pytest.mark.parametrize("nested_depth", [False, True])
def test_synthia_files(tmp_path, nested_depth):
    write_synthia(tmp_path, 2, **SIZE, seed=3, nested_depth=nested_depth)
    folder = "Depth/Depth" if nested_depth else "Depth"
    assert files_below(tmp_path) == {
        f"{part}/{index:07d}.png" for part in ("RGB", folder) for index in (0, 1)
    }
    data = (tmp_path / folder / "0000001.png").read_bytes()
    assert data[24:26] == b"\x10\x02"  # 16 bits, RGB
    values = tf.io.decode_png(data, dtype=tf.uint16).numpy()
    assert np.all(values == values[..., :1])
    image, depth_m = render(jax.random.fold_in(jax.random.key(3), 1), **SIZE)
    expected = np.where(depth_m == 0, 65535, np.round(depth_m * 100).clip(0, 65535))
    np.testing.assert_array_equal(values[..., 0], expected)
    frame = Image.open(io.BytesIO((tmp_path / "RGB/0000001.png").read_bytes()))
    np.testing.assert_array_equal(np.asarray(frame), image)


def test_command_spreads_frames_over_all_splits(tmp_path, capsys):
    output = tmp_path / "new"
    size = [f"--height={HEIGHT}", f"--width={WIDTH}"]
    main(["--layout=kitti", f"--output={output}", "--count=1", *size])
    assert capsys.readouterr().out.startswith("wrote 3 frames of train, val, test to ")
    images = {name for name in files_below(output) if "/image_02/data/" in name}
    expected = {
        f"{frame.date}/{frame.drive_folder}/image_02/data/{frame.stem}.png"
        for split in ("train", "val", "test")
        for frame in [frames(split)[len(frames(split)) // 2]]
    }
    assert images == expected


def test_command_writes_synthia(tmp_path, capsys):
    size = [f"--height={HEIGHT}", f"--width={WIDTH}", "--seed=3"]
    main(["--layout=synthia", f"--output={tmp_path}", "--count=1", *size])
    assert capsys.readouterr().out == f"wrote 1 frames to {tmp_path}\n"
    assert files_below(tmp_path) == {"RGB/0000000.png", "Depth/0000000.png"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--count=0"], "--count: '0': must be >= 1"),
        (["--width=-5"], "--width: '-5': must be >= 1"),
        (["--layout=nyu"], "invalid choice: 'nyu'"),
        ([], "is not empty; choose a new folder"),
    ],
)
def test_mistakes(tmp_path, changes, message):
    (tmp_path / "old.txt").write_text("something")
    argv = ["--layout=synthia", f"--output={tmp_path}", *changes]
    with pytest.raises(UserError, match=message):
        main(argv)
