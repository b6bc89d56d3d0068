"""W&B without its server, and MLflow with a database."""

import json

import mlflow
import numpy as np
import pytest
import wandb
from tiny_runs import arguments
from wandb.proto.wandb_internal_pb2 import Record

from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main
from deepdepth_jax.training.trackers import IDS
from deepdepth_jax.training.writers import MetricWriter

# Of MLflow's use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
BOTH = ("wandb", "mlflow")


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)


def sent_to_mlflow(run):
    """Reads (step, value) of the metrics, and the run's status and parameters."""
    client = mlflow.MlflowClient()
    found = client.get_run(json.loads((run / IDS).read_text())["mlflow"])
    history = {
        name: [
            (x.step, x.value)
            for x in client.get_metric_history(found.info.run_id, name)
        ]
        for name in found.data.metrics
    }
    return history, found.info.status, found.data.params


def parts_of(log):
    """Reads the parts of records in LevelDB's log format, with W&B's header before."""
    at, block = 7, 2**15
    while at < len(log):
        if block - at % block < 7:  # no room for a header: zeros
            at += block - at % block
            continue
        size, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        yield kind, log[at + 7 : at + 7 + size]
        at += 7 + size


def sent_to_wandb(run):
    """Reads the records of all offline files: one a start of the run."""
    for path in sorted(run.glob("wandb/offline-run-*/run-*.wandb")):
        data = b""
        for kind, part in parts_of(path.read_bytes()):
            data += part
            if kind in (1, 4):  # whole, or its last part
                yield Record.FromString(data)
                data = b""


def history_of_wandb(run):
    for record in sent_to_wandb(run):
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            yield {
                "/".join(x.nested_key) or x.key: json.loads(x.value_json) for x in items
            }


def test_a_training_sends_what_metrics_jsonl_has(tmp_path):
    _, *others = arguments(tmp_path, train__log_to="('wandb','mlflow')")
    main(["--config=streets", *others])

    run = tmp_path / "run"
    lines = [json.loads(x) for x in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [(x["step"], x["loss"]) for x in lines if x["split"] == "train"]
    history, status, params = sent_to_mlflow(run)
    assert history["train/loss"] == losses
    assert [step for step, _ in history["val/abs_rel"]] == [2, 4]
    assert status == "FINISHED"
    assert params["bins.num_bins"] == "12"
    rows = list(history_of_wandb(run))
    found = [(x["step"], x["train/loss"]) for x in rows if "train/loss" in x]
    assert found == losses
    images = [x["step"] for x in rows if any("val/image" in key for key in x)]
    assert images == [2, 4]
    assert not (run / "tensorboard").exists()


def test_a_resumed_run_is_the_same_run(tmp_path):
    class KilledError(Exception):
        pass

    with (
        pytest.raises(KilledError),
        MetricWriter(tmp_path, 0, BOTH, {"train.log_every": 1}) as writer,
    ):
        for step in (1, 2, 3):
            writer.write(step, "train", {"loss": 1.0 / step})
        raise KilledError
    ids = (tmp_path / IDS).read_text()
    assert sent_to_mlflow(tmp_path)[1] == "FAILED"

    with MetricWriter(tmp_path, 2, BOTH, {"train.log_every": 5}) as writer:
        writer.write(3, "train", {"loss": 0.25})
        writer.write_image(3, "val", np.zeros((4, 6, 3), np.uint8))

    assert (tmp_path / IDS).read_text() == ids
    history, status, _ = sent_to_mlflow(tmp_path)
    assert status == "FINISHED"
    assert history["train/loss"] == [(1, 1.0), (2, 0.5), (3, 1 / 3), (3, 0.25)]
    rows = [row for row in history_of_wandb(tmp_path) if "train/loss" in row]
    assert [row["step"] for row in rows] == [1, 2, 3, 3]
    runs = {x.run.run_id for x in sent_to_wandb(tmp_path) if x.HasField("run")}
    assert runs == {json.loads(ids)["wandb"]}


def test_a_refusal_closes_the_tracker_before_it(tmp_path, monkeypatch):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "short")
    wandb.teardown()
    with pytest.raises(UserError, match="API key"):
        MetricWriter(tmp_path, 0, ("mlflow", "wandb"))
    assert sent_to_mlflow(tmp_path)[1] == "FAILED"
    monkeypatch.setenv("WANDB_MODE", "offline")
    mlflow.set_tracking_uri("ftp://nowhere")
    wandb.teardown()
    with pytest.raises(UserError, match="ftp"):
        MetricWriter(tmp_path, 0, ("wandb", "mlflow"))
    assert wandb.run is None


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("mlflow", {"MLFLOW_TRACKING_URI": "ftp://nowhere"}, "ftp"),
        ("mlflow", {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "127.0.0.1"),
        ("wandb", {"WANDB_MODE": "online", "WANDB_API_KEY": "short"}, "API key"),
    ],
)
def test_a_refusal_is_one_line(name, settings, message, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for key, value in settings.items():
        monkeypatch.setenv(key, value)
    mlflow.set_tracking_uri(settings.get("MLFLOW_TRACKING_URI"))
    wandb.teardown()  # it reads its settings once
    with pytest.raises(UserError, match=message) as caught:
        MetricWriter(tmp_path, 0, (name,))
    assert f"train.log_to={name}: " in str(caught.value)
    assert "\n" not in str(caught.value)
