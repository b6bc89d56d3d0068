"""Exported models say what the network says, and the check would notice if not."""

import dataclasses
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import onnx
import pytest
from exported_networks import pipeline, random_images, trained
from onnx import numpy_helper

from deepdepth_jax.errors import UserError
from deepdepth_jax.export import parity
from deepdepth_jax.export.files import write_onnx, write_stablehlo
from deepdepth_jax.export.onnx_model import load_onnx, onnx_model
from deepdepth_jax.export.parity import (
    ParityError,
    compare,
    references,
    relative_difference,
)
from deepdepth_jax.export.stablehlo import load_stablehlo, stablehlo_model
from deepdepth_jax.types import OUTPUTS

# Between them: both blocks, both normalisations, every output stride, both places of
# the stride, every convention, both kinds of bins, every decoding, every head.
PIPELINES = {
    "plain": lambda: pipeline(decode="expectation"),
    "basic": lambda: pipeline(
        norm="frozen",
        output_stride=16,
        convention="deeplab_bgr",
        decode="argmax_geometric",
        bins=("ud", 12, 0.0, 50.0),
        flip=True,
    ),
    "bottleneck": lambda: pipeline(
        architecture="resnet50",
        width=2,
        norm="frozen",
        stride_on="3x3",
        convention="caffe_bgr",
        decode="argmax",
        canonical_focal_px=700.0,
        focal_px=350.0,
    ),
    "coarse": lambda: pipeline(
        architecture="resnet50",
        width=2,
        output_stride=32,
        stride_on="1x1",
        decode="median",
        aspp_rates=(3,),
    ),
    "decoder": lambda: pipeline(
        output_stride=32, aspp_rates=(1, 2), decoder_width=6, decode="absrel"
    ),
    "uniform": lambda: pipeline(bins=("ud", 12, 0.5, 50.0), decode="absrel"),
    "ordinal": lambda: pipeline(head="ordinal", decode="count", flip=True),
    "regression": lambda: pipeline(head="regression", flip=True),
}
SIZES = {
    "plain": ((1, 33, 41), (3, 64, 50), (2, 1, 7)),
    "basic": ((2, 64, 50),),
    "bottleneck": ((2, 33, 41),),
    "coarse": ((1, 64, 50),),
    "decoder": ((2, 64, 50), (1, 33, 41)),
    "uniform": ((1, 33, 41),),
    "ordinal": ((2, 33, 41),),
    "regression": ((2, 33, 41),),
}


@functools.cache
def case(name):
    """Of a pipeline: itself, its network's variables, its own answers at any size."""
    of = PIPELINES[name]()
    variables = trained(of, temperature=1.0 if name == "plain" else 1.7)
    step = jax.jit(of.predict_step(of.posterior))
    return (
        of,
        variables,
        functools.cache(lambda *size: step(variables, random_images(*size))),
    )


@functools.cache
def checked(decode="argmax"):
    """A small network and what is right to say of the images of the check."""
    of = pipeline(decode=decode)
    variables = trained(of, temperature=2.0)
    return of, variables, references(of, variables)


def assert_same(found, expected, outputs=OUTPUTS):
    """Up to ties between bins, which are rare."""
    expected = expected.maps()
    assert found.keys() == expected.keys() & set(outputs)
    for name in found:
        values = expected[name]
        assert found[name].dtype == np.float32
        assert found[name].shape == values.shape
        differs = ~np.isclose(found[name], values, rtol=1e-3, atol=1e-5)
        assert differs.mean() < 1e-3, name


@pytest.mark.parametrize("name", PIPELINES)
def test_onnx_runtime_says_what_the_network_says(name, tmp_path):
    of, variables, answers = case(name)
    path = tmp_path / "depth.onnx"
    path.write_bytes(onnx_model(of, variables, {}).SerializeToString())
    run = load_onnx(path)
    for size in SIZES[name]:
        assert_same(run(random_images(*size)), answers(*size))


@pytest.mark.parametrize("name", PIPELINES)
def test_stablehlo_says_what_the_network_says(name, tmp_path):
    of, variables, answers = case(name)
    exported = stablehlo_model(of, variables)
    assert exported.platforms == ("cpu", "cuda")
    # Nothing that only one of the two knows.
    calls = re.findall(r"custom_call @(\w+)", exported.mlir_module())
    assert set(calls) == {"shape_assertion"}
    path = tmp_path / "depth.stablehlo"
    path.write_bytes(exported.serialize())
    run = load_stablehlo(path)
    for size in SIZES[name]:
        assert_same(run(random_images(*size)), answers(*size))


@pytest.mark.parametrize("outputs", [("depth_m",), ("confidence", "high_m")])
def test_only_the_outputs_that_are_wanted_are_computed(outputs, tmp_path):
    of, variables, answers = case("ordinal")
    some = dataclasses.replace(of, outputs=outputs)
    model = onnx_model(some, variables, {})
    of_all = onnx_model(of, variables, {})
    assert {x.name for x in model.graph.node} < {x.name for x in of_all.graph.node}
    operations = {node.op_type for node in model.graph.node}
    assert ("Log" in operations) == ("confidence" in outputs)  # for the calibration
    path = tmp_path / "depth.onnx"
    path.write_bytes(model.SerializeToString())
    exported = stablehlo_model(some, variables).serialize()
    assert len(exported) < len(stablehlo_model(of, variables).serialize())
    (tmp_path / "depth.stablehlo").write_bytes(exported)
    for run in (load_onnx(path), load_stablehlo(tmp_path / "depth.stablehlo")):
        assert_same(run(random_images(2, 33, 41)), answers(2, 33, 41), outputs)


