"""Two trainings on one folder: the second is refused, and the first loses nothing."""

import contextlib
import shutil
import subprocess
import sys

import pytest
from process_harness import run
from tiny_runs import arguments

from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main

HOLD = """
import sys
from pathlib import Path
from deepdepth_jax.runtime.workdir import held

with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held_by_another_process(workdir):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, workdir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_training_is_refused_until_the_first_is_dead(
    trained, tmp_path, capsys
):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    workdir = tmp_path / "run"
    command = arguments(tmp_path)
    says = f"{workdir}: another process is training there"
    with held_by_another_process(workdir) as first:
        before = contents(workdir)
        with pytest.raises(UserError, match=says) as error:
            main(command)
        assert "\n" not in str(error.value)
        assert contents(workdir) == before
        first.kill()
        first.wait()
        main(command)
    assert "results:" in capsys.readouterr().out


def test_of_several_processes_the_first_finds_out(tmp_path):
    config, *others = arguments(tmp_path)
    command = ["launch/local.sh", 2, config.removeprefix("--config="), *others]
    with held_by_another_process(tmp_path / "run"):
        before = contents(tmp_path / "run")
        code, group = run(tmp_path / "said", *command, devices=2)
        assert contents(tmp_path / "run") == before
    assert code == 2
    assert group.err.count("\n") == 1
    assert group.err.startswith(f"error: {tmp_path}/run: another process is training")
