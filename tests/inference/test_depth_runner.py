"""Maps are computed when they are asked for, and are those of the whole step."""

import copy
import dataclasses
import pickle

import jax
import numpy as np
import pytest

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import complete, default_config, with_fields
from deepdepth_jax.inference.depth_runner import DepthRunner, PredictionPrograms
from deepdepth_jax.inference.runner import build_prediction
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.runtime.parallel import replicated
from deepdepth_jax.types import OUTPUTS, Trained
from deepdepth_jax.weights.adopt import adopt_pretrained

OTHERS = tuple(name for name in OUTPUTS if name != "depth_m")


def config_of(**fields):
    config = default_config()
    config.model.update(
        backbone="tiny", width=8, norm="trained", aspp_rates=(1,), output_stride=8
    )
    config.bins.num_bins = 12
    config.eval.update(decode="expectation", batch_size=4)
    return with_fields(adopt_pretrained(complete(config)), fields)


def trained_of(config):
    variables = initial_variables(build_network(config).model, seed=0)
    aspp = jax.tree.map(lambda x: 30 * x, variables["params"]["aspp"])
    variables["params"] = variables["params"] | {"aspp": aspp}
    return Trained(jax.device_put(variables, replicated()), 1.7)


def random_images(count=2, height=33, width=41):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({}, (0, 0)),
        ({"eval.flip": True, "eval.scales": (1.0, 1.5)}, (0, 0)),
        ({"eval.decode": "median"}, (32, 32)),
        ({"model.head": "ordinal"}, (0, 0)),
    ],
)
def test_each_map_alone_is_that_of_the_whole_step(fields, window):
    config = config_of(**fields)
    trained, images = trained_of(config), random_images()
    expected = build_prediction(config).sized(4, window)(trained, images)
    found = DepthRunner(config).sized(4, window)(trained, images)
    for name in reversed(OUTPUTS):
        np.testing.assert_allclose(
            found.read([name])[name], getattr(expected, name), rtol=1e-5, atol=1e-6
        )


def test_a_network_without_distributions_has_depth_alone():
    config = config_of(**{"model.head": "regression"})
    trained, images = trained_of(config), random_images()
    found = DepthRunner(config)(trained, images).read(OUTPUTS)
    expected = build_prediction(config)(trained, images)
    np.testing.assert_allclose(found["depth_m"], expected.depth_m, rtol=1e-5)
    assert all(found[name] is None for name in OTHERS)


def compiled(program, *arguments):
    return program.function.lower(*arguments).compile()


def test_the_programs_compute_what_is_asked_for_and_nothing_else():
    """By what they return, and by what stands in them."""
    config = config_of()
    programs, trained = PredictionPrograms.of(config), trained_of(config)
    devices = jax.local_device_count()
    images = np.zeros((devices, 1, 32, 64, 3), np.uint8)
    extent = np.array([32, 64], np.int32)
    depth = compiled(programs.depth, trained.variables, extent, (images,))
    depth_m, scores = depth(trained.variables, extent, (images,))
    assert depth_m.shape == (devices, 1, 32, 64)
    assert [x.shape for x in scores] == [(devices, 1, 5, 9, 12)]
    assert "convolution(" in depth.as_text()
    assert " log(" not in depth.as_text()  # of the temperature, or of the entropy

    def read(*names):
        program = programs.maps(names, (1, 32, 64))
        return compiled(program, np.float32(1.7), extent, scores)

    for name in OTHERS:
        alone = read(name)
        assert alone.out_tree == jax.tree.structure({name: 0})
        assert "convolution(" not in alone.as_text()
    running_sums = "f32[12,12]"  # for quantiles
    assert running_sums in read("low_m").as_text()
    assert running_sums not in read("confidence").as_text()
    assert running_sums not in read("log_depth_std", "entropy_nats").as_text()


@pytest.fixture
def asked(monkeypatch):
    """The names of the maps that programs were run for."""
    names_of_calls = []
    maps = PredictionPrograms.maps

    def spy(self, names, shape):
        names_of_calls.append(names)
        return maps(self, names, shape)

    monkeypatch.setattr(PredictionPrograms, "maps", spy)
    return names_of_calls


@pytest.fixture(scope="module")
def predictor(trained):
    return DepthPredictor.load(trained / "run")


def test_a_prediction_computes_a_map_at_its_first_access(predictor, asked, tmp_path):
    found = predictor(random_images()[0])
    again = found.replace(camera=dataclasses.replace(found.camera, focal_px=9.0))
    found.colorize(with_scale=True)
    found.save(tmp_path / "depth.png")
    again.save(tmp_path / "points.ply")
    assert asked == []
    first = found.confidence
    assert found.confidence is first
    assert asked == [("confidence",)]
    found.save(tmp_path / "all.npz")
    rest = ("entropy_nats", "log_depth_std", "low_m", "high_m")
    assert asked == [("confidence",), rest]
    np.testing.assert_array_equal(again.low_m, found.low_m)
    assert len(asked) == 2
    with pytest.raises(AttributeError, match="depths_m"):
        _ = found.depths_m


def test_images_of_a_batch_share_what_is_computed(predictor, asked):
    found = predictor([*random_images()])  # eval.batch_size is 2
    low = [one.low_m for one in found]
    assert asked == [("low_m",)]
    for image, values in zip(random_images(), low, strict=True):
        np.testing.assert_allclose(predictor(image).low_m, values, rtol=1e-4)


@pytest.mark.parametrize(
    "moved",
    [
        copy.copy,
        lambda found: pickle.loads(pickle.dumps(found)),
        lambda found: jax.tree.map(np.copy, found),
        lambda found: dataclasses.replace(found, num_bins=3),
    ],
    ids=["copy", "pickle", "tree", "replace"],
)
def test_a_prediction_that_goes_elsewhere_has_all_maps(predictor, moved):
    found = predictor(random_images()[0])
    there = moved(found)
    for name in OUTPUTS:
        assert name in vars(there)
        np.testing.assert_array_equal(getattr(there, name), getattr(found, name))