def test_outputs_that_are_missing_or_too_many_are_noticed():
    of, _, expected = checked()
    for names in (["depth_m"], [*of.outputs, "variance"]):
        found = dict.fromkeys(names, np.ones(()))
        with pytest.raises(ParityError, match=f"computes {', '.join(names)} instead"):
            compare(lambda image, found=found: found, expected)


EXPORTED = """
import hashlib
from exported_networks import pipeline, trained
from deepdepth_jax.export import stablehlo
of = pipeline()
content = stablehlo.stablehlo_model(of, trained(of)).serialize()
print(stablehlo.__file__, hashlib.sha256(content).hexdigest())
"""


def test_two_checkouts_export_the_same_bytes(tmp_path):
    shutil.copytree("deepdepth_jax", tmp_path / "deepdepth_jax")
    shutil.copy("tests/exported_networks.py", tmp_path)
    said = subprocess.check_output(
        [sys.executable, "-c", EXPORTED],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        text=True,
    )
    where, digest = said.split()
    assert Path(where).is_relative_to(tmp_path)
    of = pipeline()
    content = stablehlo_model(of, trained(of)).serialize()
    assert hashlib.sha256(content).hexdigest() == digest
    for path in (Path.cwd(), Path(jax.__file__).parent.parent):
        assert str(path).encode() not in content


def test_images_of_kittis_size(tmp_path):
    of, variables, answers = case("plain")
    path = tmp_path / "depth.onnx"
    path.write_bytes(onnx_model(of, variables, {}).SerializeToString())
    assert_same(load_onnx(path)(random_images(1, 375, 1242)), answers(1, 375, 1242))


def half_pixel(model):
    [resize] = [node for node in model.graph.node if node.op_type == "Resize"]
    [how] = [a for a in resize.attribute if a.name == "coordinate_transformation_mode"]
    how.s = b"half_pixel"


def pooling_without_its_last_column(model):
    [pool] = [node for node in model.graph.node if node.op_type == "MaxPool"]
    [pads] = [attribute for attribute in pool.attribute if attribute.name == "pads"]
    pads.ints[:] = [1, 1, 2, 1]


def one_branch_too_few(model):
    [total] = [node for node in model.graph.node if node.op_type == "Sum"]
    total.input.pop()


def wrong_colour(model):
    """The mean of red in place of green's."""
    for tensor in model.graph.initializer:
        if tensor.name.startswith("Sub_") and tensor.dims == [3]:
            mean = numpy_helper.to_array(tensor)[[0, 0, 2]]
            tensor.CopyFrom(numpy_helper.from_array(mean, tensor.name))
            return


def one_bin_off(model):
    """Bins as they would be with their lower edges for centres."""
    for tensor in model.graph.initializer:
        if tensor.dims == [10]:
            centers_m = numpy_helper.to_array(tensor)
            moved = numpy_helper.from_array(0.9 * centers_m, tensor.name)
            tensor.CopyFrom(moved)


@pytest.mark.parametrize(
    "fault",
    [
        half_pixel,
        pooling_without_its_last_column,
        one_branch_too_few,
        wrong_colour,
        one_bin_off,
    ],
)
def test_a_wrong_model_is_noticed(fault, tmp_path):
    of, variables, expected = checked()
    model = onnx_model(of, variables, {})
    before = model.SerializeToString(deterministic=True)
    fault(model)
    assert model.SerializeToString(deterministic=True) != before
    path = tmp_path / "depth.onnx"
    onnx.save(model, path)
    with pytest.raises(ParityError, match="differs from the network's by"):
        compare(load_onnx(path), expected)


def test_what_is_not_a_number_is_noticed():
    _, _, expected = checked()

    def run(image):
        [right] = [right for right in expected if right.image is image]
        found = {name: np.array(x) for name, x in right.low.items()}
        found["entropy_nats"][0, 3, 4] = np.nan
        return found

    with pytest.raises(ParityError, match="entropy_nats"):
        compare(run, expected)


@pytest.mark.parametrize("write", [write_onnx, write_stablehlo])
def test_a_wrong_model_leaves_what_was_there(write, tmp_path, monkeypatch):
    of, variables, _ = checked()
    path = tmp_path / "depth"
    path.write_text("of before")
    monkeypatch.setattr(parity, "TOLERANCE", -1.0)
    with pytest.raises(ParityError):
        write(path, of, variables, {})
    assert [found.name for found in tmp_path.iterdir()] == ["depth"]
    assert path.read_text() == "of before"


def test_a_network_that_is_not_finite_is_refused():
    of, good, _ = checked()
    variables = jax.tree.map(lambda x: x * np.float32(np.nan), good.variables)
    broken = dataclasses.replace(good, variables=variables)
    with pytest.raises(UserError, match="not finite"):
        references(of, broken)


@pytest.mark.parametrize("decode", ["argmax", "median", "absrel"])
def test_nearly_everywhere_one_answer_is_right(decode):
    of, variables, expected = checked(decode)
    step = jax.jit(of.predict_step(of.posterior))
    right = expected[1]
    for name, answer in vars(step(variables, right.image)).items():
        low, high = right.low[name], right.high[name]
        slack = 1e-5 * np.abs(answer)
        assert (low <= answer + slack).all(), name
        assert (answer <= high + slack).all(), name
        assert np.mean(high > low * 1.001 + 1e-3) < 0.02, name


def test_differences_are_relative_and_outside_of_the_bounds():
    low, high = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 4.0])
    assert relative_difference(np.array([1.0, 2.5, 4.0]), low, high) == 0
    assert relative_difference(np.array([1.0, 3.3, 4.0]), low, high) == pytest.approx(
        0.1
    )
    assert relative_difference(np.array([0.5, 2.0, 4.0]), low, high) == 0.5
    assert np.isnan(relative_difference(np.array([np.nan, 2.0, 4.0]), low, high))
