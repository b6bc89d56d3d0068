"""The scripts of `launch/`: what they start, pass on, and end with."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from process_harness import launched, python_lines, run

SCRIPTS = ["launch/gpu.sh", "launch/local.sh", "launch/slurm.sbatch"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_launcher_is_sound_and_says_how_it_is_used(script, tmp_path):
    subprocess.run(["bash", "-n", script], check=True)
    code, group = run(tmp_path, "bash", script)
    assert code == 2
    assert group.err.startswith("usage: ")
    assert script in group.err
    assert group.err.count("\n") == 1


@pytest.mark.parametrize("count", ["0", "two", "-1"])
def test_a_number_of_processes_that_is_none_is_refused(count, tmp_path):
    code, group = run(tmp_path, "launch/local.sh", count, "c")
    assert code == 2
    assert group.err.startswith("usage: ")


def test_local_gives_each_process_its_number_and_the_arguments(tmp_path):
    does = 'printf "%s|" $JAX_PROCESS_ID $JAX_NUM_PROCESSES $JAX_LOCAL_DEVICE_IDS '
    code, group = run(tmp_path, "launch/local.sh", 2, "a b.py", "--c=d  e", does=does)
    assert code == 0
    for index in (0, 1):
        given = f"{index}|2|{index}|-m|deepdepth_jax.main|--config=a b.py|--c=d  e|"
        assert given in group.out


def test_gpu_passes_arguments_and_refuses_to_train_without_a_gpu(tmp_path):
    does = 'printf "%s|" $JAX_PLATFORMS '
    code, group = run(tmp_path, "launch/gpu.sh", "a b.py", "--c=d  e", does=does)
    assert code == 0
    assert group.out == "cuda,cpu|-m|deepdepth_jax.main|--config=a b.py|--c=d  e|"
    run_folder = tmp_path / "run"
    code, group = run(
        tmp_path,
        "launch/gpu.sh",
        "configs/streets.py",
        f"--workdir={run_folder}",
        CUDA_VISIBLE_DEVICES="",
    )
    assert code == 2
    assert group.err.startswith("error: JAX_PLATFORMS=cuda,cpu: no such device here")
    assert group.err.count("\n") == 1
    assert not run_folder.exists()


WAITS = "exec tail -f /dev/null"
AWAITS_SIGTERM = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
print("got it", flush=True)
sys.exit(75)
"""


@pytest.mark.parametrize(
    ("ends", "code", "says"),
    [
        ("exit 3", 3, ""),
        ("kill -KILL $$", 137, "process 1 of 3: killed by SIGKILL\n"),
    ],
)
def test_local_ends_with_the_first_that_fails(ends, code, says, tmp_path):
    does = f"((JAX_PROCESS_ID == 1)) && {ends}; {WAITS}; : "
    ended, group = run(tmp_path, "launch/local.sh", 3, "c", does=does)
    assert ended == code
    assert says in group.err


def test_local_waits_for_all_that_do_not_fail(tmp_path):
    last = tmp_path / "last"
    does = (
        f"if ((JAX_PROCESS_ID)); then while [[ ! -e {last} ]]; do sleep 0.01; done; "
        f"echo all; fi; touch {last}; : "
    )
    code, group = run(tmp_path, "launch/local.sh", 2, "c", does=does)
    assert code == 0
    assert group.out == "all\n"


@pytest.mark.parametrize("send", [os.kill, os.killpg])
@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
)
def test_local_has_all_save_when_it_is_stopped(send, signum, code, tmp_path):
    does = f"python -c {shlex.quote(AWAITS_SIGTERM)} "
    with launched(tmp_path, "launch/local.sh", 2, "c", does=does) as group:
        group.wait_until(lambda: group.out.count("ready") == 2)
        send(group.launcher.pid, signum)
        assert group.end() == code
    assert group.out.count("got it") == 2


def test_local_does_not_wait_after_a_second_ctrl_c(tmp_path):
    script = tmp_path / "ignores.py"
    script.write_text(AWAITS_SIGTERM.replace("sys.exit(75)", "signal.pause()"))
    does = f"python {shlex.quote(str(script))} "
    with launched(tmp_path, "launch/local.sh", 2, "c", does=does) as group:
        group.wait_until(lambda: group.out.count("ready") == 2)
        os.kill(group.launcher.pid, signal.SIGINT)
        group.wait_until(lambda: group.launcher.poll() is None)
        group.wait_until(lambda: group.out.count("got it") == 2)
        assert group.launcher.poll() is None
        os.kill(group.launcher.pid, signal.SIGINT)
        assert group.end() == 130


def slurm(folder: Path, srun: str) -> dict[str, str]:
    """Makes a machine with SLURM, as far as a batch script sees it."""
    log = shlex.quote(str(folder / "scontrol.txt"))
    for name, does in {"srun": srun, "scontrol": f'echo "$@" >{log}'}.items():
        path = folder / name
        path.write_text(f"#!/usr/bin/env bash\n{does}\n")
        path.chmod(0o755)
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "4711",
        "SLURM_PROCID": "0",
        "SLURM_CPUS_PER_TASK": "6",
    }


@pytest.mark.parametrize(("code", "is_queued"), [(0, False), (1, False), (75, True)])
def test_slurm_queues_a_preempted_run_again(code, is_queued, tmp_path):
    """SIGTERM, which the script gets too, does not end it before its tasks."""
    environment = slurm(tmp_path, f'printf "%s|" "$@"; kill -TERM $PPID; exit {code}')
    ended, group = run(
        tmp_path, "bash", "launch/slurm.sbatch", "a b.py", "--c=d  e", **environment
    )
    assert ended == code
    assert group.out == (
        f"--kill-on-bad-exit=1|--cpus-per-task=6|{tmp_path}/python|"
        "-m|deepdepth_jax.main|--config=a b.py|--c=d  e|"
    )
    queued = tmp_path / "scontrol.txt"
    assert queued.exists() == is_queued
    if is_queued:
        assert queued.read_text() == "requeue 4711\n"


def test_tasks_of_slurm_find_each_other(tmp_path):
    """And gather their rows to the last bit, however many each has, and none.

    A state is then the first one's everywhere.
    """
    srun = """
    shift 2
    export SLURM_STEP_NUM_TASKS=2 SLURM_NTASKS=2 SLURM_STEP_NODELIST=localhost
    SLURM_PROCID=1 SLURM_LOCALID=1 "$@" & SLURM_PROCID=0 SLURM_LOCALID=0 "$@"
    wait $!"""
    does = """
        own = np.full((2 * me, 3), 1 / 3)
        print(parallel.gather_rows(own).tolist())
        state = np.asarray(parallel.replicate(np.full(2, me + 1, np.float32)))
        print(parallel.gather_rows(state.astype(float)[None]).tolist())
        """
    does = python_lines(tmp_path, does)
    # JAX makes the port of the number.
    environment = slurm(tmp_path, srun) | {"SLURM_JOB_ID": str(free_job_number())}
    code, group = run(
        tmp_path, "bash", "launch/slurm.sbatch", "c", does=does, **environment
    )
    assert code == 0, group.err
    said = [line for line in group.out.splitlines() if not line.startswith("[Gloo]")]
    assert said == [
        "2 processes, 2 devices",
        str([[1 / 3] * 3] * 2),
        str([[1.0, 1.0]] * 2),
    ]


def free_job_number() -> int:
    for port in range(2**16 - 2**12, 2**16):
        with contextlib.suppress(OSError):
            socket.create_server(("", port)).close()
            return port % 2**12
    raise AssertionError("no port is free")
