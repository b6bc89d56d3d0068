import numpy as np
from PIL import Image

from deepdepth_jax.visualize import (
    Row,
    color_depth,
    figure_sheet,
    save_depth_picture,
)


def test_near_is_red_far_is_blue_and_nothing_is_black():
    near, far, nothing = color_depth(
        np.array([[1.5, 70.0, 0.0]], np.float32), 1.0, 80.0
    )[0]
    assert near[0] > 2 * near[2]
    assert far[2] > far[0]
    np.testing.assert_array_equal(nothing, 0)


def test_beyond_the_scale_is_its_end():
    colours = color_depth(np.array([[0.1, 1.0, 80.0, 500.0]], np.float32), 1.0, 80.0)[0]
    np.testing.assert_array_equal(colours[0], colours[1])
    np.testing.assert_array_equal(colours[2], colours[3])


def test_the_picture_holds_every_pixel_above_its_scale(tmp_path):
    depth_m = np.geomspace(1, 80, 50 * 400, dtype=np.float32).reshape(50, 400)
    save_depth_picture(tmp_path / "depth.png", depth_m, 1.0, 80.0)
    sheet = np.asarray(Image.open(tmp_path / "depth.png").convert("RGB"))
    assert sheet.shape[1] == 400
    np.testing.assert_array_equal(sheet[:50], color_depth(depth_m, 1.0, 80.0))
    scale = sheet[50:]
    assert (scale == 255).mean() > 0.3  # white, with a bar and dark numbers on it
    assert (scale.min(-1) < 60).any()


def test_a_narrow_picture_is_centred_above_a_scale_that_can_be_read(tmp_path):
    depth_m = np.full((20, 30), 5, np.float32)
    save_depth_picture(tmp_path / "depth.png", depth_m, 1.0, 80.0)
    sheet = np.asarray(Image.open(tmp_path / "depth.png").convert("RGB"))
    assert sheet.shape[1] == 320
    np.testing.assert_array_equal(sheet[:20, 145:175], color_depth(depth_m, 1.0, 80.0))


def test_a_sheet_has_a_row_for_each_picture(tmp_path):
    rng = np.random.default_rng(0)
    dense = np.full((40, 120), 10, np.float32)
    sparse = np.where(rng.uniform(size=dense.shape) < 0.05, dense, 0)
    sizes = []
    for truths in ([dense], [dense, sparse, np.zeros_like(dense)]):
        rows = [
            Row(
                "name",
                np.zeros((40, 120, 3), np.uint8),
                truth.astype(np.float32),
                dense * 1.2,
                np.full_like(dense, 0.5),
            )
            for truth in truths
        ]
        sizes.append(figure_sheet(rows, 1.0, 80.0).shape)
    assert sizes[1][1:] == sizes[0][1:]
    assert sizes[1][0] > sizes[0][0] + 200
