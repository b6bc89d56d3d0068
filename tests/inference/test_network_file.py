"""A trained network as one file: written, read strictly, and used by the commands."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from foreign_checkpoints import state_dict
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from deepdepth_jax import DepthPredictor
from deepdepth_jax.convert import main as convert
from deepdepth_jax.errors import UserError
from deepdepth_jax.export.__main__ import main as export
from deepdepth_jax.export.onnx_model import load_onnx
from deepdepth_jax.inference.network_file import _digest, read_network, write_network
from deepdepth_jax.inference.network_metadata import FORMAT
from deepdepth_jax.inference.saved_network import load_run
from deepdepth_jax.models.pretrained import NETWORK_KEY, load_backbone
from deepdepth_jax.predict.__main__ import main as predict
from deepdepth_jax.runtime.cli import MISTAKE

IMAGE = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)


@pytest.fixture(scope="module")
def run(trained):
    return trained / "run"


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    """The file of the run's best checkpoint, in float32."""
    path = tmp_path_factory.mktemp("weights") / "depth.safetensors"
    convert([f"--input={run}", f"--output={path}", "--licence=Apache-2.0"])
    return path


def header_of(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata()


def changed(source, path, change, *, tensors=None, signed=True):
    """Writes a file with other metadata, and a digest that is right for them."""
    fields = json.loads(header_of(source)[NETWORK_KEY])
    tensors = load_file(source) if tensors is None else tensors
    change(fields)
    if signed:
        fields.pop("sha256", None)
        fields["sha256"] = _digest(fields, tensors)
    save_file(tensors, path, {NETWORK_KEY: json.dumps(fields)})
    return path


def test_the_prediction_is_the_same_to_the_bit(run, written):
    predictors = expected, found = [DepthPredictor.load(x) for x in (run, written)]
    for focal_px in (0.0, 20.0):
        both = jax.tree.leaves([predict(IMAGE, focal_px) for predict in predictors])
        assert len(both) == 2 * 7  # six maps and the image
        for one, other in zip(both[:7], both[7:], strict=True):
            np.testing.assert_array_equal(one, other)
    assert found.training_focal_px == expected.training_focal_px > 0
    assert found.config.bins == expected.config.bins
    assert found.config.eval == expected.config.eval


def test_the_temperature_is_that_of_the_views(written, tmp_path):
    views = ["--config.eval.flip=True", "--config.eval.scales=(1.0,1.25)"]
    both = {"temperature": 1.5, "temperature 1, 1.25, mirrored": 0.5}
    path = changed(
        written, tmp_path / "both.safetensors", lambda f: f.update(temperature=both)
    )
    assert read_network(path).trained.temperature == 1.5
    assert read_network(path, views).trained.temperature == 0.5
    assert read_network(path, views[:1]).trained.temperature == 1.5  # has none
    write_network(tmp_path / "again.safetensors", read_network(path))
    assert read_network(tmp_path / "again.safetensors").temperatures == both


def test_a_file_with_one_temperature_is_of_one_view(written, tmp_path):
    path = changed(
        written, tmp_path / "old.safetensors", lambda f: f.update(temperature=1.5)
    )
    assert read_network(path).temperatures == {"temperature": 1.5}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_small_files_predict_about_the_same(run, written, tmp_path, dtype):
    path = tmp_path / "small.safetensors"
    convert([f"--input={run}", f"--output={path}", f"--dtype={dtype}"])
    network = read_network(path)
    assert {x.dtype for x in jax.tree.leaves(network.trained.variables)} == {
        jnp.dtype("float32")
    }
    expected = DepthPredictor.load(run)(IMAGE).depth_m
    np.testing.assert_allclose(
        DepthPredictor.load(path)(IMAGE).depth_m, expected, rtol=0.02
    )
    kernels = sum(x.size for x in load_file(written).values() if x.ndim > 1)
    saved = written.stat().st_size - path.stat().st_size
    assert saved == pytest.approx(2 * kernels, abs=500)


def test_the_same_network_makes_the_same_bytes(run, written, tmp_path):
    path = tmp_path / "again.safetensors"
    convert([f"--input={run}", f"--output={path}", "--licence=Apache-2.0"])
    assert path.read_bytes() == written.read_bytes()
    write_network(path, read_network(written))
    assert path.read_bytes() == written.read_bytes()


def test_the_metadata_hold_what_is_needed_and_no_paths(run, written, trained):
    header = header_of(written)
    assert list(header) == [NETWORK_KEY]
    assert str(trained) not in header[NETWORK_KEY]
    fields = json.loads(header[NETWORK_KEY])
    evaluation = json.loads((run / "eval.json").read_text())
    assert fields["format"] == FORMAT
    assert fields["step"] == evaluation["step"]
    fitted = evaluation["confidence"]["temperature"]
    assert fields["temperature"] == {"temperature": fitted}
    assert fitted != 1
    assert fields["camera"] == json.loads((run / "camera.json").read_text())
    assert fields["versions"].keys() > {"deepdepth_jax", "jax", "flax"}
    assert fields["details"]["licence"] == "Apache-2.0"
    assert fields["details"]["trained_on"] == ["streets"]
    assert fields["details"]["evaluations"] == [
        {name: evaluation[name] for name in ("protocol", "metrics")}
    ]
    assert fields["config"]["bins.num_bins"] == 12
    assert fields["config"]["model.input_convention"] == "imagenet_rgb"
    assert not [name for name in fields["config"] if name.endswith(("root", "list"))]


def test_checkpoints_and_evaluations_can_be_chosen(run, tmp_path, capsys):
    evaluation = json.loads((run / "eval.json").read_text())
    split = "test of /home/me/street/pairs.jsonl"
    other = evaluation["protocol"] | {"dataset": "elsewhere", "split": split}
    file = tmp_path / "eval.json"
    for step in (3, 4):
        file.write_text(json.dumps(evaluation | {"protocol": other, "step": step}))
        path = tmp_path / f"{step}.safetensors"
        options = [f"--checkpoint={step}", f"--evaluation={file}"]
        convert([f"--input={run}", f"--output={path}", *options])
        network = read_network(path)
        assert network.step == step
        [first, *_] = network.details["evaluations"]
        assert first["protocol"]["dataset"] == "elsewhere"
        told = (
            "measured on elsewhere test of street/pairs.jsonl, 3 images, "
            "rendered ground truth, crop none"
        )
        assert told in capsys.readouterr().out
        expected = DepthPredictor.load(run, step)(IMAGE).depth_m
        found = DepthPredictor.load(path)(IMAGE).depth_m
        np.testing.assert_array_equal(found, expected)
    options = ["--checkpoint=3", f"--evaluation={file}"]
    with pytest.raises(UserError, match=r"eval\.json: is of step 4, not of 3"):
        convert([f"--input={run}", f"--output={path}", *options])


def test_options_of_the_other_conversion_are_refused(run, written, tmp_path):
    output = f"--output={tmp_path / 'out.safetensors'}"
    with pytest.raises(UserError, match="--kind does not apply to --input="):
        convert([f"--input={run}", output, "--kind=keras"])
    with pytest.raises(UserError, match="--dtype does not apply"):
        convert([f"--input={tmp_path / 'resnet.pth'}", output, "--dtype=float16"])
    with pytest.raises(UserError, match="leave out --checkpoint"):
        convert([f"--input={written}", output, "--checkpoint=last"])
    with pytest.raises(UserError, match="train first"):
        convert([f"--input={tmp_path}", output])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [0, 7, 100, -1000, -1])
