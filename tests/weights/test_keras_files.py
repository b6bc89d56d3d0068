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
from deepdepth_jax.weights.keras_reader import read_h5


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


def relative_error(backbone, image, expected):
    network = ResNet(
        backbone.metadata.architecture,
        output_stride=32,
        stride_on=backbone.metadata.stride_on,
    )
    variables = {"params": backbone.params, "batch_stats": backbone.batch_stats}
    ours = jax.jit(network.apply)(variables, image)[-1]
    assert 1 < np.abs(expected).max() < 1e4
    return np.abs(ours - expected).max() / np.abs(expected).max()


def test_resnet50_computes_what_keras_computes(converted, reference):
    error = relative_error(
        converted.backbone, reference["image"], reference["resnet50"]
    )

    assert error < 1e-4


def test_resnet101_computes_what_keras_computes(folder, reference):
    conversion = convert_file(folder / "resnet101.weights.h5")
    save_backbone(folder / "out.safetensors", conversion.backbone)
    backbone = load_backbone(folder / "out.safetensors")

    assert backbone.metadata.architecture == "resnet101"
    error = relative_error(backbone, reference["image"], reference["resnet101"])
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


KERNEL = "conv1_conv/kernel:0"


def layer(file, names=(KERNEL,), weights=None, group="conv1_conv"):
    """Adds a layer as an `.h5` has it: the list of its weights' names, and these."""
    folder = file.create_group(group)
    if isinstance(names, tuple):
        names = [name.encode() for name in names]
    folder.attrs["weight_names"] = names
    for name, values in (weights or {}).items():
        folder[name] = values
    return folder


def numbered(file, name="conv1_conv", **weights):
    """Adds a layer as a `.weights.h5` has it."""
    folder = file.create_group("layers/conv2d/vars")
    folder.attrs["name"] = name
    for number, values in weights.items():
        folder[number] = values


def no_array(file):
    layer(file).create_group(KERNEL)


def too_large(file):
    layer(file).create_dataset(KERNEL, (2**20, 2**20), np.float32, chunks=(64, 64))


def type_that_numpy_lacks(file):
    layer(file).create_group("conv1_conv")
    space = h5py.h5s.create_simple((4,))
    kind = h5py.h5t.UNIX_D32LE
    h5py.h5d.create(file["conv1_conv/conv1_conv"].id, b"kernel:0", kind, space)


ONES = np.ones(3, np.float32)
ODD_FILES = {
    "names are a number": (lambda file: layer(file, 3), "must be a list of names"),
    "names are numbers": (lambda file: layer(file, [1, 2]), "must be a list of names"),
    "names are empty": (
        lambda file: layer(file, h5py.Empty("S3")),
        "must be a list of names",
    ),
    "names are no text": (
        lambda file: layer(file, np.array([b"\xff\xfe"])),
        "weight_names of /conv1_conv must be a list of names",
    ),
    "a name is empty": (lambda file: layer(file, ("",)), "a damaged one"),
    "a name is a group": (no_array, "a weight is no array but <HDF5 group"),
    "a name is a type": (
        lambda file: layer(file, weights={KERNEL: np.dtype("f4")}),
        "a weight is no array but <HDF5 named type",
    ),
    "a weight is huge": (too_large, r"kernel:0 of 4398\.0 GB, more than any ResNet"),
    "a weight is a time": (type_that_numpy_lacks, "has a type that NumPy lacks"),
    "a number is negative": (lambda file: numbered(file, **{"-1": ONES}), "conv/-1"),
    "a number is too large": (lambda file: numbered(file, **{"7": ONES}), "conv/7"),
    "a number is a word": (lambda file: numbered(file, odd=ONES), "conv1_conv/odd"),
    "a layer's name is a list": (
        lambda file: numbered(file, ["a", "b"], **{"0": ONES}),
        "does not name its layers",
    ),
}


NO_TEXT = b"conv\xff"
DAMAGED_NAMES = {
    "a group": lambda file: file.create_group(NO_TEXT),
    "a group within": lambda file: file.create_group(b"a/" + NO_TEXT),
    "a dataset": lambda file: file.create_dataset(NO_TEXT, data=ONES),
    "an attribute": lambda file: file.create_group("a").attrs.__setitem__(NO_TEXT, 1),
    "a weight": lambda file: layer(file, [NO_TEXT + b"/kernel:0"], {}),
}


@pytest.mark.parametrize("what", DAMAGED_NAMES)
def test_names_that_are_no_text_are_one_line(what, tmp_path):
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        DAMAGED_NAMES[what](file)
    with pytest.raises(UserError, match=r"odd\.h5: ") as error:
        read_h5(tmp_path / "odd.h5")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ODD_FILES)
def test_odd_layouts_are_one_line(name, tmp_path):
    fill, message = ODD_FILES[name]
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        fill(file)

    with pytest.raises(UserError, match=rf"odd\.h5: .*{message}") as error:
        convert_file(tmp_path / "odd.h5")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(3, [("a", "f4")]),
        np.zeros(3, "V4"),
        np.zeros(3, np.complex64),
        ["a", "b"],
        h5py.Empty("f4"),
    ],
)
def test_weights_that_are_no_numbers_are_named(values, tmp_path):
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        layer(file, weights={KERNEL: values})
        block = "conv2_block1_1_conv/kernel:0"
        layer(file, (block,), {block: ONES}, "conv2_block1_1_conv")

    with pytest.raises(UserError, match=r"odd\.h5: "):
        convert_file(tmp_path / "odd.h5")


def test_a_layer_may_have_more_names_than_an_attribute_holds(tmp_path):
    names = [f"conv2_block{number}_1_conv/kernel:0" for number in range(12)]
    with h5py.File(tmp_path / "in.h5", "w") as file:
        folder = file.create_group("resnet50")
        for number, name in enumerate(names):
            folder.attrs[f"weight_names{number}"] = [name.encode()]
            folder[name] = np.full(3, number, np.float32)

    tensors = read_h5(tmp_path / "in.h5")

    assert list(tensors) == [name.removesuffix(":0") for name in names]
    assert [x[0] for x in tensors.values()] == list(range(12))


def test_a_weight_without_a_layer_is_of_its_group(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        layer(file, ("kernel:0",), {"kernel:0": ONES})

    assert list(read_h5(tmp_path / "in.h5")) == ["conv1_conv/kernel"]
