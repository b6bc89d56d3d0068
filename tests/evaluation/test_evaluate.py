"""What --mode=evaluate says of a run, and of anybody's predictions."""

import dataclasses
import importlib
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax import DepthPredictor
from deepdepth_jax.datasets.pipeline import prepare_held_out
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.calibrate import fit_temperature
from deepdepth_jax.evaluation.validation import draw_validation, validate
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.saved_network import load_run
from deepdepth_jax.main import main
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.types import Prediction


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return folder / "run"


@pytest.fixture(scope="module")
def results(trained):
    """The evaluation as trained, in whichever order the tests evaluate `run` anew."""
    return json.loads((trained / "run" / "eval.json").read_text())


def evaluate(run, *overrides):
    main([f"--workdir={run}", "--mode=evaluate", "--config.eval.figures=0", *overrides])
    return json.loads((run / "eval.json").read_text())


def test_the_tables_say_what_the_numbers_say(run, results):
    text = (run / "eval.md").read_text()
    assert text.startswith("streets test, rendered ground truth, crop none, cap 80 m")
    assert f"| {results['metrics']['abs_rel']:.4g} |" in text
    assert f"| {results['median_scaled']['abs_rel']:.4g} |" in text
    assert f"| {results['baseline']['rmse']:.4g} |" in text
    assert f"| 10-20 m | {results['by_distance']['10-20 m']['abs_rel']:.4g} |" in text
    assert results["by_edge"]["near edges"]["images"] == 3
    for name, metrics in results["by_edge"].items():
        assert f"| {name} | {metrics['abs_rel']:.4g} |" in text
    confidence = results["confidence"]
    assert f"temperature {confidence['temperature']:.3f}" in text
    assert f"| {confidence['calibrated']['ece']:.4f} |" in text
    entropy = confidence["sparsification"]["entropy"]
    assert f"| {entropy['aurg_abs_rel']:.4f} |" in text


def test_an_evaluation_leaves_plots_and_a_line_for_each_image(run):
    for name in ("reliability", "reliability_own", "sparsification"):
        with Image.open(run / "figures" / f"{name}.png") as plot:
            assert min(plot.size) > 300
    lines = (run / "eval_images.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines[1:]] == [
        f"test/{index:06d}" for index in range(3)
    ]


def test_the_temperature_is_fitted_once_on_validation_and_kept(
    run, results, monkeypatch
):
    """It is where the likelihood of the validation depths is highest."""
    step = results["step"]
    path = run / "checkpoints" / str(step) / "calibration.json"
    kept = json.loads(path.read_text())["temperature"]
    assert results["confidence"]["temperature"] == kept
    assert load_run(run, step).trained.temperature == kept
    path.unlink()
    network = load_run(run, step)
    assert network.trained.temperature == 1
    records = prepare_held_out(network.config, "val")
    assert fit_temperature(network, records) == pytest.approx(kept)
    fits = []
    monkeypatch.setattr(
        "deepdepth_jax.evaluation.calibrate.fit_temperature",
        lambda *given: fits.append(fit_temperature(*given)) or fits[-1],
    )
    again = evaluate(run)
    assert again["confidence"]["temperature"] == pytest.approx(kept)
    assert len(fits) == 1
    path.write_text('{"temperature": 3.0}')
    other = evaluate(run)
    assert other["confidence"]["temperature"] == 3
    assert other["metrics"] == again["metrics"]
    assert other["confidence"]["own"] == again["confidence"]["own"]
    assert other["confidence"]["calibrated"] != again["confidence"]["calibrated"]
    path.write_text(json.dumps({"temperature": kept}))


