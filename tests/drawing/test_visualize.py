import numpy as np

from deepdepth_jax.drawing.sheets import Row, figure_sheet


def test_a_sheet_has_a_row_for_each_image(tmp_path):
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
