"""Training that is killed, or runs out of room, goes on as if nothing had been."""

import shutil
import subprocess
import sys

from kill_harness import assert_same_outcome, kill_while_training
from tiny_runs import arguments

from deepdepth_jax.main import main

SMALL_FILES_ONLY = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
runpy.run_module("deepdepth_jax.main", run_name="__main__")
"""


def test_a_run_that_is_killed_ends_with_the_same_bits(trained, tmp_path):
    kill_while_training(tmp_path, 2, seed=1)
    main(arguments(tmp_path))
    assert_same_outcome(tmp_path, trained)


def test_a_run_without_room_for_a_checkpoint_says_so_and_goes_on_later(
    trained, tmp_path
):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    checkpoints = tmp_path / "run" / "checkpoints"
    shutil.rmtree(checkpoints / "4")
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES_ONLY, *arguments(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    said = [line for line in lines if line and "train:" not in line]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"error: {checkpoints}: no room for a checkpoint (EFBIG)")
    assert "MB are free" in said[0]
    assert said[0].endswith("step 3 is saved")
    assert not list(checkpoints.glob("*4*"))
    main(arguments(tmp_path))
    assert_same_outcome(tmp_path, trained)
