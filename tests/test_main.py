"""The command as its users see it: what it prints, writes, and exits with."""

import errno
import json
import re
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax.errors import UserError
from deepdepth_jax.inference.saved_network import restore
from deepdepth_jax.main import main
from deepdepth_jax.metrics import METRICS
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.checkpoints import Checkpoints
from deepdepth_jax.runtime.workdir import stored_config
from deepdepth_jax.training.build import build_abstract_state


@pytest.fixture
def copied(trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def final_state(folder, step=None):
    config = stored_config(folder / "run")
    with Checkpoints.of(config, folder / "run") as checkpoints:
        step = step or checkpoints.last_step
        return checkpoints.restore(build_abstract_state(config), step)


TIMES = ("images_per_second", "data_wait_share")


def numbers(folder):
    """Reads metrics.jsonl but for the times."""
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines
    ]


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def mistake(argv):
    """Runs a command line that must be refused in one line, and gives the line."""
    with pytest.raises(UserError) as caught:
        main(argv)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_workdir_holds_what_it_should(trained):
    run = trained / "run"
    config = json.loads((run / "config.json").read_text())
    assert config["config"]["bins"]["num_bins"] == 12
    assert {path.name for path in (run / "checkpoints").iterdir()} <= set("1234")
    assert list((run / "tensorboard").iterdir())
    with Image.open(run / "figures" / "test.png") as figure:
        assert figure.size[0] > 1000
    results = json.loads((run / "eval.json").read_text())
    assert set(results["metrics"]) == set(METRICS)
    assert all(np.isfinite(value) for value in results["metrics"].values())
    assert results["protocol"] == {
        "dataset": "streets",
        "split": "test",
        "ground_truth": "rendered",
        "crop": "none",
        "cap_m": 80.0,
        "min_m": 1e-3,
        "flip": False,
        "scales": [1.0],
        "window": [0, 0],
        "decode": "expectation",
        "crf": None,
        "trained_on": ["streets"],
        "training_focal_px": pytest.approx(721.5377 * 64 / 1242),
        "images_scaled": 0,
        "images_of_unknown_camera": 0,
        "images": 3,
        "images_without_ground_truth": 0,
    }


def test_metrics_jsonl_has_a_line_for_each_look(trained):
    lines = numbers(trained)
    assert [(line["step"], line["split"]) for line in lines] == [
        (1, "train"),
        (2, "train"),
        (2, "val"),
        (3, "train"),
        (4, "train"),
        (4, "val"),
    ]
    assert {"loss", "learning_rate", "valid_pixels"} <= lines[0].keys()
    assert lines[0]["learning_rate"] > lines[-2]["learning_rate"] > 0


def test_the_best_checkpoint_is_the_best_validated(trained):
    validated = {
        line["step"]: line["abs_rel"]
        for line in numbers(trained)
        if line["split"] == "val"
    }
    results = json.loads((trained / "run" / "eval.json").read_text())
    assert results["step"] == min(validated, key=validated.get)


def test_killed_and_resumed_equals_uninterrupted(trained, copied, capsys):
    shutil.rmtree(copied / "run" / "checkpoints" / "4")
    main(arguments(copied))
    assert "resuming from step 3" in capsys.readouterr().out
    jax.tree.map(
        np.testing.assert_array_equal, final_state(copied), final_state(trained)
    )
    assert numbers(copied) == numbers(trained)


def test_averaged_weights_are_resumed_and_predicted_with(tmp_path):
    options = dict(
        train__ema=0.5,
        train__schedule="cosine",
        train__warmup_steps=2,
        train__clip_norm=1.0,
        eval__figures=0,
    )
    main(arguments(tmp_path, **options))
    run = tmp_path / "run"
    whole, results = final_state(tmp_path), (run / "eval.json").read_text()
    found = restore(stored_config(run), run, "last").trained
    jax.tree.map(np.testing.assert_array_equal, found.variables, whole.average)
    learned = whole.learned["params"]["aspp"]["branch0"]["kernel"]
    assert not np.array_equal(
        found.variables["params"]["aspp"]["branch0"]["kernel"], learned
    )
    shutil.rmtree(run / "checkpoints" / "4")
    (run / "eval.json").unlink()
    main(arguments(tmp_path, **options))
    jax.tree.map(np.testing.assert_array_equal, final_state(tmp_path), whole)
    assert (run / "eval.json").read_text() == results


def test_a_finished_run_is_not_trained_again(trained, copied):
    before = contents(copied / "run" / "checkpoints")
    main(arguments(copied))
    assert contents(copied / "run" / "checkpoints") == before
    assert numbers(copied) == numbers(trained)


def test_evaluation_at_any_batch_size_is_the_same(trained, copied):
    """A run is evaluated by its folder alone, with the protocol that is asked for."""
    results = []
    for batch_size in (1, 2, 5):
        main(
            [
                f"--workdir={copied / 'run'}",
                "--mode=evaluate",
                "--checkpoint=4",
                f"--config.eval.batch_size={batch_size}",
                "--config.eval.cap_m=50.0",
            ]
        )
        results.append(json.loads((copied / "run" / "eval.json").read_text()))
    assert results[0]["protocol"]["cap_m"] == 50.0
    assert results[0]["step"] == 4
    for result in results[1:]:
        assert result["protocol"] == results[0]["protocol"]
        assert result["metrics"] == pytest.approx(results[0]["metrics"], rel=1e-5)


