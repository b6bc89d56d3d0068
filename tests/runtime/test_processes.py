"""Several processes on this machine: they equal one, and they end together.

Each is a real process, started by `launch/local.sh`. In some tests they train; in
others they run a few lines, for the sake of speed.
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp
from process_harness import launched, python_lines, run
from tiny_runs import arguments

from deepdepth_jax.errors import PreemptedError, UserError
from deepdepth_jax.main import main
from deepdepth_jax.runtime import processes

NEVER_THE_SAME = ("images_per_second", "data_wait_share")
# Twenty steps, of which two are saved and validated.
WHOLE_RUN = {
    "train__num_steps": 20,
    "train__checkpoint_every": 10,
    "eval__every": 10,
    "eval__figures": 0,
}


def training(folder: Path, count: int, **overrides: object) -> list[object]:
    config, *others = arguments(folder, **overrides)
    return ["launch/local.sh", count, config.removeprefix("--config="), *others]


def numbers(folder: Path) -> list[dict]:
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if k not in NEVER_THE_SAME}
        for line in lines
    ]


def steps(folder: Path) -> list[int]:
    path = folder / "run" / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line)["step"] for line in lines if line.endswith("}")]


def checkpoints(folder: Path) -> set[str]:
    return {path.name for path in (folder / "run" / "checkpoints").iterdir()}


def evaluation(folder: Path) -> dict:
    return json.loads((folder / "run" / "eval.json").read_text())


def assert_same_run(folder: Path, reference: Path) -> None:
    """Compares states, metrics and evaluation of two runs, to 1e-5."""
    states = [ocp.load(x / "run" / "checkpoints" / "20") for x in (folder, reference)]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), *states
    )
    lines, expected = numbers(folder), numbers(reference)
    for line, other in zip(lines, expected, strict=True):
        assert line.pop("split") == other.pop("split")
        assert line == pytest.approx(other, rel=1e-5)
    result, other = evaluation(folder), evaluation(reference)
    assert result["protocol"] == other["protocol"]
    assert result["step"] == other["step"]
    assert result["metrics"] == pytest.approx(other["metrics"], rel=1e-5)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two runs: of one process with one device, and of two processes with two each."""
    folder = tmp_path_factory.mktemp("finished")
    with contextlib.ExitStack() as both:
        runs = []
        for count, devices in ((1, 1), (2, 2)):
            below = folder / f"{count}"
            command = training(below, count, **WHOLE_RUN)
            runs.append(both.enter_context(launched(below, *command, devices=devices)))
        for group in runs:
            assert group.end() == 0, group.err[-4000:]
    return runs


def test_two_processes_of_two_devices_equal_one_of_one(finished):
    one, two = finished
    assert_same_run(two.folder, one.folder)
    # Two processes do not divide the three images.
    assert evaluation(two.folder)["protocol"]["images"] == 3
    assert_written_once(two.folder, two.out)


def assert_written_once(folder, out):
    for line in ("2 processes, 4 devices", "config, where", "part  ", "results:"):
        assert out.count(line) == 1, out
    trained = [x["step"] for x in numbers(folder) if x["split"] == "train"]
    assert trained == list(range(1, 21))
    assert [x["step"] for x in numbers(folder) if x["split"] == "val"] == [10, 20]
    assert checkpoints(folder) == {"10", "20"}
    assert len(list((folder / "run" / "tensorboard").iterdir())) == 1
    assert not list((folder / "run").glob(".partial-*"))


def test_a_killed_process_ends_the_others_and_another_number_goes_on(
    finished, tmp_path, capsys
):
    whole_run = {**WHOLE_RUN, "train__checkpoint_every": 1}
    command = training(tmp_path, 2, **whole_run)
    with launched(tmp_path / "killed", *command, devices=2) as group:
        group.wait_until(lambda: len(steps(tmp_path)) >= 3)
        begun = time.monotonic()
        os.kill(group.process_id(1), signal.SIGKILL)
        assert group.end() == 128 + signal.SIGKILL
        assert time.monotonic() - begun < 60
    assert "process 1 of 2: killed by SIGKILL" in group.err
    assert 2 <= max(steps(tmp_path)) < 20
    main(arguments(tmp_path, **whole_run))  # one process, four devices
    assert "resuming from step" in capsys.readouterr().out
    assert_same_run(tmp_path, finished[0].folder)


