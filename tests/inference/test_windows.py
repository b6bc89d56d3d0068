import numpy as np
import pytest

from deepdepth_jax.inference.layout import Mosaic

SIZES = [(40, 70), (16, 24), (17, 24), (16, 25), (33, 24), (100, 300), (5, 7), (5, 90)]


def array(size, batch=2):
    rng = np.random.default_rng(0)
    return rng.random((batch, *size, 3)).astype(np.float32)


def by_windows(run, window):
    """Makes a function of large arrays out of one of arrays of a window's size."""

    def run_all(*arrays):
        size = arrays[0].shape[1:3]
        mosaic = Mosaic(size, tuple(map(min, window, size)))
        for place in mosaic.windows:
            mosaic.add(place, run(*(array[:, *place] for array in arrays)))
        return mosaic.whole

    return run_all


def pixelwise(image):
    """What each pixel says alone does not depend on the window."""
    return {"mean": image.mean(-1), "is_bright": image.mean(-1) > 0.5}


@pytest.mark.parametrize("size", SIZES)
def test_what_depends_on_no_neighbour_is_the_same_as_in_one_piece(size):
    image = array(size)
    found = by_windows(pixelwise, (16, 24))(image)
    expected = pixelwise(image)
    np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-6)
    np.testing.assert_array_equal(found["is_bright"], expected["is_bright"])
    assert found["is_bright"].dtype == bool
    assert found["mean"].dtype == np.float32


@pytest.mark.parametrize("size", SIZES)
def test_every_window_has_one_size_and_shares_a_quarter_with_the_next(size):
    seen = []

    def run(rows, columns):
        seen.append((rows[0, 0, 0], columns[0, 0, 0]))
        assert rows.shape == (1, min(16, size[0]), min(24, size[1]))
        return rows

    rows, columns = (grid[None] for grid in np.indices(size, np.float32))
    by_windows(run, (16, 24))(rows, columns)
    for axis, side in ((0, 16), (1, 24)):
        starts = sorted({start[axis] for start in seen})
        assert starts[0] == 0
        assert starts[-1] == max(0, size[axis] - side)
        if len(starts) > 1:
            assert max(np.diff(starts)) <= side - side // 4


def test_no_seam_shows():
    """Windows that disagree go over into each other step by step."""
    numbers = iter(range(100))

    def run(image):
        return np.full(image.shape[:3], next(numbers), np.float32)

    found = by_windows(run, (64, 64))(array((64, 300), batch=1))[0, 32]
    assert found[0] == 0
    assert found[-1] == found.max() >= 5
    assert np.abs(np.diff(found)).max() < 1 / 8


def test_truth_values_are_those_of_the_window_a_pixel_lies_deepest_in():
    numbers = iter([True, False])

    def run(image):
        return np.full(image.shape[:3], next(numbers))

    found = by_windows(run, (8, 8))(array((8, 14), batch=1))[0, 4]
    np.testing.assert_array_equal(found, [True] * 7 + [False] * 7)