def test_cut_files_are_refused(written, tmp_path, kept):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(written.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"cut\.safetensors: no safetensors file, or a"):
        read_network(path)


def test_modified_files_are_refused(written, tmp_path):
    path = tmp_path / "other.safetensors"
    data = bytearray(written.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"other\.safetensors: was modified"):
        read_network(path)
    changed(written, path, lambda fields: fields.update(step=7), signed=False)
    with pytest.raises(UserError, match="was modified: its digest differs"):
        read_network(path)


def test_files_of_other_programs_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    with pytest.raises(UserError, match=r"other\.safetensors: no such file"):
        read_network(path)
    save_file(state_dict("resnet18"), path)
    message = r"other\.safetensors: holds no depth network of deepdepth_jax; write"
    with pytest.raises(UserError, match=message):
        DepthPredictor.load(path)
    convert([f"--input={path}", f"--output={tmp_path / 'backbone.safetensors'}"])
    with pytest.raises(UserError, match="holds only a backbone of deepdepth_jax"):
        DepthPredictor.load(tmp_path / "backbone.safetensors")


def test_a_network_is_no_backbone(written):
    with pytest.raises(UserError, match="holds a whole depth network and no backbone"):
        load_backbone(written)


BROKEN = {
    "another format": (lambda f: f.update(format=2), "of another version: format;"),
    "no camera": (lambda f: f.pop("camera"), "of another version: camera;"),
    "unknown": (lambda f: f.update(x=1), "of another version: x;"),
    "temperature": (lambda f: f.update(temperature=0), "version: temperature;"),
    "temperatures": (
        lambda f: f["temperature"].update(temperature=0),
        "version: temperature;",
    ),
    "step": (lambda f: f.update(step="3"), "of another version: step;"),
    "details": (lambda f: f.update(details=[]), "of another version: details;"),
    "evaluations": (
        lambda f: f.update(details={"evaluations": [{"protocol": 3}]}),
        "of another version: details;",
    ),
    "focal length": (
        lambda f: f["camera"].update(median_focal_px=-1),
        "median_focal_px must be a number > 0",
    ),
    "field": (lambda f: f["config"].update(bin=3), "this version has no field bin"),
    "value": (
        lambda f: f["config"].update({"model.backbone": "vit"}),
        "model.backbone='vit'",
    ),
    "bins": (
        lambda f: f["config"].update({"bins.num_bins": 13}),
        r"bins.num_bins=13 with model.head=classification needs 13 outputs, but the "
        r"head has \[12\]",
    ),
    "head": (
        lambda f: f["config"].update(
            {"model.head": "regression", "train.loss": "silog"}
        ),
        "needs 1 outputs",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_metadata_that_do_not_fit_are_named(written, tmp_path, fault):
    change, message = BROKEN[fault]
    path = changed(written, tmp_path / "other.safetensors", change)
    with pytest.raises(UserError, match=message) as error:
        read_network(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 50_000])
def test_metadata_that_are_no_json_are_named(written, tmp_path, text):
    path = tmp_path / "other.safetensors"
    save_file(load_file(written), path, {NETWORK_KEY: text})
    with pytest.raises(UserError, match="its metadata are damaged"):
        read_network(path)


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_other_types_of_tensors_are_refused(written, tmp_path, dtype):
    tensors = load_file(written)
    tensors["params/aspp/branch0/bias"] = tensors["params/aspp/branch0/bias"].astype(
        dtype
    )
    path = tmp_path / "other.safetensors"
    changed(written, path, lambda _: None, tensors=tensors)
    with pytest.raises(UserError, match=r"float32, .*float16: params/aspp/branch0/bia"):
        read_network(path)


def test_kernels_that_exceed_the_type_are_not_written(run, tmp_path):
    network = load_run(run)
    kernels = network.trained.variables["params"]["aspp"]["branch0"]
    kernels["kernel"] = 1e6 * jnp.ones_like(kernels["kernel"])
    path = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match="kernel exceeds float16; take --dtype=bfloat"):
        write_network(path, network, dtype="float16")
    kernels["kernel"] = kernels["kernel"][..., :3]
    with pytest.raises(UserError, match=r"branch0/kernel is .* nothing was"):
        write_network(path, network)
    assert not path.exists()