def test_a_signal_to_one_saves_and_stops_all_and_the_run_goes_on(tmp_path, capsys):
    endless = {
        "train__num_steps": 5000,
        "train__checkpoint_every": 5000,
        "eval__every": 0,
    }
    command = training(tmp_path, 2, **endless)
    with launched(tmp_path, *command, devices=2) as group:
        group.wait_until(lambda: len(steps(tmp_path)) >= 2)
        os.kill(group.process_id(1), signal.SIGTERM)
        assert group.end() == 75, group.err[-4000:]
    last = max(steps(tmp_path))
    assert group.err.endswith(
        f"\npreempted: the state of step {last} is saved; start again to resume\n"
    )
    assert group.err.count("preempted") == 1
    assert checkpoints(tmp_path) == {str(last)}

    def interrupt():
        while max(steps(tmp_path)) < last + 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(PreemptedError, match="interrupted: the state of step") as said:
        main(arguments(tmp_path, **endless))
    assert f"step {max(steps(tmp_path))} is saved" in str(said.value)
    assert str(max(steps(tmp_path))) in checkpoints(tmp_path)
    assert f"resuming from step {last}" in capsys.readouterr().out
    assert steps(tmp_path) == list(range(1, max(steps(tmp_path)) + 1))


@pytest.mark.parametrize(
    ("to", "signum", "code"),
    [
        ("all", signal.SIGTERM, 75),
        ("one", signal.SIGTERM, 75),
        ("all", signal.SIGINT, 130),
        ("one", signal.SIGHUP, 75),
    ],
)
def test_a_signal_stops_all_after_the_same_step(to, signum, code, tmp_path):
    does = f"""
        with preemption.PreemptionNotice() as notice:
            for step in itertools.count(1):
                multihost_utils.sync_global_devices("step")
                print(step, flush=True)
                if notice.stops_after(step):
                    pathlib.Path("{tmp_path}", f"stopped.{{me}}").write_text(str(step))
                    raise notice.error("saved")
        """
    does = python_lines(tmp_path, does)
    with launched(tmp_path, "launch/local.sh", 2, "c", does=does) as group:
        group.wait_until(lambda: "\n1\n" in group.out)
        victim = group.launcher.pid if to == "all" else group.process_id(1)
        os.kill(victim, signum)
        assert group.end() == code
    assert group.err == "preempted: saved\n"
    stopped = [(tmp_path / f"stopped.{me}").read_text() for me in (0, 1)]
    assert stopped == [group.out.split()[-1]] * 2


