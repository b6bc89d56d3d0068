import numpy as np
import pytest

from deepdepth_jax.drawing.colors import confidence_scale, depth_scale, error_scale
from deepdepth_jax.drawing.sheets import (
    CELL_PX,
    COLUMNS,
    GAP_PX,
    LINE_PX,
    STEP_PX,
    WIDTH_PX,
    Row,
    figure_sheet,
)

SHAPE = 48, 100
CELL_HEIGHT_PX = 192
DEPTH, CONFIDENCE = depth_scale(1.0, 80.0), confidence_scale(71)
STRIP_HEIGHT_PX = DEPTH.strip(CELL_PX).shape[0]
IMAGE, TRUTH, PREDICTION, ERROR, CERTAINTY = range(len(COLUMNS))


def row(**fields):
    plain = {
        "title": "name",
        "image": np.full((*SHAPE, 3), 90, np.uint8),
        "truth_m": np.full(SHAPE, 10, np.float32),
        "prediction_m": np.full(SHAPE, 12, np.float32),
        "confidence": np.full(SHAPE, 0.5, np.float32),
    }
    return Row(**plain | fields)


def cell(sheet, column, index=0):
    """Returns the pixels of a cell of the sheet."""
    top = LINE_PX + (CELL_HEIGHT_PX + LINE_PX) * index
    left = GAP_PX + STEP_PX * column
    return sheet[top : top + CELL_HEIGHT_PX, left : left + CELL_PX]


def painted(scale, value):
    return scale.paint(np.full((1, 1), value, np.float32))[0, 0]


def test_a_sheet_has_a_row_for_each_image_and_the_scales_below():
    for count in (1, 3):
        sheet = figure_sheet([row()] * count, DEPTH, CONFIDENCE)
        height = LINE_PX + (CELL_HEIGHT_PX + LINE_PX) * count + STRIP_HEIGHT_PX
        assert sheet.shape == (height, WIDTH_PX, 3)
    strips = sheet[-STRIP_HEIGHT_PX:]
    scales = {PREDICTION: DEPTH, ERROR: error_scale(), CERTAINTY: CONFIDENCE}
    for column, scale in scales.items():
        left = GAP_PX + STEP_PX * column
        strip = strips[:, left : left + CELL_PX]
        np.testing.assert_array_equal(strip, scale.strip(CELL_PX))


def test_every_cell_shows_what_its_column_says():
    sheet = figure_sheet([row()], DEPTH, CONFIDENCE)
    expected = {
        IMAGE: (90, 90, 90),
        TRUTH: painted(DEPTH, 10),
        PREDICTION: painted(DEPTH, 12),
        ERROR: painted(error_scale(), 0.2),
        CERTAINTY: painted(CONFIDENCE, 0.5),
    }
    for column, colour in expected.items():
        assert (cell(sheet, column) == colour).all(), COLUMNS[column]


def test_what_nobody_knows_is_black():
    nothing = row(truth_m=np.zeros(SHAPE, np.float32), confidence=None)
    sheet = figure_sheet([nothing], DEPTH, CONFIDENCE)
    for column in (TRUTH, ERROR, CERTAINTY):
        assert not cell(sheet, column).any()
    assert cell(sheet, PREDICTION).any()


def test_a_prediction_that_is_no_number_is_black():
    prediction = row().prediction_m.copy()
    prediction[:24] = np.nan
    sheet = figure_sheet([row(prediction_m=prediction)], DEPTH, CONFIDENCE)
    for column in (PREDICTION, ERROR):
        upper, lower = np.split(cell(sheet, column), 2)
        assert not upper.any()
        assert lower.all(-1).any()


@pytest.mark.parametrize("shape", [SHAPE, (480, 1000)])
def test_points_of_a_sparse_map_are_seen_on_the_sheet(shape):
    truth = np.zeros(shape, np.float32)
    truth[shape[0] // 2, shape[1] // 2] = 10.0
    fields = {
        "image": np.zeros((*shape, 3), np.uint8),
        "truth_m": truth,
        "prediction_m": np.full(shape, 12, np.float32),
        "confidence": None,
    }
    sheet = figure_sheet([row(**fields)], DEPTH, CONFIDENCE)
    for column in (TRUTH, ERROR):
        assert 1 <= cell(sheet, column).any(-1).sum() <= 12 * 12


def test_titles_and_rows_are_named_and_nothing_is_cut_off():
    sheet = figure_sheet([row(title="test/000003   AbsRel 0.2")], DEPTH, CONFIDENCE)
    below = LINE_PX + CELL_HEIGHT_PX
    for line in (sheet[:LINE_PX], sheet[below : below + LINE_PX]):
        assert (line < 100).any()
        assert (line[[0, -1]] == 255).all()
    assert (sheet[:, [0, -1]] == 255).all()


def test_images_of_other_shapes_are_as_wide_as_their_column():
    upright = np.zeros((300, 100), np.float32)
    fields = {
        "image": np.zeros((300, 100, 3), np.uint8),
        "truth_m": upright,
        "prediction_m": upright,
    }
    tall = row(**fields, confidence=None)
    sheet = figure_sheet([row(), tall], DEPTH, CONFIDENCE)
    height = LINE_PX * 3 + CELL_HEIGHT_PX + 3 * CELL_PX + STRIP_HEIGHT_PX
    assert sheet.shape == (height, WIDTH_PX, 3)
