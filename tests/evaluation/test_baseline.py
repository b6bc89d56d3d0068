import numpy as np
import pytest

from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.baseline import GRID, MedianDepth


def test_the_median_over_images_at_each_place():
    left_near = np.full((64, 192), 10, np.float32)
    left_near[:, :96] = 4
    depths_m = [left_near, left_near * 3, left_near * 2]
    guess_m = MedianDepth.of(depths_m)(64, 192)
    np.testing.assert_allclose(guess_m[:, :90], 8, rtol=1e-6)
    np.testing.assert_allclose(guess_m[:, 102:], 20, rtol=1e-6)


def test_sparse_images_of_different_sizes():
    rng = np.random.default_rng(0)
    depths_m = []
    for size in ((64, 192), (70, 200), (128, 400)):
        depth_m = np.full(size, 7, np.float32)
        depth_m[rng.uniform(size=size) < 0.9] = 0
        depth_m[: size[0] // 3] = 0  # no lidar reaches the sky
        depths_m.append(depth_m)
    guess_m = MedianDepth.of(depths_m)(100, 300)
    assert guess_m.shape == (100, 300)
    np.testing.assert_allclose(guess_m, 7, rtol=1e-6)


def test_an_empty_cell_takes_the_median_of_its_row():
    depth_m = np.full((32, 96), 5, np.float32)
    depth_m[16:] = 9
    depth_m[20, 40] = 0
    assert MedianDepth.of([depth_m])(32, 96)[20, 40] == 9


@pytest.mark.parametrize("size", [(64, 192), (75, 200), (33, 500), (20, 50)], ids=str)
@pytest.mark.parametrize("share", [1.0, 0.4, 0.05])
def test_each_cell_has_the_median_that_numpy_takes_of_its_pixels(size, share):
    rng = np.random.default_rng(0)
    depth_m = rng.uniform(1, 80, size).astype(np.float32)
    depth_m[rng.uniform(size=size) >= share] = 0
    rows, columns = (
        np.linspace(0, length, cells + 1).astype(int)
        for length, cells in zip(size, GRID, strict=True)
    )
    expected = np.full(GRID, np.nan, np.float32)
    for r, c in np.ndindex(GRID):
        cell = depth_m[rows[r] : rows[r + 1], columns[c] : columns[c + 1]]
        if cell.any():
            expected[r, c] = np.median(cell[cell > 0])
    found = MedianDepth.of([depth_m]).cells_m
    is_filled = ~np.isnan(expected)
    assert is_filled.sum() > 10
    np.testing.assert_array_equal(found[is_filled], expected[is_filled])


def test_no_ground_truth_at_all_is_an_error():
    with pytest.raises(UserError, match="no pixel of 1 training images"):
        MedianDepth.of([np.zeros((40, 100), np.float32)])


def test_medians_come_back_from_the_folder_of_a_run(tmp_path):
    medians = MedianDepth.of([np.random.default_rng(0).uniform(1, 9, (40, 100))])
    medians.save(tmp_path)
    loaded = MedianDepth.load(tmp_path)
    np.testing.assert_array_equal(loaded(50, 60), medians(50, 60))


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def huge(path):
    """Declares 4 TB, and has none."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**20, 2**20)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "half": half,
    "huge": huge,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "objects": lambda path: np.save(path, np.array([{}])),
    "another size": lambda path: np.save(path, np.ones((3, 3), np.float32)),
    "another type": lambda path: np.save(path, np.ones(GRID)),
    "not a number": lambda path: np.save(path, np.full(GRID, np.nan, np.float32)),
    "negative": lambda path: np.save(path, np.full(GRID, -1, np.float32)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_medians_are_named(name, tmp_path):
    MedianDepth(np.ones(GRID, np.float32)).save(tmp_path)
    DAMAGE[name](tmp_path / "median_depth.npy")
    with pytest.raises(
        UserError, match=r"median_depth\.npy: .*training again"
    ) as error:
        MedianDepth.load(tmp_path)
    assert "\n" not in str(error.value)
