"""The command, and what the document says to do with the files it writes."""

import dataclasses
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from exported_networks import random_images
from PIL import Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import with_fields
from deepdepth_jax.errors import UserError
from deepdepth_jax.export.__main__ import main
from deepdepth_jax.export.metadata import describe
from deepdepth_jax.export.pipeline import Pipeline
from deepdepth_jax.inference.network_details import with_evaluations
from deepdepth_jax.inference.saved_network import load_run, restore
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.types import Prediction


def fields_of_prediction():
    return [field.name for field in fields(Prediction)]


def arguments(trained, output, kind="onnx", *more):
    return [
        f"--workdir={trained / 'run'}",
        f"--format={kind}",
        f"--output={output}",
        *more,
    ]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """A folder with both files, and the image that the document reads."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "depth.onnx").write_text("of before")
    main(arguments(trained, folder / "depth.onnx"))
    main(
        arguments(
            trained,
            folder / "depth.stablehlo",
            "stablehlo",
            "--checkpoint=last",
            "--config.eval.decode=median",
        )
    )
    Image.fromarray(random_images(1, 33, 41)[0]).save(folder / "street.png")
    return folder


@pytest.fixture(scope="module")
def documented(exported):
    """The same, with what the document's programs compute without this package."""
    document = Path("docs/export.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    assert len(programs) == 2
    for name, program in zip(("onnx", "stablehlo"), programs, strict=True):
        lines = [
            "import sys; sys.modules['deepdepth_jax'] = None  # cannot be imported",
            program,
            f"np.save('{name}.npy', depth_m)",
            f"json.dump(metadata, open('{name}.json', 'w'))",
        ]
        command = [sys.executable, "-c", "\n".join(lines)]
        subprocess.run(command, cwd=exported, check=True)
    return exported


def test_what_was_there_is_replaced_and_nothing_else_is_left(exported):
    assert sorted(path.name for path in exported.iterdir()) == [
        "depth.onnx",
        "depth.stablehlo",
        "depth.stablehlo.json",
        "street.png",
    ]


def test_onnx_is_what_the_predictor_says(trained, documented):
    expected = DepthPredictor.load(trained / "run")(random_images(1, 33, 41)[0])
    found = np.load(documented / "onnx.npy")
    np.testing.assert_allclose(found, expected.depth_m[None], rtol=1e-3)


def test_stablehlo_is_what_the_predictor_says(trained, documented):
    """With what the command line overrides of the section `eval`."""
    config = stored_config(trained / "run")
    assert config.eval.decode == "expectation"
    config = with_fields(config, {"eval.decode": "median"})
    learnt = restore(config, trained / "run", "last").trained
    expected = DepthPredictor(config, learnt)(random_images(1, 33, 41)[0])
    found = np.load(documented / "stablehlo.npy")
    differs = ~np.isclose(found, expected.depth_m[None], rtol=1e-3)
    assert differs.mean() < 1e-3


def test_metadata_say_what_the_model_is(trained, documented):
    run = trained / "run"
    found = json.loads((documented / "onnx.json").read_text())
    evaluation = json.loads((run / "eval.json").read_text())
    assert found["bins"] == {
        "kind": "sid",
        "num_bins": 12,
        "min_depth_m": 1.0,
        "max_depth_m": 80.0,
    }
    assert found["step"] == evaluation["step"]
    assert found["protocol"] == evaluation["protocol"]
    assert found["metrics"] == evaluation["metrics"]
    assert found["temperature"] == evaluation["confidence"]["temperature"] != 1
    assert found["training_focal_px"] == load_run(run).camera.focal_px > 0
    assert found["training_pixels"] == 32 * 64
    assert (found["decode"], found["flip"]) == ("expectation", False)
    assert found["focal_px"] is found["canonical_focal_px"] is None
    assert "RGB" in found["input"]
    assert list(found["outputs"]) == fields_of_prediction()


@pytest.mark.parametrize("kind", ["onnx", "stablehlo"])
def test_only_what_is_wanted_is_written(trained, exported, tmp_path, capsys, kind):
    output = tmp_path / f"depth.{kind}"
    main(arguments(trained, output, kind, "--outputs=high_m,depth_m"))
    said = capsys.readouterr().out
    assert [name for name in fields_of_prediction() if name in said] == [
        "depth_m",
        "high_m",
    ]
    assert output.stat().st_size < (exported / output.name).stat().st_size
    if kind == "onnx":
        session = onnxruntime.InferenceSession(output)
        assert [x.name for x in session.get_outputs()] == ["depth_m", "high_m"]
        texts = session.get_modelmeta().custom_metadata_map
        described = json.loads(texts["outputs"])
    else:
        described = json.loads((tmp_path / "depth.stablehlo.json").read_text())
        described = described["outputs"]
    assert list(described) == ["depth_m", "high_m"]


def test_metadata_of_stablehlo_lie_beside_it(documented):
    found = json.loads((documented / "stablehlo.json").read_text())
    assert (found["decode"], found["step"]) == ("median", 4)
    assert found["bins"]["num_bins"] == 12
    document = Path("docs/export.md").read_text()
    assert all(f"`{name}`" in document for name in found)


def test_numbers_of_another_checkpoint_are_not_told(trained):
    run = trained / "run"
    step = json.loads((run / "eval.json").read_text())["step"]
    pipeline = Pipeline.of(stored_config(run), 0.0)

    def described(checkpoint):
        return describe(with_evaluations(load_run(run, checkpoint)), pipeline)

    assert described(step)["protocol"] is not None
    other = described(3 if step == 4 else 4)
    assert other["protocol"] is other["metrics"] is None


@pytest.mark.parametrize(
    "content",
    [
        '{"step": 3, "prot',
        "[]",
        "[" * 50_000,
        '{"step": 3, "metrics": {}}',
        '{"step": 3, "metrics": {}, "protocol": "eigen"}',
    ],
)
def test_a_damaged_evaluation_is_named(trained, tmp_path, content):
    network = dataclasses.replace(load_run(trained / "run"), workdir=tmp_path)
    (tmp_path / "eval.json").write_text(content)
    with pytest.raises(UserError, match=r"eval\.json: is damaged"):
        with_evaluations(network)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--config.eval.scales=(0.5, 1.0)", r"add --config\.eval\.scales='\(1\.0,\)'"),
        ("--config.eval.window=(32, 32)", r"add --config\.eval\.window='\(0, 0\)'"),
        (
            "--config.crf.enabled=True",
            r"has no CRF; add --config\.crf\.enabled='False'",
        ),
        ("--config.eval.decode=mode", "expectation, median"),
        ("--config.bins.num_bins=13", r"bins\.num_bins is 12 there"),
        ("--focal_px=700", "--focal_px=700: leave it out"),
        ("--outputs=depth_m,depth", "'depth' must be one of depth_m, confidence, en"),
        ("--outputs=", "'' must be one of depth_m"),
        ("--focal_px=nan", "'nan': must be > 0"),
        ("--checkpoint=77", "77"),
    ],
)
def test_what_cannot_be_exported_is_one_line(trained, tmp_path, argument, message):
    output = tmp_path / "depth.onnx"
    with pytest.raises(UserError, match=message) as caught:
        main(arguments(trained, output, "onnx", argument))
    assert "\n" not in str(caught.value)
    assert not output.exists()


