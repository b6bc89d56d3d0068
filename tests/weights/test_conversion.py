import functools

import numpy as np
import pytest
from foreign_checkpoints import (
    aspp,
    caffe_port,
    classifier,
    hugging_face,
    layers,
    state_dict,
    torchvision,
)
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from deepdepth_jax.errors import UserError
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.pretrained import load_backbone, save_backbone
from deepdepth_jax.models.tensor_files import write_safetensors
from deepdepth_jax.weights.conversion import convert_file, export_torchvision

SCALE_HEAD = "Scale.layer5.conv2d_list.{}"
# Name of the case -> architecture, namer, prefix, the rest of the file.
CHECKPOINTS = {
    "torchvision": ("resnet50", torchvision, "", classifier(128)),
    "torchvision basic": ("resnet18", torchvision, "", classifier(32)),
    "torchvision 34": ("resnet34", torchvision, "", {}),
    "torchvision 152": ("resnet152", torchvision, "", {}),
    "data parallel": ("resnet50", torchvision, "module.", {}),
    "deeplab": ("resnet101", torchvision, "", aspp(128)),
    "deeplab coco": ("resnet101", torchvision, "Scale.", aspp(128, name=SCALE_HEAD)),
    "deeplab coco, no head": ("resnet101", torchvision, "Scale.", {}),
    "caffe port": ("resnet101", caffe_port, "", aspp(128, name="aspp.c{}")),
    "caffe port base": ("resnet101", caffe_port, "base.", aspp(128, name="aspp.c{}")),
    "caffe port, base on all": (
        "resnet101",
        caffe_port,
        "base.",
        aspp(128, name="base.aspp.c{}"),
    ),
    "hugging face": (
        "resnet50",
        hugging_face,
        "resnet.",
        classifier(128, "classifier.1"),
    ),
    "hugging face basic": ("resnet18", hugging_face, "resnet.", {}),
    "hugging face, model alone": ("resnet50", hugging_face, "", {}),
}
SOURCES = {
    "torchvision": ("torchvision", "imagenet_rgb", "3x3"),
    "data parallel": ("torchvision", "imagenet_rgb", "3x3"),
    "deeplab": ("deeplab_v2", "imagenet_rgb", "1x1"),
    "deeplab coco": ("deeplab_v2_coco", "caffe_bgr", "1x1"),
    "deeplab coco, no head": ("deeplab_v2_coco", "caffe_bgr", "1x1"),
    "caffe port": ("caffe_port", "deeplab_bgr", "1x1"),
    "hugging face": ("huggingface", "imagenet_rgb", "3x3"),
}


def tensors_of(case):
    architecture, namer, prefix, rest = CHECKPOINTS[case]
    return state_dict(architecture, namer=namer, prefix=prefix) | rest


