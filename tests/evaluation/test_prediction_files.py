"""Depth files of other programs, under their names and in their shapes, on KITTI."""

import json

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main

HEIGHT, WIDTH = 375, 1242
DRIVE = "2011_09_26_drive_0002_sync"
INDICES = (6, 69)
CALIBRATION = (
    "R_rect_00: 1 0 0 0 1 0 0 0 1\n"
    "P_rect_02: 721.5377 0 609.5593 0 0 721.5377 172.854 0 0 0 1 0\n"
    "P_rect_03: 721.5377 0 609.5593 -387.5 0 721.5377 172.854 0 0 0 1 0\n"
)


def whole_depth(index):
    """Depth without holes, in metres."""
    rng = np.random.default_rng(index)
    values = rng.integers(256, 79 * 256, (HEIGHT, WIDTH), np.uint16)
    return values.astype(np.float32) / 256


def write_frame(root, index, camera=2, drive=DRIVE):
    """Writes an image and depth with holes."""
    is_known = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.1
    sparse = np.where(is_known, whole_depth(index) * 256, 0).astype(np.uint16)
    day = root / "raw" / drive[:10]
    image = day / drive / f"image_0{camera}/data/{index:010d}.png"
    annotated = root / f"data_depth_annotated/val/{drive}/proj_depth/groundtruth"
    depth = annotated / f"image_0{camera}/{index:010d}.png"
    for path in (image, depth):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(image)
    Image.fromarray(sparse).save(depth)
    (day / "calib_cam_to_cam.txt").write_text(CALIBRATION)


@pytest.fixture(scope="module")
def kitti(tmp_path_factory):
    """A folder with two frames of Eigen's test."""
    root = tmp_path_factory.mktemp("kitti")
    for index in INDICES:
        write_frame(root, index)
    return root


@pytest.fixture(scope="module")
def truth_m():
    return {index: whole_depth(index) for index in INDICES}


def evaluate(kitti, predictions, *extra):
    main(
        [
            "--config=configs/kitti.py",
            f"--config.data.root={kitti}",
            f"--config.data.prepared_dir={kitti / 'prepared'}",
            "--config.eval.figures=0",
            "--mode=evaluate",
            f"--predictions={predictions}",
            *extra,
        ]
    )
    folder = predictions.with_suffix("")
    return json.loads((folder / "eval.json").read_text())


def save(path, depth_m):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, depth_m)
    else:
        Image.fromarray(np.round(depth_m * 256).astype(np.uint16)).save(path)


def save_all(folder, maps_m, form=DRIVE + "_{:010d}.png"):
    for index, depth_m in maps_m.items():
        save(folder / form.format(index), depth_m)


def assert_perfect(found):
    metrics = found["metrics"]
    assert (metrics["abs_rel"], metrics["rmse"], metrics["d1"]) == (0, 0, 1)
    assert found["protocol"]["images"] == len(INDICES)


def kitti_crop(depth_m):
    """The bottom-centre crop of KITTI's benchmark: BTS' `do_kb_crop`."""
    top, left = HEIGHT - 352, int((WIDTH - 1216) / 2)
    return depth_m[top : top + 352, left : left + 1216]


def doubled(depth_m):
    return np.repeat(np.repeat(depth_m, 2, axis=0), 2, axis=1)


# Shapes. A perfect prediction scores 0, 0 and 1 in every accepted one.


@pytest.mark.parametrize(
    ("reshape", "counts"), [(np.copy, (0, 0)), (kitti_crop, (0, 2)), (doubled, (2, 0))]
)
def test_a_perfect_prediction_is_perfect_in_every_accepted_shape(
    kitti, truth_m, tmp_path, reshape, counts
):
    save_all(tmp_path, {index: reshape(map_m) for index, map_m in truth_m.items()})
    for crop in ("garg", "eigen", "none"):
        found = evaluate(kitti, tmp_path, f"--config.eval.crop={crop}")
        assert_perfect(found)
    protocol, text = found["protocol"], (tmp_path / "eval.md").read_text()
    assert (protocol["maps_resized"], protocol["maps_placed"]) == counts
    assert ("2 maps resized" in text) == bool(counts[0])
    assert ("2 maps of 352 x 1216 placed at the bottom centre" in text) == bool(
        counts[1]
    )
    where = "352 x 1216 at the bottom centre; only these pixels count"
    assert protocol["maps_placed_at"] == (where if counts[1] else None)


