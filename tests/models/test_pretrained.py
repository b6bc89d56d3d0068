import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from foreign_checkpoints import aspp, state_dict
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import (
    DIGEST_KEY,
    METADATA_KEY,
    Metadata,
    initialise,
    load_backbone,
    load_metadata,
    save_backbone,
)
from deepdepth_jax.models.tensor_files import write_safetensors
from deepdepth_jax.weights.conversion import convert_file

CLASSES = 5
BACKBONE, WHOLE = ("backbone",), ("backbone", "aspp")


@pytest.fixture
def backbone(tmp_path):
    """A small DeepLab v2 with its head."""
    tensors = state_dict("resnet50") | aspp(128, CLASSES)
    save_file(tensors, tmp_path / "in.safetensors")
    return convert_file(tmp_path / "in.safetensors").backbone


@pytest.fixture
def path(tmp_path, backbone):
    save_backbone(tmp_path / "folder" / "out.safetensors", backbone)
    return tmp_path / "folder" / "out.safetensors"


def fresh(classes=CLASSES, width=4, architecture="resnet50"):
    model = DeepLabV2(outputs=classes, architecture=architecture, width=width)
    shapes = jax.eval_shape(
        lambda: model.init(jax.random.key(0), jnp.zeros((1, 33, 33, 3)))
    )
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)


def test_what_is_saved_is_loaded(path, backbone):
    loaded = load_backbone(path)

    assert loaded.metadata == backbone.metadata
    for tree, again in (
        (backbone.params, loaded.params),
        (backbone.batch_stats, loaded.batch_stats),
        (backbone.aspp, loaded.aspp),
    ):
        jax.tree.map(np.testing.assert_array_equal, tree, again)
    assert [p.name for p in path.parent.iterdir()] == ["out.safetensors"]


def test_the_same_weights_make_the_same_bytes(tmp_path):
    tensors = {"b": np.ones(3, np.float32), "a/é": np.zeros((), np.float16)}
    header = {"z": 'é \x01 \x7f " \\ \n', "a": "", "format": "pt", "m": "x"}
    path = tmp_path / "out.safetensors"
    contents = set()
    for names in (header, reversed(header), sorted(header), header, header):
        write_safetensors(path, tensors, {name: header[name] for name in names})
        contents.add(path.read_bytes())

    assert len(contents) == 1
    with safe_open(path, framework="numpy") as file:
        assert file.metadata() == header
    for name, x in load_file(path).items():
        np.testing.assert_array_equal(x, tensors[name], strict=True)


def test_files_have_the_usual_permissions(tmp_path):
    path, usual = tmp_path / "out.safetensors", tmp_path / "usual"
    write_safetensors(path, {"a": np.ones(3, np.float32)}, {})
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode


METADATA = Metadata(
    architecture="resnet18",
    width=64,
    stride_on="3x3",
    convention=CONVENTIONS["imagenet_rgb"],
    batch_norm_epsilon=1e-5,
    source="torchvision",
    source_file="resnet18-f37072fd.pth",
    source_sha256="f37072fd",
    source_batch_norm_epsilon=1e-5,
)


def test_metadata_in_json():
    text = METADATA.to_json()

    assert Metadata.from_json(text) == METADATA
    assert Metadata.from_json(text).convention == CONVENTIONS["imagenet_rgb"]


WRONG_FIELDS = [
    ("architecture", ["resnet50"]),
    ("width", "64"),
    ("width", True),
    ("width", 0),
    ("stride_on", ["1x1"]),
    ("stride_on", "2x2"),
    ("convention", "imagenet_rgb"),
    ("batch_norm_epsilon", None),
    ("source", {}),
    ("source_file", 3),
    ("source_sha256", ["x"]),
    ("source_batch_norm_epsilon", float("nan")),
    ("convention.order", ["rgb"]),
    ("convention.scale", 0),
    ("convention.mean", [1.0, 2.0]),
    ("convention.mean", "abc"),
    ("convention.std", [1.0, 1.0, 0.0]),
    ("convention.std", 1.0),
]


def changed_metadata(name, value):
    fields = json.loads(METADATA.to_json())
    section, _, field = name.rpartition(".")
    (fields[section] if section else fields)[field] = value
    return json.dumps(fields)


@pytest.mark.parametrize(("name", "value"), WRONG_FIELDS)
def test_metadata_of_another_type_are_named(name, value):
    with pytest.raises(ValueError, match=f"its metadata have {name}="):
        Metadata.from_json(changed_metadata(name, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3", "must hold a JSON object"),
        ("{", "Expecting"),
        ("[" * 50_000, "nested too deep"),
        ('["architecture"]', "must hold a JSON object"),
        (changed_metadata("unknown", 1), "missing or unknown: unknown"),
        (changed_metadata("convention", {"order": "rgb"}), "unknown: convention.mean"),
    ],
)
def test_metadata_of_another_form_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Metadata.from_json(text)


