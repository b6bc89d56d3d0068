"""What training does when it is interrupted, when numbers go bad, and what it tells."""

import json
import os
import re
import shutil
import signal
import threading
import time

import pytest
import tensorflow as tf
from kill_harness import assert_same_outcome
from tensorboard.compat.proto import event_pb2
from tiny_runs import arguments

from deepdepth_jax.errors import PreemptedError, UserError
from deepdepth_jax.main import main
from deepdepth_jax.runtime import cli
from deepdepth_jax.training import loop as train
from deepdepth_jax.training import preparation


def steps(folder):
    path = folder / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["step"] for line in lines if line.endswith("}")]


def checkpoints(folder):
    return sorted(int(path.name) for path in (folder / "run/checkpoints").iterdir())


def test_sigterm_saves_and_asks_to_be_started_again(tmp_path, capsys):
    def terminate():
        while len(steps(tmp_path)) < 3:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    argv = arguments(
        tmp_path, train__num_steps=5000, train__checkpoint_every=5000, eval__every=0
    )
    with pytest.raises(PreemptedError) as notice:
        main(argv)
    [step] = map(int, re.findall(r"step (\d+) is saved", str(notice.value)))
    assert checkpoints(tmp_path) == [step]
    assert 3 <= step < 5000
    assert steps(tmp_path)[-1] == step
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_during_validation_stops_at_once_and_it_is_made_up_for(
    trained, tmp_path, monkeypatch
):
    """The next start validates first, and the log is as if nothing had been."""
    validate = train.validate
    comes = iter([True, True, False, True, True, False])

    def sometimes_terminated(*args):
        if next(comes):
            os.kill(os.getpid(), signal.SIGTERM)
        return validate(*args)

    monkeypatch.setattr(train, "validate", sometimes_terminated)
    argv = arguments(tmp_path)
    for step in (2, 2, 4, 4):
        with pytest.raises(PreemptedError, match=f"step {step} is saved"):
            main(argv)
    main(argv)
    assert_same_outcome(tmp_path, trained)


def test_a_run_that_appears_during_preparation_is_resumed(
    trained, tmp_path, monkeypatch, capsys
):
    first_state = train._first_state

    def overtaken(config):
        shutil.copytree(trained / "run", tmp_path / "run")
        return first_state(config)

    monkeypatch.setattr(train, "_first_state", overtaken)
    main(arguments(tmp_path))
    assert "the training is finished, at step 4 of 4" in capsys.readouterr().out
    assert steps(tmp_path) == steps(trained)


def test_sigterm_before_training_stops_at_once(tmp_path, monkeypatch):
    def terminated(*args):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(preparation, "prepare_training", terminated)
    with pytest.raises(PreemptedError, match="start again"):
        main(arguments(tmp_path))


def test_a_preempted_run_exits_with_75(capsys):
    def preempted(argv):
        raise PreemptedError("preempted: the state of step 7 is saved")

    with pytest.raises(SystemExit) as stop:
        cli.run(preempted)
    assert stop.value.code == 75
    assert capsys.readouterr().err == "preempted: the state of step 7 is saved\n"


def test_numbers_that_stay_bad_stop_the_run_and_name_the_images(tmp_path):
    argv = arguments(
        tmp_path,
        train__learning_rate=100,  # times the decay: parameters grow 100-fold a step
        train__weight_decay=1,
        train__num_steps=50,
        train__max_bad_steps=3,
        train__batch_size=4,
        train__checkpoint_every=50,
        eval__every=0,
    )
    with pytest.raises(UserError) as error:
        main(argv)
    said = str(error.value)
    assert "\n" not in said
    assert "3 steps in a row changed nothing" in said
    assert "loss or gradient was not finite" in said
    # 6 scenes, 4 in a batch: the names are those of the batch of the last bad step.
    assert len(set(re.findall(r"train/\d{6}", said))) >= 3
    [bad, saved] = (int(x) for x in re.findall(r"step (\d+)", said))
    assert saved == bad + 1
    assert checkpoints(tmp_path) == [saved]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    counts = [json.loads(line).get("bad_steps") for line in lines]
    assert [count for count in counts if count] == [1, 2, 3, 4]


def test_steps_that_see_no_valid_pixel_stop_the_run_too(tmp_path):
    """Depth of the street scenes begins beyond these bins."""
    argv = arguments(
        tmp_path,
        bins__min_depth_m=0.01,
        bins__max_depth_m=0.02,
        train__num_steps=50,
        train__max_bad_steps=3,
        eval__every=0,
    )
    with pytest.raises(UserError) as error:
        main(argv)
    said = str(error.value)
    assert "\n" not in said
    assert "train.max_bad_steps=3: 3 steps in a row changed nothing" in said
    assert "no pixel had depth within the bins: step 3 on train/" in said
    assert "check_data" in said
    assert checkpoints(tmp_path)[-1] == 4


def test_a_run_without_test_images_says_so_and_ends_with_its_training(tmp_path, capsys):
    main(arguments(tmp_path, data__streets__test_scenes=0))
    out = capsys.readouterr().out
    said = "eval.split=test: nothing to evaluate on (streets test (rendered): 0 of 0"
    before, after = (place.start() for place in re.finditer(re.escape(said), out))
    assert before < out.index("all  ") < after
    assert checkpoints(tmp_path)[-1] == 4
    assert not (tmp_path / "run" / "eval.json").exists()


def test_the_start_says_what_is_run_and_the_log_how_it_goes(tmp_path, capsys):
    main(arguments(tmp_path, train__profile_steps="(2,3)", data__mixture__streets=1))
    out = capsys.readouterr().out
    assert "model.backbone = 'tiny' (default 'resnet101')" in out
    assert "data.mixture.streets = 1.0 (default 0.0)" in out
    assert "train.momentum" not in out  # as by default
    table = dict(re.findall(r"(?m)^(\S+) +\w+ +\d+ +([\d,]+)", out))
    parts = {"backbone/conv1", "backbone/layer1", "backbone/layer4", "aspp/branch0"}
    assert parts <= table.keys()
    assert table["backbone/conv1"] == str(7 * 7 * 3 * 4)
    first = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[0]
    logged = json.loads(first)
    assert logged["learning_rate_head"] == logged["learning_rate"]
    assert logged["learning_rate"] == pytest.approx(1e-3)
    assert logged["gradient_norm"] > 0
    assert 0 <= logged["data_wait_share"] <= 1
    assert list((tmp_path / "run" / "profile").rglob("*.xplane.pb"))
    assert image_steps(tmp_path / "run" / "tensorboard") == [2, 4]


def image_steps(folder):
    """Returns the steps of the images in TensorBoard's own files."""
    [path] = folder.iterdir()
    events = [
        event_pb2.Event.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    found = []
    for event in events:
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "images":
                width, height, encoded = value.tensor.string_val
                drawn = tf.io.decode_png(encoded).shape
                assert drawn == (int(height), int(width), 3)
                found.append(event.step)
    return found


def test_checkpoints_are_kept_by_policy(tmp_path):
    main(
        arguments(
            tmp_path,
            data__streets__test_scenes=0,
            train__num_steps=8,
            train__keep_checkpoints=1,
            train__keep_every=3,
            eval__every=0,
        )
    )
    assert checkpoints(tmp_path) == [3, 6, 8]