def test_a_wrong_pixel_outside_of_the_crop_does_not_count_and_one_inside_does(
    kitti, truth_m, tmp_path
):
    crops = {index: kitti_crop(map_m).copy() for index, map_m in truth_m.items()}
    crops[69][0, 0] *= 2
    save_all(tmp_path, crops, DRIVE + "_{:010d}.npy")
    assert_perfect(evaluate(kitti, tmp_path))  # Garg's crop is farther down
    crops[69] *= 2
    save_all(tmp_path, crops, DRIVE + "_{:010d}.npy")
    found = evaluate(kitti, tmp_path)
    assert 0.3 < found["metrics"]["abs_rel"] <= 0.5


def test_maps_of_a_networks_size_are_resized(kitti, truth_m, tmp_path, capsys):
    """192 x 640 is what many networks take KITTI's frames to."""
    maps_m = {index: np.full((192, 640), 20, np.float32) for index in INDICES}
    save_all(tmp_path, maps_m)
    found = evaluate(kitti, tmp_path)
    assert found["protocol"]["maps_resized"] == 2
    assert "2 maps resized" in capsys.readouterr().out
    assert found["metrics"]["abs_rel"] > 0.1


@pytest.mark.parametrize("shape", [(320, 1024), (352, 1200), (376, 1408), (1242, 375)])
def test_a_map_of_another_shape_is_refused_by_name(kitti, truth_m, tmp_path, shape):
    save_all(tmp_path, truth_m)
    save(tmp_path / f"{DRIVE}_0000000069.png", np.full(shape, 20, np.float32))
    size = f"{shape[0]} x {shape[1]}"
    said = rf"{DRIVE}_0000000069\.png: is {size} .* its image is 375 x 1242"
    with pytest.raises(UserError, match=said):
        evaluate(kitti, tmp_path)
    assert not (tmp_path / "eval.json").exists()


@pytest.mark.parametrize("shape", [(370, 1224), (372, 1239), (375, 1241), (338, 1118)])
def test_a_map_that_may_be_a_crop_is_not_stretched(kitti, truth_m, tmp_path, shape):
    """It has the aspect ratio of its image, as most crops of 370 x 1224 have."""
    save_all(tmp_path, {index: np.full(shape, 20, np.float32) for index in INDICES})
    with pytest.raises(UserError, match=r"may be cut from the image or resized: save"):
        evaluate(kitti, tmp_path)


def test_a_map_that_declares_terabytes_is_named(kitti, truth_m, tmp_path):
    """It has the aspect ratio of its image, and would be resized."""
    save_all(tmp_path, truth_m)
    factor = 2**11
    with (tmp_path / f"{DRIVE}_0000000069_depth.npy").open("wb") as file:
        shape = (factor * HEIGHT, factor * WIDTH)
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
    said = rf"{DRIVE}_0000000069_depth\.npy: is {shape[0]} x {shape[1]}"
    with pytest.raises(UserError, match=said):
        evaluate(kitti, tmp_path)


# Names.


@pytest.mark.parametrize(
    "form",
    [
        DRIVE + "_{:010d}.png",
        DRIVE + "_image_02_{:010d}.png",
        DRIVE + "_{:010d}_image_02.png",
        DRIVE + "_image_{:010d}_image_02.png",
        DRIVE + "/image_02/{:010d}.npy",
        DRIVE + "/image_02/{:010d}_depth.png",
        "2011_09_26/" + DRIVE + "/image_02/data/{:010d}_depth.png",
        "2011_09_26/" + DRIVE + "/image_02/data/{:010d}_depth.npy",
    ],
)
def test_maps_are_found_under_the_names_of_the_field(kitti, truth_m, tmp_path, form):
    save_all(tmp_path, truth_m, form)
    assert_perfect(evaluate(kitti, tmp_path))


def test_a_name_that_is_that_of_several_frames_is_none(kitti, truth_m, tmp_path):
    """Eigen's test has frame 6 of several drives."""
    save_all(tmp_path, truth_m, "{:010d}.png")
    said = rf"no file for 2 of 2 images, .*{DRIVE}_0000000006\.png \(16 bit"
    with pytest.raises(UserError, match=said):
        evaluate(kitti, tmp_path)


def test_without_its_camera_a_frame_of_two_is_not_known(tmp_path):
    listed = tmp_path / "list.txt"
    for camera, side in ((2, "l"), (3, "r")):
        write_frame(tmp_path, 6, camera)
        with listed.open("a") as file:
            file.write(f"2011_09_26/{DRIVE} 6 {side}\n")
    extra = f"--config.data.kitti.test_list={listed}"
    folder = tmp_path / "maps"
    save(folder / f"{DRIVE}_0000000006.png", whole_depth(6))
    with pytest.raises(UserError, match="no file for 2 of 2 images"):
        evaluate(tmp_path, folder, extra)
    for camera in (2, 3):
        save(folder / f"{DRIVE}_image_0{camera}_0000000006.png", whole_depth(6))
    assert evaluate(tmp_path, folder, extra)["metrics"]["rmse"] == 0


