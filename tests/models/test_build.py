"""Pretrained weights decide how they are used; the config may only agree."""

import jax
import numpy as np
import pytest
from foreign_checkpoints import state_dict
from safetensors.numpy import save_file

from deepdepth_jax.config import complete, default_config, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.models.build import build_network
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import load_backbone, save_backbone
from deepdepth_jax.training.build import build_abstract_state
from deepdepth_jax.training.first_state import build_first_state
from deepdepth_jax.training.kept_step import kept_step
from deepdepth_jax.weights.adopt import adopt_pretrained
from deepdepth_jax.weights.conversion import convert_file


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_file(state_dict("resnet18"), folder / "torchvision.safetensors")
    backbone = convert_file(folder / "torchvision.safetensors").backbone
    save_backbone(folder / "resnet18.safetensors", backbone)
    return folder / "resnet18.safetensors"


def config(weights, *arguments):
    return adopt_pretrained(
        complete(
            override(
                default_config(),
                [
                    f"--config.model.pretrained={weights}",
                    "--config.model.backbone=resnet18",
                    "--config.model.width=4",
                    *arguments,
                ],
            )
        )
    )


def test_stride_and_convention_come_with_the_weights(weights):
    model = config(weights).model
    assert (model.stride_on, model.input_convention) == ("3x3", "imagenet_rgb")


def test_without_weights_they_are_deeplabs_and_imagenets():
    model = config("", "--config.model.norm=trained").model
    assert (model.stride_on, model.input_convention) == ("1x1", "imagenet_rgb")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model.stride_on", "1x1"),
        ("model.input_convention", "caffe_bgr"),
        ("model.backbone", "resnet34"),
        ("model.width", "32"),
    ],
)
def test_a_config_that_says_otherwise_is_refused(weights, field, value):
    with pytest.raises(UserError, match=field) as caught:
        config(weights, f"--config.{field}={value}")
    assert "\n" not in str(caught.value)


def test_how_the_weights_are_used_may_be_overridden_but_not_what_they_are(weights):
    allowed = "--config.model.pretrained_override=True"
    overridden = config(weights, allowed, "--config.model.input_convention=caffe_bgr")
    assert build_network(overridden).convention == CONVENTIONS["caffe_bgr"]
    with pytest.raises(UserError, match=r"model\.width"):
        config(weights, allowed, "--config.model.width=32")


def test_weights_that_are_not_there_are_refused_by_field():
    with pytest.raises(UserError, match=r"model\.pretrained"):
        config("no/such/file.safetensors")


def test_the_first_state_holds_the_weights(weights):
    state = build_first_state(config(weights))
    expected = load_backbone(weights)
    for ours, theirs in (
        (state.params["backbone"], expected.params),
        (state.batch_stats["backbone"], expected.batch_stats),
    ):
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_the_abstract_state_describes_the_first(weights):
    described = build_abstract_state(config(weights))
    state = build_first_state(config(weights))
    assert jax.tree.structure(described) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(described), jax.tree.leaves(state), strict=True):
        assert (a.shape, a.dtype, a.sharding) == (b.shape, b.dtype, b.sharding)


def test_a_run_that_is_resumed_keeps_its_step():
    def step(*options):
        return kept_step(config("", "--config.model.norm=trained", *options))

    first = step()
    assert step("--config.seed=1", "--config.train.log_every=7") is first
    for option in ("train.learning_rate=0.5", "bins.num_bins=9", "model.width=8"):
        assert step(f"--config.{option}") is not step()