def test_averaged_views_have_a_temperature_of_their_own(run, results):
    """It is where the likelihood of validation depths is highest for the average."""
    views = ["--config.eval.flip=True", "--config.eval.scales=(1.0,1.5)"]
    name = "temperature 1, 1.5, mirrored"
    kept = results["confidence"]["temperature"]
    path = run / "checkpoints" / str(results["step"]) / "calibration.json"
    path.write_text(json.dumps({"temperature": kept}))
    assert load_run(run, overrides=views).trained.temperature == kept
    path.unlink()
    fitted = evaluate(run, *views)["confidence"]["temperature"]
    assert fitted != pytest.approx(kept, rel=0.01)
    found = json.loads(path.read_text())
    assert found == {"temperature": pytest.approx(kept), name: fitted}
    assert load_run(run).trained.temperature == pytest.approx(kept)
    assert load_run(run, overrides=views).trained.temperature == fitted

    def nll(temperature):
        path.write_text(json.dumps({name: temperature}))
        found = evaluate(run, *views, "--config.eval.split=val")["confidence"]
        assert found["temperature"] == temperature
        return found["calibrated"]["nll"]

    lower, at_best, higher = (nll(factor * fitted) for factor in (0.98, 1, 1.02))
    assert at_best < min(lower, higher)
    path.write_text(json.dumps({"temperature": kept}))


def test_views_and_windows_are_named_and_used(run, results):
    for field, value in (
        ("flip", "True"),
        ("scales", "(1.0,1.5)"),
        ("window", "(24,32)"),
    ):
        other = evaluate(run, f"--config.eval.{field}={value}")
        assert other["protocol"][field] != results["protocol"][field]
        assert other["metrics"] != results["metrics"]
        assert np.isfinite(other["confidence"]["calibrated"]["nll"])


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("scales=(0.0,)", "eval.scales"),
        ("scales=()", "eval.scales"),
        ("scales=big", "eval.scales"),
        ("window=(8,100)", "eval.window"),
        ("window=('a','b')", "eval.window"),
        ("window=(100,)", "eval.window"),
    ],
)
def test_views_that_cannot_be_are_refused(run, field, says):
    with pytest.raises(UserError, match=says):
        evaluate(run, f"--config.eval.{field}")


def test_where_nothing_counts_there_are_no_numbers(run):
    evaluate(run, "--config.eval.cap_m=15.0")
    text = (run / "eval.json").read_text()
    results = json.loads(text, parse_constant=pytest.fail)  # NaN is no JSON
    assert results["by_distance"]["20-40 m"]["rmse"] is None
    assert results["by_distance"]["20-40 m"]["images"] == 0
    with pytest.raises(UserError, match="no pixel of the 3 images counts"):
        evaluate(run, "--config.eval.cap_m=0.5")
    assert (run / "eval.json").read_text() == text


# Predictions that are no numbers.


@pytest.fixture
def broken(trained, tmp_path, monkeypatch):
    """A run whose network is not finite for the second of the three test images."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run" / "eval.json").unlink()

    def build_breaking(build):
        def build_broken(config):
            run = build(config)

            def run_broken(trained, image, *maps):
                found = run(trained, image, *maps)
                prediction = found[0] if maps else found
                is_second = (image == second).all(axis=(1, 2, 3))[:, None, None]
                values = np.where(is_second, np.nan, prediction.depth_m)
                prediction = dataclasses.replace(prediction, depth_m=values)
                return (prediction, found[1]) if maps else prediction

            return run_broken

        return build_broken

    second = StreetsSource("test", 3, 32, 64, seed=0).read(1).image
    for module, name in (
        ("evaluate", "build_scoring"),
        ("evaluate", "build_prediction"),
    ):
        where = f"deepdepth_jax.evaluation.{module}.{name}"
        build = getattr(importlib.import_module(where.rpartition(".")[0]), name)
        monkeypatch.setattr(where, build_breaking(build))
    return tmp_path / "run"


def test_a_prediction_that_is_not_finite_is_an_error_that_names_the_image(broken):
    with pytest.raises(UserError, match=r"test/000001: .* not finite at \d+ of the"):
        evaluate(broken)
    assert not (broken / "eval.json").exists()


def test_in_validation_it_is_a_counted_failure_and_no_missing_ground_truth(run, capsys):
    config = stored_config(run)
    records = prepare_held_out(config, "test")
    second = records.source.read(1).image

    def predict(image):
        is_second = (image == second).all(axis=(1, 2, 3))[:, None, None]
        return Prediction(np.where(is_second, np.nan, np.ones(image.shape[:3])))

    metrics = validate(predict, records, config, TrainingCamera())
    assert metrics.pop("failed_images") == 1
    assert np.isnan(list(metrics.values())).all()
    assert "validation of test/000001 failed" in capsys.readouterr().out
    sheet = draw_validation(predict, records, config, TrainingCamera())
    assert sheet.shape[1] > 1000


def test_a_network_that_is_not_finite_is_not_calibrated(run):
    network = load_run(run)
    variables = jax.tree.map(lambda x: x * np.nan, network.variables)
    records = prepare_held_out(network.config, "val")
    with pytest.raises(UserError, match="val/000000: the network's output is not"):
        fit_temperature(dataclasses.replace(network, variables=variables), records)


# Anybody's predictions.


@pytest.fixture(scope="module")
def predicted(run):
    """The run's own predictions, as a program that is not ours would write them."""
    predictor = DepthPredictor.load(run)
    source = StreetsSource("test", 3, 32, 64, seed=0)
    return {
        example.name: (predictor(example.image).depth_m, example.depth_m)
        for example in map(source.read, range(3))
    }