def test_training_split_can_be_evaluated(copied, capsys):
    main(
        [f"--workdir={copied / 'run'}", "--mode=evaluate", "--config.eval.split=train"]
    )
    out = capsys.readouterr().out
    assert re.search("streets train, rendered ground truth, .*: 6 images", out)


def test_without_validation_the_last_is_evaluated(tmp_path, capsys):
    main(
        arguments(
            tmp_path,
            data__streets__val_scenes=0,
            eval__figures=0,
        )
    )
    out = capsys.readouterr().out
    assert "the best checkpoint will be the last" in out
    assert "confidence is not calibrated" in out
    assert json.loads((tmp_path / "run" / "eval.json").read_text())["step"] == 4
    assert not (tmp_path / "run" / "figures" / "test.png").exists()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (dict(train__batch_size=3), "train.batch_size=3"),
        (dict(train__crop="(0,48)"), "train.crop"),
        (dict(data__dataset="nyu"), "data.dataset"),
        (dict(data__dataset="kitti"), "data.root is empty"),
        (dict(data__dataset="kitti", data__root="no/such"), "data.root"),
        (dict(data__dataset="synthia", data__root="no/such"), "data.root"),
        (
            # Learned from is one data set, and evaluated on another at the end.
            dict(
                data__dataset="kitti",
                data__root="no/such",
                data__mixture__streets=1,
                eval__every=0,
            ),
            "data.root",
        ),
        (dict(bins__kind="abc"), "bins.kind='abc': must be one of sid, ud"),
        (dict(bins__min_depth_m=90), "bins.max_depth_m=80.0: must be > bins"),
        (dict(model__aspp_rates="()"), "model.aspp_rates=(): must be"),
        (dict(train__num_steps=10**23), "train.num_steps"),
        (dict(augment__flip_probability=2), "augment.flip_probability"),
        (dict(data__rot="x"), "did you mean --config.data.root?"),
    ],
    ids=str,
)
def test_what_cannot_run_is_refused_before_anything_is_written(
    tmp_path, overrides, says
):
    prepared = {"data__prepared_dir": tmp_path / "prepared"}
    assert says in mistake(arguments(tmp_path, **prepared | overrides))
    assert not list(tmp_path.iterdir())


def test_another_config_in_the_same_workdir_is_refused_and_nothing_is_lost(copied):
    before = contents(copied / "run")
    said = mistake(arguments(copied, train__learning_rate=0.5))
    assert "train.learning_rate" in said
    assert "--workdir" in said
    assert contents(copied / "run") == before


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--mode=evaluate", "--checkpoint=77"], "--checkpoint=77"),
        (["--mode=evaluate", "--checkpoint=newest"], "last, best or a step"),
        (["--mode=test"], "invalid choice"),
        (["--mode=evaluate", "--config.train.num_steps=9"], "train.num_steps"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_one_line(copied, extra, says):
    assert says in mistake([f"--workdir={copied / 'run'}", *extra])


@pytest.mark.parametrize("below", ["", "run"])
def test_a_workdir_that_is_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    said = mistake(
        ["--config=configs/streets.py", f"--workdir={tmp_path}/file/{below}"]
    )
    assert "--workdir" in said
    assert "is a file" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_evaluating_nothing_is_refused(tmp_path):
    said = mistake([*arguments(tmp_path), "--mode=evaluate"])
    assert "train first" in said
    assert not (tmp_path / "run").exists()


def test_no_arguments_say_what_to_give():
    assert "--config=FILE" in mistake([])


@pytest.mark.parametrize("config", ["nowhere.py", "README.md"])
def test_a_config_that_is_none_is_refused(config):
    assert config in mistake([f"--config={config}"])


def test_a_mistake_exits_with_2_and_one_line_on_stderr():
    done = subprocess.run(
        [sys.executable, "-m", "deepdepth_jax.main", "--config=nowhere.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        r"error: --config=nowhere\.py: there is no such file, .*kitti, .*\n",
        done.stderr,
    )


def test_help_shows_defaults(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "(default: train)" in out
    assert "--config.section.field=value" in out


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["main"])
    for bug in (ZeroDivisionError(), FileNotFoundError(errno.ENOENT, "none", "a")):

        def broken(argv, bug=bug):
            raise bug

        with pytest.raises(type(bug)):
            cli.run(broken)


def test_a_place_that_cannot_be_written_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["main"])
    for error, line in (
        (PermissionError(errno.EACCES, "Denied", "out/a.png"), "out/a.png: Denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    ):

        def stopped(argv, error=error):
            raise error

        with pytest.raises(SystemExit) as ended:
            cli.run(stopped)
        assert ended.value.code == 2
        assert capsys.readouterr().err == f"error: {line}\n"
