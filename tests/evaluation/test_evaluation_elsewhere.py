"""Evaluation on data that a run was not trained on, and to folders of its own."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny_runs import PREPARED

from deepdepth_jax import DepthPredictor
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.export.__main__ import main as export
from deepdepth_jax.main import main
from deepdepth_jax.metrics import depth_metrics
from deepdepth_jax.predict.__main__ import main as predict


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained / "run", tmp_path / "run")
    return tmp_path / "run"


def twice(values):
    return values.repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture
def enlarged(tmp_path):
    """Two street scenes, as a camera of twice the focal length sees them."""
    folder, examples, lines = tmp_path / "data", [], []
    folder.mkdir()
    source = StreetsSource("test", 2, 32, 64, seed=5)
    for index in range(2):
        example = source.read(index)
        image, depth_m = twice(example.image), twice(example.depth_m)
        focal_px = 2 * example.focal_px
        examples.append((image, depth_m, focal_px))
        Image.fromarray(image).save(folder / f"{index}.png")
        np.save(folder / f"{index}.npy", depth_m)
        fields = {"image": f"{index}.png", "depth": f"{index}.npy", "split": "test"}
        lines.append(json.dumps(fields | {"focal_px": focal_px}))
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return folder / "pairs.jsonl", examples


def evaluate(run, *extra):
    main([f"--workdir={run}", "--mode=evaluate", "--config.eval.figures=0", *extra])


def on_pairs(manifest):
    return (
        "--config.data.dataset=pairs",
        f"--config.data.pairs.manifest={manifest}",
        f"--config.data.prepared_dir={manifest.parent / 'prepared'}",
    )


def test_another_camera_is_evaluated_as_predict_sees_it(run, enlarged):
    manifest, examples = enlarged
    evaluate(run, *on_pairs(manifest))
    found = json.loads((run / "eval.json").read_text())
    predictor = DepthPredictor.load(run)
    expected = [
        depth_metrics(predictor(image, focal_px).depth_m, depth_m, crop="none")
        for image, depth_m, focal_px in examples
    ]
    for name in ("abs_rel", "rmse", "d1"):
        mean = np.mean([metrics[name] for metrics in expected])
        assert found["metrics"][name] == pytest.approx(mean, rel=1e-4)
        unscaled = [
            depth_metrics(predictor(image).depth_m, depth_m, crop="none")[name]
            for image, depth_m, _ in examples
        ]
        assert found["metrics"][name] != pytest.approx(np.mean(unscaled), rel=1e-3)


def test_the_protocol_names_data_training_and_cameras(run, enlarged):
    manifest, _ = enlarged
    evaluate(run, *on_pairs(manifest))
    found = json.loads((run / "eval.json").read_text())
    protocol = found["protocol"]
    assert protocol["dataset"] == "pairs"
    assert protocol["split"] == f"test of {manifest}"
    assert protocol["trained_on"] == ["streets"]
    assert protocol["images_scaled"] == protocol["images"] == 2
    text = (run / "eval.md").read_text()
    assert f"pairs test of {manifest}, given ground truth" in text
    assert "; trained on streets; 2 images scaled to the focal length of train" in text
    # Confidence, too, is measured at the size that the network sees.
    assert np.isfinite(found["confidence"]["own"]["nll"])


def test_unknown_cameras_are_named(run, enlarged):
    manifest, _ = enlarged
    lines = map(json.loads, manifest.read_text().splitlines())
    without = manifest.with_name("without.jsonl")
    text = "\n".join(json.dumps(line | {"focal_px": None}) for line in lines)
    without.write_text(text)
    evaluate(run, *on_pairs(without))
    assert "2 images of unknown focal length" in (run / "eval.md").read_text()
    (run / "camera.json").write_text('{"median_focal_px": null}')
    evaluate(run, *on_pairs(manifest))
    assert "so that no image is scaled" in (run / "eval.md").read_text()


def everything(folder):
    """All paths below a folder, with their contents and times of change."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (folder, *folder.rglob("*"))
    }


def test_predicting_exporting_and_evaluating_only_read_a_run(run, tmp_path):
    for path in run.rglob("calibration.json"):
        path.unlink()
    Image.new("RGB", (64, 32)).save(tmp_path / "image.png")
    before = everything(run)
    prepared = f"--config.data.prepared_dir={PREPARED}"
    output = tmp_path / "out"
    evaluate(run, f"--output={output / 'eval'}", prepared)
    predict(
        [f"--workdir={run}", f"--input={tmp_path / 'image.png'}", f"--output={output}"]
    )
    export(
        [
            f"--workdir={run}",
            "--format=stablehlo",
            f"--output={output / 'depth.stablehlo'}",
        ]
    )
    assert everything(run) == before
    results = json.loads((output / "eval" / "eval.json").read_text())
    own = json.loads((run / "eval.json").read_text())
    assert results["metrics"] == pytest.approx(own["metrics"], rel=1e-6)
    assert results["confidence"]["temperature"] == pytest.approx(
        own["confidence"]["temperature"]
    )
    names = {path.name for path in (output / "eval").iterdir()}
    assert names == {"eval.json", "eval.md", "eval_images.csv", "figures"}


def test_a_run_that_may_only_be_read_is_told_before_anything_is_computed(
    run, monkeypatch
):
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != run and allowed(path, mode)
    )
    monkeypatch.setattr("deepdepth_jax.evaluation.evaluate.restore", pytest.fail)
    with pytest.raises(UserError, match="set --output=FOLDER"):
        evaluate(run)


def test_an_output_is_for_evaluations(run, tmp_path):
    with pytest.raises(UserError, match="--output needs --mode=evaluate"):
        main([f"--workdir={run}", f"--output={tmp_path}"])