# One array for all.


@pytest.fixture
def test_list(tmp_path):
    """Frames in another order than ours; the first has no improved depth."""
    path = tmp_path / "test_files.txt"
    path.write_text("".join(f"2011_09_26/{DRIVE} {i:010d} l\n" for i in (0, 69, 6)))
    return path


@pytest.mark.parametrize("axes", [(), (1,), (3,)])
def test_an_array_has_the_order_of_the_list(kitti, truth_m, tmp_path, test_list, axes):
    maps_m = np.stack([np.ones((HEIGHT, WIDTH)), truth_m[69], truth_m[6]])
    np.save(tmp_path / "depths.npy", np.expand_dims(maps_m, axes))
    extra = f"--config.data.kitti.test_list={test_list}"
    found = evaluate(kitti, tmp_path / "depths.npy", extra)
    assert_perfect(found)
    assert found["protocol"]["split"] == f"test of {test_list}"


def test_an_array_that_does_not_fit_the_list_is_refused(
    kitti, truth_m, tmp_path, test_list
):
    extra = f"--config.data.kitti.test_list={test_list}"
    path = tmp_path / "depths.npy"
    np.save(path, np.ones((2, 12, 40), np.float32))
    with pytest.raises(UserError, match=r"2 maps, and the list of test of .* 3 images"):
        evaluate(kitti, path, extra)
    with pytest.raises(UserError, match=r"--config\.data\.kitti\.test_list=FILE"):
        evaluate(kitti, path)
    np.save(path, np.ones((3, 12, 40), np.uint16))
    with pytest.raises(UserError, match="type uint16; must be floats, in metres"):
        evaluate(kitti, path, extra)
    ragged = np.array([np.ones((3, 4)), np.ones((3, 5)), 1], object)
    np.save(path, ragged, allow_pickle=True)
    with pytest.raises(UserError, match="pickled objects; save maps of different"):
        evaluate(kitti, path, extra)
    np.save(tmp_path / "disps_eigen_split.npy", np.ones((3, 12, 40), np.float32))
    with pytest.raises(UserError, match="its name says disparity"):
        evaluate(kitti, tmp_path / "disps_eigen_split.npy", extra)


def test_a_map_of_an_array_without_depth_is_named(kitti, truth_m, tmp_path, test_list):
    maps_m = np.stack([truth_m[6], truth_m[69], truth_m[6]])
    maps_m[2, 200:] = np.nan
    np.save(tmp_path / "depths.npy", maps_m)
    with pytest.raises(UserError, match=r"map 2 \(.*0000000006\): \d+ pixels that"):
        evaluate(
            kitti,
            tmp_path / "depths.npy",
            f"--config.data.kitti.test_list={test_list}",
        )


# Where.


def test_what_is_not_there_is_said_before_data_is_prepared(tmp_path):
    write_frame(tmp_path, 6)
    for name in ("nowhere", "nowhere.npy"):
        with pytest.raises(UserError, match=f"{name}: no such folder"):
            evaluate(tmp_path, tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file for 1 of 1 images"):
        evaluate(tmp_path, tmp_path / "empty")
    assert not (tmp_path / "prepared").exists()


def test_results_go_where_they_are_asked_for(kitti, truth_m, tmp_path):
    maps, output = tmp_path / "maps", tmp_path / "out"
    save_all(maps, truth_m)
    before = sorted(maps.iterdir())
    with pytest.raises(FileNotFoundError):  # of the reader above: nothing is there
        evaluate(kitti, maps, f"--output={output}")
    assert sorted(maps.iterdir()) == before
    assert_perfect(json.loads((output / "eval.json").read_text()))


def test_anybodys_predictions_are_evaluated_on_any_list(tmp_path):
    """Only what we train on must not be tested on: drive 0001 trains in Eigen's."""
    drive = "2011_09_26_drive_0001_sync"
    write_frame(tmp_path, 6, drive=drive)
    (tmp_path / "list.txt").write_text(f"2011_09_26/{drive} 6 l\n")
    save(tmp_path / "maps" / f"{drive}_0000000006.png", whole_depth(6))
    extra = f"--config.data.kitti.test_list={tmp_path / 'list.txt'}"
    found = evaluate(tmp_path, tmp_path / "maps", extra)
    assert found["metrics"]["rmse"] == 0
