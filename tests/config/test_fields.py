"""Each field stands once, with all that is known of it."""

import itertools
import math
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from deepdepth_jax import bins, metrics
from deepdepth_jax.config import FIELDS, complete, default_config, override
from deepdepth_jax.config.augmentation import AUGMENTATIONS
from deepdepth_jax.config.check import fill_from_presets
from deepdepth_jax.config.describe import help_text, markdown
from deepdepth_jax.config.load import flatten
from deepdepth_jax.config.network import BIN_PRESETS, BinKind
from deepdepth_jax.config.training import LOSSES
from deepdepth_jax.datasets.descriptions import BUILDERS
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.conv import recompute
from deepdepth_jax.models.heads import HEADS
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.resnet import ARCHITECTURES, STAGES, StrideOn
from deepdepth_jax.training import objective, optimizer


@pytest.mark.parametrize(
    ("field", "implemented"),
    [
        ("data.dataset", [name for name in BUILDERS if name != "pseudo"]),
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


def test_every_data_set_can_be_mixed():
    mixed = [name for name in FIELDS if name.startswith("data.mixture.")]
    assert [name.rpartition(".")[2] for name in mixed] == list(BUILDERS)


def test_losses_are_what_is_implemented():
    implemented = {head: tuple(named) for head, named in objective.LOSSES.items()}
    assert dict(LOSSES) == implemented
    every = [loss for named in LOSSES.values() for loss in named]
    assert FIELDS["train.loss"].choices == tuple(every)


@pytest.mark.parametrize("head", HEADS)
def test_the_crf_goes_with_the_heads_that_have_a_distribution(head):
    arguments = [f"--config.model.head={head}", "--config.crf.enabled=True"]
    config = override(default_config(), ["--config.model.norm=trained", *arguments])
    if HEADS[head].has_distribution:
        assert complete(config).crf.enabled
    else:
        with pytest.raises(UserError, match=f"with model.head={head}"):
            complete(config)


def test_what_is_said_of_bins_is_what_bins_take():
    """The config refuses what they refuse, and little besides."""
    refused = 0
    nearest_m, farthest_m = (0.0, 1e-5, 1e-4, 79.9999), (1e-4, 80.0, 100_000.0)
    for kind, count, near_m, far_m in itertools.product(
        get_args(BinKind), (2, 254), nearest_m, farthest_m
    ):
        values = dict(kind=kind, num_bins=count, min_depth_m=near_m, max_depth_m=far_m)
        config = default_config()
        config.model.norm = "trained"
        config.bins.update(values)
        try:
            complete(config)
        except UserError as error:
            refused += 1
            assert re.search(r"bins\.(min|max)_depth_m=", str(error))
        else:
            assert (np.diff(bins.DepthBins(**values).edges_m) > 0).all()
    assert refused == 24


def test_every_number_has_finite_bounds():
    for field in FIELDS.values():
        assert (field.bounds is not None) == (field.type in (int, float)), field.name
        if field.bounds is not None:
            low = field.bounds.at_least, field.bounds.above
            high = field.bounds.at_most, field.bounds.below
            for bound in (low, high):
                [number] = [x for x in bound if x is not None]
                assert math.isfinite(number)


@pytest.mark.parametrize("name", ["data.canonical_focal_px", "data.synthia.focal_px"])
def test_a_focal_length_is_none_or_one_of_a_camera(name):
    for text in ("0", "-0.0", "1", "721.5", "1e5"):
        assert FIELDS[name].read(text) == float(text)
    for text in ("1e-320", "0.5", "-1", "100_001"):
        with pytest.raises(ValueError, match=r"must be a number >= 1 and .*, or 0$"):
            FIELDS[name].read(text)


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
    assert flat == {
        name: None if field.inherited else field.default
        for name, field in FIELDS.items()
    }
    defaults = dict(flatten(fill_from_presets(default_config()).to_dict()))
    for name, field in FIELDS.items():
        if field.inherited:
            assert defaults[name] == field.default


def test_help_has_every_field():
    text = help_text()
    for name in FIELDS:
        assert f"\n  {name} = " in text
    assert max(map(len, text.splitlines())) <= 140


def test_the_page_of_the_config_is_up_to_date():
    """Write it by `python -m deepdepth_jax.config > docs/config.md`."""
    assert Path("docs/config.md").read_text() == markdown()