def test_a_mistake_of_the_users_is_told_once(tmp_path):
    command = training(tmp_path, 2, train__batch_size=6)
    code, group = run(tmp_path, *command, devices=2)
    assert code == 2
    assert group.err == (
        "error: train.batch_size=6: must be a positive multiple of the 4 devices\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("count", "who"), [(2, "me == 0"), (3, "me == 1"), (2, "1")])
def test_a_mistake_that_some_find_ends_all(count, who, tmp_path):
    does = python_lines(tmp_path, f"if {who}: raise UserError('data.root: none')")
    begun = time.monotonic()
    code, group = run(tmp_path, "launch/local.sh", count, "c", does=does)
    assert code == 2
    assert group.err == "error: data.root: none\n"
    assert group.out.startswith(f"{count} processes, {count} devices\n")
    # Over Gloo: at once, when all are there, and not when the first step needs it.
    assert f"is connected to {count - 1} peer ranks" in group.out
    assert time.monotonic() - begun < 60


def test_a_bug_in_one_ends_all_and_is_told_once(tmp_path):
    does = python_lines(tmp_path, "if me == 1: 1 / 0")
    code, group = run(tmp_path, "launch/local.sh", 2, "c", does=does)
    assert code == 1
    assert group.err.startswith("process 1 of 2:\nTraceback")
    assert group.err.endswith("ZeroDivisionError: division by zero\n")
    assert group.err.count("Traceback") == 1


def test_a_mistake_in_one_while_all_save_ends_all(tmp_path):
    """It must not wait for the others, who wait for it in the next step."""
    does = f"""
        from deepdepth_jax.runtime.checkpoints import Checkpoints
        from deepdepth_jax.training.state import TrainState
        add = jax.pmap(lambda x: jax.lax.psum(x, "all"), axis_name="all")
        state = TrainState(np.int32(1), {{"w": np.ones(3)}}, {{}}, {{}}, np.int32(0))
        folder = pathlib.Path("{tmp_path}")
        with Checkpoints(folder, keep=1, best_metric="abs_rel") as checkpoints:
            checkpoints.save(parallel.replicate(state))
            if me == 1:
                raise UserError("a broken image")
            add(np.ones((1, 5))).block_until_ready()
        """
    does = python_lines(tmp_path, does)
    begun = time.monotonic()
    code, group = run(tmp_path, "launch/local.sh", 2, "c", does=does)
    assert code == 2
    assert group.err == "error: a broken image\n"
    assert time.monotonic() - begun < 60


def test_all_see_which_checkpoint_is_the_best_once_it_is_scored(tmp_path):
    """Also if the first process, which writes the score, is slow."""
    does = f"""
        import time
        from deepdepth_jax.runtime.checkpoints import Checkpoints
        from deepdepth_jax.training.state import TrainState
        folder = pathlib.Path("{tmp_path}", "run")
        with Checkpoints(folder, keep=2, best_metric="abs_rel") as checkpoints:
            slowly = checkpoints._folder.add_note
            def add_note(*arguments):
                time.sleep(1)
                slowly(*arguments)
            checkpoints._folder.add_note = add_note
            for step, abs_rel in ((1, 0.3), (2, 0.2)):
                numbers = {{"w": np.ones(3)}}
                state = TrainState(np.int32(step), numbers, {{}}, {{}}, np.int32(0))
                checkpoints.save(parallel.replicate(state))
                checkpoints.score(step, {{"abs_rel": abs_rel}})
            best = checkpoints.find("best")
            checkpoints.calibrate(best, {{"temperature": 1.5}})
            pathlib.Path("{tmp_path}", f"best.{{me}}").write_text(
                f"{{best}} {{checkpoints.temperatures(best)}}"
            )
        """
    does = python_lines(tmp_path, does)
    code, group = run(tmp_path, "launch/local.sh", 2, "c", does=does)
    assert code == 0, group.err
    assert [(tmp_path / f"best.{me}").read_text() for me in (0, 1)] == [
        "2 {'temperature': 1.5}"
    ] * 2


def test_a_process_that_falls_silent_ends_the_others_by_its_number(tmp_path):
    assert processes.HEARTBEAT_TIMEOUT_S < 60
    does = python_lines(tmp_path, "if me == 1: os.kill(os.getpid(), signal.SIGSTOP)")
    begun = time.monotonic()
    code, group = run(tmp_path, "launch/local.sh", 2, "c", does=does)
    assert code == 128 + signal.SIGABRT
    assert "unhealthy (stopped sending heartbeats):\n1\n" in group.err
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"JAX_COORDINATOR_ADDRESS": "here:1"}, "JAX_NUM_PROCESSES is not"),
        ({"JAX_PROCESS_ID": "0"}, "JAX_NUM_PROCESSES is not"),
        ({"JAX_NUM_PROCESSES": "two"}, "JAX_NUM_PROCESSES='two'"),
        ({"JAX_NUM_PROCESSES": "2"}, "JAX_PROCESS_ID=''"),
        ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "-1"}, "JAX_PROCESS_ID='-1'"),
        ({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "2"}, "JAX_PROCESS_ID=2"),
        ({"SLURM_STEP_NUM_TASKS": "2"}, "SLURM_PROCID=''"),
    ],
    ids=str,
)
def test_a_wrong_environment_is_refused_by_its_variable(environment, says, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=says) as error:
        processes.join_processes()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "index", "says"),
    [
        ("here", 0, "HOST:PORT"),
        (":1234", 0, "HOST:PORT"),
        ("here:99999", 0, "HOST:PORT"),
        ("localhost:{taken}", 0, "cannot listen there .* choose another port"),
        ("localhost:{free}", 1, "no answer"),
    ],
)
def test_an_address_that_does_not_work_is_refused(address, index, says, monkeypatch):
    monkeypatch.setattr(processes, "JOIN_TIMEOUT_S", 0)
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    monkeypatch.setenv("JAX_PROCESS_ID", str(index))
    with socket.create_server(("", 0)) as taken, socket.socket() as free:
        free.bind(("", 0))  # and does not listen
        ports = {"taken": taken.getsockname()[1], "free": free.getsockname()[1]}
        monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", address.format(**ports))
        with pytest.raises(UserError, match=says) as error:
            processes.join_processes()
    assert "\n" not in str(error.value)


def test_one_process_need_not_be_joined(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")  # as in a batch script
    processes.join_processes()
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    processes.join_processes()
    assert not jax.distributed.is_initialized()
