"""Each field stands once, with all that is known of it."""

import math
from pathlib import Path
from typing import get_args

import pytest

from deepdepth_jax import bins, metrics
from deepdepth_jax.config import FIELDS, default_config
from deepdepth_jax.config.describe import help_text, markdown
from deepdepth_jax.config.network import BIN_PRESETS
from deepdepth_jax.config.training import AUGMENTATIONS, LOSSES
from deepdepth_jax.datasets.registry import BUILDERS
from deepdepth_jax.models.conv import recompute
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resnet import ARCHITECTURES, STAGES, StrideOn
from deepdepth_jax.training import objective, optimizer


@pytest.mark.parametrize(
    ("field", "implemented"),
    [
        ("data.dataset", BUILDERS),
        ("bins.preset", BIN_PRESETS),
        ("bins.kind", bins.KINDS),
        ("model.backbone", ARCHITECTURES),
        ("model.head", HEADS),
        ("model.output_stride", STAGES),
        ("model.stride_on", get_args(StrideOn)),
        ("model.input_convention", CONVENTIONS),
        ("augment.preset", AUGMENTATIONS),
        ("train.remat", get_args(recompute.Remat)),
        ("train.optimizer", optimizer.OPTIMIZERS),
        ("eval.crop", metrics.CROPS),
        ("eval.decode", get_args(bins.Decoding)),
        ("eval.best_metric", metrics.METRICS),
    ],
)
def test_choices_are_what_is_implemented(field, implemented):
    assert FIELDS[field].choices == tuple(implemented)


def test_losses_are_what_is_implemented():
    implemented = {head: tuple(named) for head, named in objective.LOSSES.items()}
    assert dict(LOSSES) == implemented
    every = [loss for named in LOSSES.values() for loss in named]
    assert FIELDS["train.loss"].choices == tuple(every)


def test_every_number_has_finite_bounds():
    for field in FIELDS.values():
        assert (field.bounds is not None) == (field.type in (int, float)), field.name
        if field.bounds is not None:
            low = field.bounds.at_least, field.bounds.above
            high = field.bounds.at_most, field.bounds.below
            for bound in (low, high):
                [number] = [x for x in bound if x is not None]
                assert math.isfinite(number)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_takes_its_default_and_reads_it_back(name):
    field = FIELDS[name]
    assert field.meaning
    if field.default is None:
        return
    assert field.accept(field.default) == field.default
    text = field.default if field.type is str else repr(field.default)
    if isinstance(text, str):
        assert field.read(text.strip("'")) == field.default


def test_the_default_config_holds_every_field():
    flat = {
        name: value
        for name in FIELDS
        for value in [default_config()]
        for part in name.split(".")
        for value in [value[part]]
    }
    assert flat == {name: field.default for name, field in FIELDS.items()}


def test_help_has_every_field():
    text = help_text()
    for name in FIELDS:
        assert f"\n  {name} = " in text
    assert max(map(len, text.splitlines())) <= 140


def test_the_page_of_the_config_is_up_to_date():
    """Write it by `python -m deepdepth_jax.config > docs/config.md`."""
    assert Path("docs/config.md").read_text() == markdown()
