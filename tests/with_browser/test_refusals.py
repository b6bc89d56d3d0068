"""Values that the page refuses are mistakes of visitors, and no bugs of the server."""

import gradio as gr
import pytest

from deepdepth_jax.demo.page import PIXELS, UNITS, _asked, _refuse_quietly
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [(gr.Radio([*UNITS]), "miles", PIXELS), (gr.Number(minimum=0), -1, 721.5)],
)
def test_a_refused_value_prints_no_traceback(field, wrong, right):
    _refuse_quietly(field)
    with pytest.raises(gr.Error) as caught:
        field.preprocess(wrong)
    assert not caught.value.print_exception
    assert field.preprocess(right) == right


def test_a_focal_length_that_is_none_is_a_mistake():
    assert _asked(721.5, PIXELS) == FocalLength(px=721.5)
    *_, millimetres = UNITS
    for focal, unit in ((721.5, "miles"), (721.5, None), (1450, millimetres)):
        with pytest.raises(UserError, match="must be"):
            _asked(focal, unit)