def saved(path, tensors, metadata=None):
    save_file({n: np.ascontiguousarray(x) for n, x in tensors.items()}, path, metadata)
    return path


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Gives the tensors and the conversion of a case, made once."""
    folder = tmp_path_factory.mktemp("converted")

    @functools.cache
    def of(case):
        tensors = tensors_of(case)
        path = folder / case / "in.safetensors"
        path.parent.mkdir(exist_ok=True)
        return tensors, convert_file(saved(path, tensors))

    return of


def at(tree, path):
    for name in path:
        tree = tree[name]
    return tree


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_every_tensor_arrives_at_its_place(case, converted):
    architecture, namer, prefix, rest = CHECKPOINTS[case]

    tensors, conversion = converted(case)

    backbone = conversion.backbone
    assert backbone.metadata.architecture == architecture
    for layer in layers(architecture, width=4):
        conv, norm = namer(layer.stage, layer.block, layer.layer)
        conv, norm = prefix + conv, prefix + norm
        our_conv, our_norm = layer.ours
        kernel = at(backbone.params, our_conv)["kernel"]
        np.testing.assert_array_equal(
            kernel.transpose(3, 2, 0, 1), tensors[f"{conv}.weight"]
        )
        norms = at(backbone.params, our_norm), at(backbone.batch_stats, our_norm)
        np.testing.assert_array_equal(norms[0]["scale"], tensors[f"{norm}.weight"])
        np.testing.assert_array_equal(norms[0]["bias"], tensors[f"{norm}.bias"])
        np.testing.assert_array_equal(norms[1]["mean"], tensors[f"{norm}.running_mean"])
        np.testing.assert_array_equal(norms[1]["var"], tensors[f"{norm}.running_var"])
    head = sorted(name for name in rest if "layer5" in name or "aspp" in name)
    for branch in range(len(head) // 2):
        bias, weight = head[2 * branch], head[2 * branch + 1]
        ours = backbone.aspp[f"branch{branch}"]
        np.testing.assert_array_equal(ours["bias"], rest[bias])
        np.testing.assert_array_equal(
            ours["kernel"].transpose(3, 2, 0, 1), rest[weight]
        )
    assert (backbone.aspp is None) == (not head)


@pytest.mark.parametrize("case", SOURCES)
def test_metadata_is_the_source_s(case, converted):
    _, conversion = converted(case)

    metadata = conversion.backbone.metadata

    source, convention, stride_on = SOURCES[case]
    assert metadata.source == source
    assert metadata.convention == CONVENTIONS[convention]
    assert metadata.stride_on == stride_on
    assert metadata.width == 4
    assert metadata.batch_norm_epsilon == 1e-5
    assert metadata.source_file == "in.safetensors"


def test_says_what_it_left_out_and_why(tmp_path):
    tensors = tensors_of("torchvision")

    conversion = convert_file(saved(tmp_path / "in.safetensors", tensors))

    first, *left_out, how_to_use = conversion.report()
    counter_line, classifier_line = sorted(left_out, reverse=True)
    assert "torchvision or timm, resnet50" in first
    assert f"{len(tensors)} tensors, {53 * 5} taken" in first
    assert classifier_line.startswith("left out 2, the classifier")
    assert classifier_line.endswith(": fc.bias, fc.weight")
    assert counter_line.startswith("left out 53, counters")
    assert counter_line.endswith(" and 45 more")
    assert "rgb / 255" in how_to_use
    assert "stride on the 3x3" in how_to_use


def test_user_may_know_better(tmp_path):
    path = saved(tmp_path / "in.safetensors", state_dict("resnet50"))

    metadata = convert_file(
        path, kind="deeplab_v2", convention="deeplab_bgr", stride_on="3x3"
    ).backbone.metadata

    assert metadata.source == "deeplab_v2"
    assert metadata.convention == CONVENTIONS["deeplab_bgr"]
    assert metadata.stride_on == "3x3"


def test_half_precision_becomes_float32(tmp_path):
    tensors = state_dict("resnet18")
    half = {
        name: x.astype(np.float16) if x.dtype == np.float32 else x
        for name, x in tensors.items()
    }

    backbone = convert_file(saved(tmp_path / "in.safetensors", half)).backbone

    scale = backbone.params["bn1"]["scale"]
    assert scale.dtype == np.float32
    np.testing.assert_array_equal(scale, half["bn1.weight"].astype(np.float32))


def broken(tensors, change):
    """Changes a ResNet-50 in one way."""
    conv, var = "layer2.1.conv2.weight", "layer4.0.bn3.running_var"
    match change:
        case "missing":
            del tensors[conv], tensors[var]
        case "first missing":
            del tensors["layer1.0.conv1.weight"]
        case "stem missing":
            del tensors["conv1.weight"]
        case "last block missing":
            for name in [name for name in tensors if name.startswith("layer3.5.")]:
                del tensors[name]
        case "unexpected":
            tensors["layer2.1.bn4.weight"] = tensors["bn1.weight"]
        case "shape":
            tensors[conv] = tensors[conv][:, :, :1, :1]
        case "not finite":
            tensors[var][3] = np.nan
            tensors[conv][0, 0, 0, 0] = np.inf
        case "integers":
            tensors[var] = tensors[var].astype(np.int32)
        case "negative":
            tensors[var][3] = -1e-3
    return tensors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"missing: layer2\.1\.conv2\.weight, layer4\.0\.bn3\.running_var;"),
        ("first missing", r"missing: layer1\.0\.conv1\.weight;"),
        ("stem missing", r"conv1\.weight is missing"),
        ("last block missing", r"bottleneck blocks \(3, 4, 5, 3\)"),
        ("unexpected", r"unexpected: layer2\.1\.bn4\.weight;"),
        (
            "shape",
            r"layer2\.1\.conv2\.weight is \(8, 8, 1, 1\) instead of \(8, 8, 3, 3\)",
        ),
        ("not finite", r"not finite: layer2\.1\.conv2\.weight, .*running_var;"),
        ("integers", r"layer4\.0\.bn3\.running_var is int32"),
    ],
)
def test_faults_are_listed_in_one_line(change, message, tmp_path):
    tensors = broken(state_dict("resnet50"), change)
    path = saved(tmp_path / "in.safetensors", tensors)

    with pytest.raises(UserError, match=message) as error:
        convert_file(path)

    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_negative_variance_is_never_written(tmp_path):
    tensors = broken(state_dict("resnet50"), "negative")
    conversion = convert_file(saved(tmp_path / "in.safetensors", tensors))

    with pytest.raises(UserError, match=r"negative variance: .*layer4_0/bn3/var"):
        save_backbone(tmp_path / "out.safetensors", conversion.backbone)

    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("layer5.conv2d_list.2.weight"), r"missing: .*list\.2\.weight"),
        (lambda t: t.pop("layer5.conv2d_list.0.bias"), r"missing: .*list\.0\.bias"),
        (
            lambda t: t.update({"layer5.conv2d_list.1.bias": np.ones(6, np.float32)}),
            r"list\.1\.bias is \(6,\) instead of \(5,\)",
        ),
    ],
)
def test_head_is_whole_or_absent(change, message, tmp_path):
    tensors = tensors_of("deeplab")
    change(tensors)

    with pytest.raises(UserError, match=message):
        convert_file(saved(tmp_path / "in.safetensors", tensors))


def test_a_scalar_in_the_head_does_not_hide_its_classes(tmp_path):
    tensors = tensors_of("deeplab")
    first = min(name for name in tensors if name.startswith("layer5."))
    tensors[first] = np.ones((), np.float32)
    write_safetensors(tmp_path / "in.safetensors", tensors, {})

    with pytest.raises(UserError, match=rf"{first} is \(\) instead of \(5,"):
        convert_file(tmp_path / "in.safetensors")


def test_numbers_of_blocks_beyond_all_reason(tmp_path):
    tensors = state_dict("resnet18")
    tensors[f"layer1.{'9' * 5000}.conv1.weight"] = np.ones(3, np.float32)

    with pytest.raises(UserError, match=r"unexpected: layer1\.9999"):
        convert_file(saved(tmp_path / "in.safetensors", tensors))


def test_other_networks_are_refused_by_name(tmp_path):
    plain = state_dict("resnet50")
    deep_stem = {name: x for name, x in plain.items() if name != "conv1.weight"}
    deep_stem["conv1.0.weight"] = np.ones((2, 3, 3, 3), np.float32)
    grouped = {
        name: x[:, :1] if name.endswith(".conv2.weight") else x
        for name, x in plain.items()
    }
    wide = dict(plain)
    wide["layer1.0.conv2.weight"] = np.ones((8, 8, 3, 3), np.float32)
    squeezed = plain | {"layer1.0.se.fc1.weight": np.ones((2, 4, 1, 1), np.float32)}
    version_2 = {"conv2_block1_preact_bn/gamma": np.ones(4, np.float32)}
    depthwise = {"conv2_block1_2_conv/depthwise_kernel": np.ones(4, np.float32)}

    for tensors, message in (
        (deep_stem, '"d" variant'),
        (grouped, "ResNeXt"),
        (wide, "wide ResNet"),
        (squeezed, "SE-ResNet"),
        (version_2, "ResNet V2"),
        (depthwise, "ResNeXt"),
    ):
        with pytest.raises(UserError, match=message):
            convert_file(saved(tmp_path / "in.safetensors", tensors))


def test_names_of_no_source(tmp_path):
    path = saved(tmp_path / "in.safetensors", {"encoder.w": np.ones(3, np.float32)})

    with pytest.raises(UserError, match=r"\(encoder\.w\) are those of no known source"):
        convert_file(path)
    with pytest.raises(UserError, match=r"blocks \(0, 0, 0, 0\)"):
        convert_file(path, kind="keras")


def test_two_networks_in_one_file(tmp_path):
    tensors = state_dict("resnet50") | state_dict("resnet50", prefix="module.")

    with pytest.raises(UserError, match="holds tensors twice"):
        convert_file(saved(tmp_path / "in.safetensors", tensors))


def test_a_converted_file_is_not_converted_again(tmp_path):
    path = saved(tmp_path / "in.safetensors", state_dict("resnet18"))
    save_backbone(tmp_path / "out.safetensors", convert_file(path).backbone)

    with pytest.raises(UserError, match="is already converted"):
        convert_file(tmp_path / "out.safetensors")


@pytest.mark.parametrize("case", ["deeplab coco", "hugging face basic"])
def test_round_trip_through_torchvision_names_is_bit_equal(case, tmp_path):
    path = saved(tmp_path / "in.safetensors", tensors_of(case))
    backbone = convert_file(path).backbone

    export_torchvision(tmp_path / "tv.safetensors", backbone)
    again = convert_file(tmp_path / "tv.safetensors").backbone

    before, after = backbone.flat(), again.flat()
    before = {n: x for n, x in before.items() if not n.startswith("params/aspp")}
    assert before.keys() == after.keys()
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    # What torchvision's names do not tell comes back too.
    assert again.metadata.convention == backbone.metadata.convention
    assert again.metadata.stride_on == backbone.metadata.stride_on
    assert again.metadata.source == "torchvision"


def test_export_is_what_torchvision_has_less_the_classifier(tmp_path):
    tensors = state_dict("resnet50")
    backbone = convert_file(saved(tmp_path / "in.safetensors", tensors)).backbone

    lines = export_torchvision(tmp_path / "tv.safetensors", backbone)

    exported = load_file(tmp_path / "tv.safetensors")
    expected = {n: x for n, x in tensors.items() if x.dtype == np.float32}
    assert exported.keys() == expected.keys()
    for name, x in expected.items():
        np.testing.assert_array_equal(exported[name], x)
    with safe_open(tmp_path / "tv.safetensors", "numpy") as file:
        assert file.metadata()["format"] == "pt"
    assert not any("1x1" in line for line in lines)
    with pytest.raises(UserError, match="not converted yet"):
        load_backbone(tmp_path / "tv.safetensors")


def test_export_warns_of_what_torchvision_cannot_hold(tmp_path):
    path = saved(tmp_path / "in.safetensors", tensors_of("deeplab"))

    lines = export_torchvision(tmp_path / "tv.safetensors", convert_file(path).backbone)

    assert any("ASPP head" in line for line in lines)
    assert any("stride" in line and "1x1" in line for line in lines)
