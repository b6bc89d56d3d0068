import json
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import arguments

from deepdepth_jax.errors import PreemptedError, UserError
from deepdepth_jax.main import main
from deepdepth_jax.training import writers
from deepdepth_jax.training.writers import MetricWriter


def lines(workdir):
    return [
        json.loads(line)
        for line in (workdir / "metrics.jsonl").read_text().splitlines()
    ]


def test_numbers_go_to_both(tmp_path):
    with MetricWriter(tmp_path, 0, ("tensorboard",)) as writer:
        writer.write(5, "train", {"loss": 2.5})
        writer.write(5, "val", {"abs_rel": 0.25, "d1": 0.5})
    assert lines(tmp_path) == [
        {"step": 5, "split": "train", "loss": 2.5},
        {"step": 5, "split": "val", "abs_rel": 0.25, "d1": 0.5},
    ]
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["tensors"]) == {"train/loss", "val/abs_rel", "val/d1"}


def test_going_on_drops_what_will_be_written_again(tmp_path):
    with MetricWriter(tmp_path, after_step=0) as writer:
        for step in (10, 20, 30):
            writer.write(step, "train", {"loss": float(step)})
    with MetricWriter(tmp_path, after_step=20) as writer:
        writer.write(30, "train", {"loss": -1.0})
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
        (10, 10.0),
        (20, 20.0),
        (30, -1.0),
    ]


def test_a_line_that_was_cut_off_is_dropped(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 1, "split": "train", "loss": 1.0}\n{"step": 2, "spl'
    )
    with MetricWriter(tmp_path, after_step=5) as writer:
        writer.write(6, "train", {"loss": 2.0})
    assert [line["step"] for line in lines(tmp_path)] == [1, 6]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "[" * 50_000,
        '{"split": "train"}',
        '{"step": "2", "split": "train"}',
        '{"step": 2, "split": ["train"]}',
    ],
)
def test_damaged_lines_are_named_and_nothing_is_lost(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1, "split": "train"}}\n{line}\n')
    before = path.read_text()
    with pytest.raises(UserError, match=rf"{path}, line 2: is damaged .*delete the"):
        MetricWriter(tmp_path, after_step=5)
    assert path.read_text() == before


def test_a_tracker_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(
        UserError, match=r"log_to=wandb needs the extra wandb \(wandb is missing\): "
    ):
        main(arguments(tmp_path, train__log_to="('wandb',)"))
    assert not (tmp_path / "run").exists()


class _Refusing:
    """A tracker whose server has gone away."""

    def __init__(self, *_):
        pass

    def close(self, status):
        raise UserError(f"train.log_to=mlflow: no answer when {status}")


class _Noting:
    """A tracker that notes how it was closed."""

    def __init__(self, workdir, config):
        del config
        self._path = workdir / "closed"

    def close(self, status):
        with self._path.open("a") as file:
            file.write(f"{status} ")


class _Absent:
    """A tracker that is not there at all."""

    def __init__(self, *_):
        raise UserError("train.log_to=mlflow: no server")


def test_a_tracker_that_refuses_leaves_no_other_one_open(tmp_path, monkeypatch):
    trackers = {"wandb": _Noting, "mlflow": _Absent, "tensorboard": _Noting}
    monkeypatch.setattr(writers, "TRACKERS", trackers)
    with pytest.raises(UserError, match="no server"):
        MetricWriter(tmp_path, 0, ["wandb", "mlflow", "tensorboard"])
    assert (tmp_path / "closed").read_text() == "failed "


def test_a_tracker_that_refuses_to_close_leaves_no_other_one_open(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writers, "TRACKERS", {"wandb": _Noting, "mlflow": _Refusing})
    with (
        pytest.raises(UserError, match="no answer when finished"),
        MetricWriter(tmp_path, 0, ["wandb", "mlflow", "wandb"]),
    ):
        pass
    assert (tmp_path / "closed").read_text() == "finished finished "


def test_a_tracker_s_refusal_does_not_take_the_place_of_the_first_error(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(writers, "TRACKERS", {"mlflow": _Refusing})
    with pytest.raises(PreemptedError), MetricWriter(tmp_path, 0, ["mlflow"]):
        raise PreemptedError("saved")
    assert (
        "warning: train.log_to=mlflow: no answer when failed" in capsys.readouterr().err
    )
    with (
        pytest.raises(UserError, match="no answer when finished"),
        MetricWriter(tmp_path, 0, ["mlflow"]),
    ):
        pass
