"""What a prediction writes and draws."""

import inspect
import sys

import cv2
import jax
import numpy as np
import pytest
from PIL import Image
from ply_reader import read_ply

from deepdepth_jax import DepthPredictor
from deepdepth_jax.datasets.pairs.depth_files import read_depth
from deepdepth_jax.drawing.colors import confidence_scale, depth_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import Pinhole
from deepdepth_jax.inference.depth_files import WRITERS
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.types import Prediction

HEIGHT, WIDTH = 6, 10


def made_up(**changes):
    depth_m = np.linspace(5, 6, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    fields = dict(
        depth_m=depth_m,
        confidence=depth_m / 10,
        image=np.full((HEIGHT, WIDTH, 3), 7, np.uint8),
        focal_px=8.0,
        camera=Pinhole(8.0),
        depth_range_m=(1.0, 80.0),
        num_bins=71,
    )
    return ImagePrediction(**fields | changes)


@pytest.mark.parametrize(
    ("suffix", "unit_m", "error_m"),
    [
        (".png", 1 / 256, 0.5 / 256),
        (".npy", 1.0, 0),
        (".npz", 1.0, 0),
        (".exr", 1.0, 0),
    ],
)
def test_depth_comes_back_as_the_data_sets_read_it(tmp_path, suffix, unit_m, error_m):
    path = tmp_path / "deeper" / f"depth{suffix}"
    made_up().save(path)
    found = read_depth(path, unit_m, lambda size: None)
    np.testing.assert_allclose(found, made_up().depth_m, rtol=0, atol=error_m)


def test_a_pfm_is_read_by_others(tmp_path):
    made_up().save(tmp_path / "depth.PFM")
    found = cv2.imread(str(tmp_path / "depth.PFM"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(found, made_up().depth_m)


def test_an_npz_holds_all_maps(tmp_path):
    made_up().save(str(tmp_path / "all.npz"))
    with np.load(tmp_path / "all.npz") as found:
        assert set(found) == {"depth", "confidence"}
        np.testing.assert_array_equal(found["confidence"], made_up().confidence)


def test_a_png_rounds_and_saturates(tmp_path):
    depth_m = np.array([[0, 1, 1.0059, 255.996, 1000]], np.float32)
    WRITERS[".png"](tmp_path / "d.png", Prediction(depth_m))
    with Image.open(tmp_path / "d.png") as image:
        np.testing.assert_array_equal(image, [[0, 256, 258, 65535, 65535]])


def test_points_are_those_of_the_file(tmp_path):
    made_up().save(tmp_path / "points.ply")
    cloud = made_up().point_cloud()
    points, comments = read_ply(tmp_path / "points.ply")
    assert len(points) == len(cloud.position_m) == HEIGHT * WIDTH
    np.testing.assert_allclose(cloud.position_m[:, 2], made_up().depth_m.ravel())
    found = [(point["x"], point["y"], point["z"]) for point in points]
    np.testing.assert_array_equal(np.float32(found), cloud.position_m)
    assert (cloud.colour == 7).all()
    assert any("focal length 8 px" in line for line in comments)


def test_colours_are_those_of_the_command():
    found = made_up()
    painted = depth_scale(1.0, 80.0).paint(found.depth_m)
    np.testing.assert_array_equal(found.colorize(), painted)
    under = confidence_scale(71).under(confidence_scale(71).paint(found.confidence))
    drawn = found.colorize("confidence", with_scale=True)
    np.testing.assert_array_equal(drawn, under)


def test_what_cannot_be_done_is_said_with_the_remedy(tmp_path, monkeypatch):
    for name in ("depth.jpg", "depth"):
        with pytest.raises(UserError, match=r"must be one of .png, .npy, .*colorize"):
            made_up().save(tmp_path / name)
    colorize = inspect.unwrap(ImagePrediction.colorize)  # without the tests' type check
    with pytest.raises(UserError, match=r"values='depths': must be one of depth, conf"):
        colorize(made_up(), "depths")
    with pytest.raises(UserError, match="predicts no distribution"):
        made_up(confidence=None).colorize("confidence")
    with pytest.raises(UserError, match=r"predict with focal_px or focal_mm35"):
        made_up(camera=Pinhole(0.0)).save(tmp_path / "points.ply")
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(UserError, match=r"d.exr: needs the package OpenEXR: .* inst"):
        made_up().save(tmp_path / "d.exr")
    assert not list(tmp_path.iterdir())


def test_arrays_are_mapped_and_numbers_are_kept():
    twice = jax.tree.map(lambda values: 2 * values, made_up())
    np.testing.assert_array_equal(twice.depth_m, 2 * made_up().depth_m)
    assert twice.camera == made_up().camera
    assert made_up().times(2.0).depth_m[0, 0] == 10


def test_a_prediction_knows_its_image_and_camera(trained):
    predictor = DepthPredictor.load(trained / "run")
    found = predictor(np.zeros((32, 64, 3), np.uint8), 100.0)
    assert isinstance(found, Prediction)
    assert found.depth_range_m == predictor.depth_range_m(100.0)
    assert (found.num_bins, found.focal_px, found.camera) == (12, 100, Pinhole(100.0))
    unknown = predictor(np.zeros((32, 64, 3), np.uint8))
    assert unknown.focal_px == 0
    assert unknown.camera == Pinhole(predictor.training_focal_px)