@pytest.mark.parametrize("kind", ["F4", "F8_E4M3", "F8_E5M2"])
def test_types_that_numpy_lacks_are_named(kind, path):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    name = "params/backbone/bn1/bias"
    count = 32 if kind == "F4" else 16
    header[name] |= {"dtype": kind, "shape": [count]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    foreign = path.rename(path.with_name("foreign.safetensors"))

    for read in (load_backbone, convert_file):
        with pytest.raises(UserError, match=rf"foreign.*{name} has the type {kind}, w"):
            read(foreign)


LOADERS = pytest.mark.parametrize("load", [load_backbone, load_metadata])


@LOADERS
def test_no_file(load, tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.safetensors: no such file"):
        load(tmp_path / "nowhere.safetensors")


@LOADERS
def test_a_file_that_was_not_converted(load, tmp_path):
    save_file(state_dict("resnet18"), tmp_path / "resnet18.safetensors")

    with pytest.raises(UserError, match=r"run `python -m deepdepth_jax\.convert --inp"):
        load(tmp_path / "resnet18.safetensors")


@LOADERS
def test_cut_files(load, path):
    content = path.read_bytes()
    for length in (0, 4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"out\.safetensors: no safetensors file"):
            load(path)


@pytest.mark.parametrize("where", ["tensors", "metadata"])
def test_changed_files(where, path):
    content = bytearray(path.read_bytes())
    if where == "tensors":
        content[-1000] ^= 1
    else:
        content = content.replace(b"1x1", b"3x3")
    path.write_bytes(content)

    with pytest.raises(UserError, match="was changed after conversion"):
        load_backbone(path)


def test_a_digest_cannot_be_left_out(path, backbone):
    header = {METADATA_KEY: backbone.metadata.to_json()}
    save_file(load_file(path), path, header)

    with pytest.raises(UserError, match="was changed after conversion"):
        load_backbone(path)
    assert DIGEST_KEY not in header


def test_a_network_that_is_not_known_is_refused_by_its_metadata(path, backbone):
    fields = json.loads(backbone.metadata.to_json()) | {"architecture": "resnet7"}
    save_file(load_file(path), path, {METADATA_KEY: json.dumps(fields)})

    with pytest.raises(UserError, match="unknown architecture resnet7"):
        load_metadata(path)


def test_metadata_of_another_version(path, backbone):
    fields = json.loads(backbone.metadata.to_json()) | {"dilation": 2}
    save_file(load_file(path), path, {METADATA_KEY: json.dumps(fields)})

    with pytest.raises(UserError, match=r"another version.*dilation.*original again"):
        load_backbone(path)


def changed(tree, layer, leaf, value):
    """Copies a tree with one leaf replaced, or left out for None."""
    leaves = {key: x for key, x in tree[layer].items() if key != leaf}
    if value is not None:
        leaves[leaf] = value
    return tree | {layer: leaves}


def test_only_the_architecture_s_tensors_are_written(tmp_path, backbone):
    ones = np.ones(4, np.float32)
    for change, message in (
        (changed(backbone.params, "bn1", "scale", None), "missing: .*/bn1/scale;"),
        (changed(backbone.params, "bn1", "extra", ones), "unexpected: .*/bn1/extra;"),
        (changed(backbone.params, "bn1", "scale", ones[:3]), r"is \(3,\) instead of"),
        (changed(backbone.params, "bn1", "scale", ones * np.inf), "not finite: .*bn1"),
    ):
        other = dataclasses.replace(backbone, params=change)
        with pytest.raises(UserError, match=message):
            save_backbone(tmp_path / "broken.safetensors", other)
        assert not (tmp_path / "broken.safetensors").exists()


def test_a_folder_that_cannot_be_written(tmp_path, backbone):
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="cannot be written"):
        save_backbone(tmp_path / "file" / "out.safetensors", backbone)


def test_initialise_replaces_the_whole_backbone_and_nothing_else(backbone):
    variables = fresh(classes=7)

    initialised = initialise(variables, backbone.flat(), backbone.metadata, BACKBONE)

    equal = jax.tree.map(
        np.array_equal, initialised["params"]["backbone"], backbone.params
    )
    assert all(jax.tree.leaves(equal))
    equal = jax.tree.map(
        np.array_equal, initialised["batch_stats"]["backbone"], backbone.batch_stats
    )
    assert all(jax.tree.leaves(equal))
    equal = jax.tree.map(
        np.array_equal, initialised["params"]["aspp"], variables["params"]["aspp"]
    )
    assert all(jax.tree.leaves(equal))
    assert jax.tree.structure(initialised) == jax.tree.structure(variables)
    # The fresh variables are as they were.
    assert not any(leaf.any() for leaf in jax.tree.leaves(variables))


def test_initialise_takes_the_head_on_demand(backbone):
    initialised = initialise(fresh(), backbone.flat(), backbone.metadata, WHOLE)

    equal = jax.tree.map(np.array_equal, initialised["params"]["aspp"], backbone.aspp)
    assert all(jax.tree.leaves(equal))


def test_initialise_refuses_what_does_not_fit(backbone):
    for variables, parts, message in (
        (fresh(width=8), BACKBONE, r"bn1/mean is \(4,\) instead of \(8,\)"),
        (fresh(architecture="resnet101"), BACKBONE, "missing: .*layer3_10/"),
        (fresh(architecture="resnet18"), BACKBONE, "unexpected: .*/layer1_0/bn3/mean"),
        (fresh(classes=7), WHOLE, r"bias is \(5,\) instead of \(7,\)"),
    ):
        with pytest.raises(UserError, match=message) as error:
            initialise(variables, backbone.flat(), backbone.metadata, parts)
        assert "is the model a resnet50 of width 4?" in str(error.value)
    headless = dataclasses.replace(backbone, aspp=None)
    with pytest.raises(UserError, match="missing: params/aspp/branch0/bias"):
        initialise(fresh(), headless.flat(), headless.metadata, WHOLE)