def test_overrides_change_the_use_and_not_the_network(written):
    config = read_network(written, ["--config.eval.decode=median"]).config
    assert config.eval.decode == "median"
    with pytest.raises(UserError, match=r"depth\.safetensors: .*model.width is 4"):
        read_network(written, ["--config.model.width=8"])


def test_predict_takes_the_file(run, written, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    options = [f"--input={tmp_path / 'a.png'}", "--save=npy"]
    predict([f"--workdir={run}", f"--output={tmp_path / 'run'}", *options])
    predict([f"--weights={written}", f"--output={tmp_path / 'file'}", *options])
    found, expected = (
        np.load(tmp_path / name / "a_depth.npy") for name in ("file", "run")
    )
    np.testing.assert_array_equal(found, expected)
    output = f"--output={tmp_path / 'out'}"
    with pytest.raises(UserError, match=r"holds one checkpoint; leave out --check"):
        predict([f"--weights={written}", "--checkpoint=last", output, *options])
    with pytest.raises(UserError, match=r"--workdir: not allowed with .*--weights"):
        predict([f"--weights={written}", f"--workdir={run}", output, *options])


def test_export_takes_the_file(written, tmp_path):
    output = tmp_path / "depth.onnx"
    export([f"--weights={written}", "--format=onnx", f"--output={output}"])
    found = load_onnx(output)(IMAGE[None])["depth_m"][0]
    expected = DepthPredictor.load(written)(IMAGE).depth_m
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    with pytest.raises(UserError, match=r"model\.width is 4 there"):
        export(
            [
                f"--weights={written}",
                "--format=onnx",
                f"--output={output}",
                "--config.model.width=8",
            ]
        )


def test_a_mistake_is_one_line(written, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(written.read_bytes()[:-1])
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    options = [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'out'}"]
    command = [sys.executable, "-m", "deepdepth_jax.predict", f"--weights={path}"]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == MISTAKE
    assert done.stderr.startswith(f"error: {path}: no safetensors file, or a cut one")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