def test_the_focal_length_of_the_camera_is_needed_with_a_canonical_one(trained):
    config = stored_config(trained / "run")
    config = with_fields(config, {"data.canonical_focal_px": 700.0})
    for focal_px in (0.0, -1.0):
        with pytest.raises(UserError, match="--focal_px"):
            Pipeline.of(config, focal_px)
    assert Pipeline.of(config, 350.0).depth_factor == 0.5


def test_a_regression_has_no_confidence_to_export(trained):
    stored = stored_config(trained / "run")
    config = with_fields(stored, {"model.head": "regression"})
    for outputs in (None, ["depth_m"]):
        assert "depth_m" in Pipeline.of(config, 0.0, outputs).outputs
    with pytest.raises(
        UserError, match=r"confidence, low_m: .*=regression has only depth_m"
    ):
        Pipeline.of(config, 0.0, ["depth_m", "confidence", "low_m"])


def test_a_folder_is_no_file_to_write(trained, tmp_path):
    with pytest.raises(UserError, match="is a folder; name a file"):
        main(arguments(trained, tmp_path))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_one_line(trained, tmp_path, monkeypatch, package):
    for name in [name for name in sys.modules if "export.onnx" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    asks = re.escape(f"{package}: {install_command('export')}")
    with pytest.raises(UserError, match=asks):
        main(arguments(trained, tmp_path / "depth.onnx"))