def evaluate_files(folder, *overrides):
    main(
        [
            *arguments(folder),
            "--mode=evaluate",
            f"--predictions={folder}",
            *overrides,
        ]
    )
    return json.loads((folder / "eval.json").read_text())


def test_files_with_a_runs_depth_get_the_runs_metrics(
    predicted, results, tmp_path, capsys
):
    for name, (depth_m, _) in predicted.items():
        path = tmp_path / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, depth_m)
    found = evaluate_files(tmp_path)
    assert found["metrics"] == pytest.approx(results["metrics"], rel=1e-6)
    assert found["median_scaled"] == pytest.approx(results["median_scaled"], rel=1e-6)
    assert found["step"] is None
    assert "confidence" not in found
    assert (tmp_path / "figures" / "test.png").exists()
    assert "eval.json" in capsys.readouterr().out


def test_files_are_found_under_flat_names_and_in_16_bits_and_other_sizes(
    predicted, results, tmp_path
):
    endings = ("", "_depth", "_depth")
    for (name, (depth_m, _)), ending in zip(predicted.items(), endings, strict=True):
        values = np.round(depth_m * 256).astype(np.uint16)
        larger = np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)
        path = tmp_path / f"{name.replace('/', '_')}{ending}.png"
        Image.fromarray(larger).save(path)
    found = evaluate_files(tmp_path)
    assert found["metrics"] == pytest.approx(results["metrics"], rel=0.02)


def test_the_truth_itself_is_perfect(predicted, tmp_path):
    for name, (_, truth_m) in predicted.items():
        everywhere = np.where(truth_m > 0, truth_m, 1)
        np.save(tmp_path / f"{name.replace('/', '_')}.npy", everywhere)
    found = evaluate_files(tmp_path)
    assert found["metrics"]["abs_rel"] == 0
    assert found["metrics"]["d1"] == 1


def test_what_is_missing_or_empty_is_named(predicted, tmp_path):
    with pytest.raises(UserError, match=r"3 of 3 images.*test/000000"):
        evaluate_files(tmp_path)
    for name, (depth_m, _) in predicted.items():
        np.save(tmp_path / f"{name.replace('/', '_')}.npy", depth_m)
    np.save(tmp_path / "test_000001.npy", np.zeros((32, 64), np.float32))
    with pytest.raises(UserError, match=r"test_000001\.npy: \d+ pixels"):
        evaluate_files(tmp_path)
    # In a map of another size too, though mixed with its neighbours it is more than 0.
    larger = np.full((48, 96), 9, np.float32)
    larger[30, 50] = np.nan
    np.save(tmp_path / "test_000001.npy", larger)
    with pytest.raises(UserError, match=r"test_000001\.npy: 1 pixels"):
        evaluate_files(tmp_path)
    with pytest.raises(UserError, match="--mode=evaluate"):
        main([*arguments(tmp_path), f"--predictions={tmp_path}"])
