import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import jax
import numpy as np
import pytest

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.pretrained import load_backbone, save_backbone
from deepdepth_jax.models.resnet import ResNet
from deepdepth_jax.weights.conversion import convert_file


@pytest.fixture(scope="module")
def folder():
    script = Path(__file__).with_name("keras_reference.py")
    # Not pytest's own folders, which stay: these are 700 MB.
    with tempfile.TemporaryDirectory() as path:
        subprocess.run([sys.executable, script, path], check=True)
        yield Path(path)


@pytest.fixture(scope="module")
def reference(folder):
    with np.load(folder / "reference.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def converted(folder):
    return convert_file(folder / "resnet50.weights.h5")


def relative_error(backbone, picture, expected):
    network = ResNet(
        backbone.metadata.architecture,
        output_stride=32,
        stride_on=backbone.metadata.stride_on,
    )
    variables = {"params": backbone.params, "batch_stats": backbone.batch_stats}
    ours = jax.jit(network.apply)(variables, picture)[-1]
    assert 1 < np.abs(expected).max() < 1e4
    return np.abs(ours - expected).max() / np.abs(expected).max()


def test_resnet50_computes_what_keras_computes(converted, reference):
    error = relative_error(
        converted.backbone, reference["picture"], reference["resnet50"]
    )

    assert error < 1e-4


def test_resnet101_computes_what_keras_computes(folder, reference):
    conversion = convert_file(folder / "resnet101.weights.h5")
    save_backbone(folder / "out.safetensors", conversion.backbone)
    backbone = load_backbone(folder / "out.safetensors")

    assert backbone.metadata.architecture == "resnet101"
    error = relative_error(backbone, reference["picture"], reference["resnet101"])
    assert error < 1e-4


def test_epsilon_and_biases_are_folded_as_exactly_as_float32_can(converted, reference):
    ours = converted.backbone.batch_stats["layer2_0"]["downsample_bn"]

    variance = reference["variance"].astype(np.float64) + (1.001e-5 - 1e-5)
    assert ours["var"][0] > reference["variance"][0]
    np.testing.assert_array_equal(ours["var"], variance.astype(np.float32))
    np.testing.assert_array_equal(ours["mean"], reference["mean"] - reference["bias"])


def test_metadata_and_what_is_left_out(converted):
    metadata = converted.backbone.metadata

    assert metadata.source == "keras"
    assert metadata.convention.order == "bgr"
    assert metadata.convention.mean == (103.939, 116.779, 123.68)
    assert metadata.stride_on == "1x1"
    assert metadata.source_batch_norm_epsilon == 1.001e-5
    assert metadata.batch_norm_epsilon == 1e-5
    left_out = [set(names) for names in converted.left_out.values()]
    assert left_out == [{"predictions/kernel", "predictions/bias"}]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("legacy_top.h5", {"the classifier: its classes are not depth"}),
        ("legacy_notop.h5", set()),
        (
            "whole_model.h5",
            {"the classifier: its classes are not depth", "the state of an optimiser"},
        ),
        (
            "compiled.weights.h5",
            {"the classifier: its classes are not depth", "the state of an optimiser"},
        ),
    ],
)
def test_every_format_holds_the_same(name, left_out, folder, converted):
    again = convert_file(folder / name)

    expected = converted.backbone.flat()
    flat = again.backbone.flat()
    assert flat.keys() == expected.keys()
    assert all(np.array_equal(flat[path], x) for path, x in expected.items())
    assert again.left_out.keys() == left_out


def test_files_of_keras_before_3_7_do_not_name_their_layers(tmp_path):
    with h5py.File(tmp_path / "old.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.ones((7, 7, 3, 64), np.float32)

    with pytest.raises(UserError, match=r"does not name its layers.*save it again"):
        convert_file(tmp_path / "old.weights.h5")


def test_cut_files(folder):
    path = folder / "cut.weights.h5"
    content = (folder / "resnet50.weights.h5").read_bytes()
    for length in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match="no HDF5 file, or a damaged one"):
            convert_file(path)


def test_files_that_are_not_of_keras(tmp_path):
    with h5py.File(tmp_path / "depth.h5", "w") as file:
        file["depth"] = np.ones(3)

    with pytest.raises(UserError, match="holds no weights of Keras layers"):
        convert_file(tmp_path / "depth.h5")


def test_a_layer_twice(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        for model in ("a", "b"):
            group = file.create_group(model)
            group.attrs["weight_names"] = [f"{model}/conv1_conv/kernel:0".encode()]
            group[f"{model}/conv1_conv/kernel:0"] = np.ones(3)

    with pytest.raises(UserError, match="two layers have conv1_conv/kernel"):
        convert_file(tmp_path / "in.h5")


@pytest.mark.parametrize("kind", ["link", "external", "virtual"])
def test_other_files_are_not_read(kind, tmp_path):
    (tmp_path / "secret.raw").write_bytes(np.ones(3, np.float32).tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.ones(3, np.float32)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        group = file.create_group("conv1_conv")
        group.attrs["weight_names"] = [b"conv1_conv/kernel:0"]
        name = "conv1_conv/kernel:0"
        if kind == "link":
            group[name] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "x")
        elif kind == "external":
            raw = [(str(tmp_path / "secret.raw"), 0, 12)]
            group.create_dataset(name, (3,), np.float32, external=raw)
        else:
            layout = h5py.VirtualLayout((3,), np.float32)
            layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (3,))
            group.create_virtual_dataset(name, layout)

    with pytest.raises(UserError, match="points at another file"):
        convert_file(tmp_path / "in.h5")
