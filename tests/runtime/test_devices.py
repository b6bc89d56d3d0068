"""Variables of the environment by which JAX cannot start: one line, and code 2."""

import os
import subprocess
import sys

import pytest

OURS = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")


def refused(module, *arguments, **variables):
    """Runs a command that must be refused in one line, and returns the line."""
    environment = {key: x for key, x in os.environ.items() if key not in OURS}
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment | {"CUDA_VISIBLE_DEVICES": ""} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("JAX_PLATFORMS", "cuda", "no such device here"),
        ("JAX_PLATFORMS", "cuda,cpu", "no such device here"),
        ("JAX_PLATFORMS", "gpu", "name cuda or rocm instead of gpu"),
        ("JAX_PLATFORMS", "nothing", "no such device here"),
        ("JAX_PLATFORM_NAME", "gpu", "no such device here"),
        ("JAX_TRACEBACK_FILTERING", "nothing", "jax_traceback_filtering"),
    ],
)
def test_training_is_refused(tmp_path, name, value, says):
    run = tmp_path / "run"
    arguments = ("--config=configs/streets.py", f"--workdir={run}")
    said = refused("deepdepth_jax.main", *arguments, **{name: value})
    assert says in said
    if name != "JAX_TRACEBACK_FILTERING":
        assert said.startswith(f"error: {name}={value}: ")
    assert not run.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "--workdir={0}", "--input={0}", "--output={0}/out"),
        ("export", "--workdir={0}", "--format=onnx", "--output={0}/a.onnx"),
        ("check_data", "--config=configs/streets.py"),
        ("datasets.streets.export", "--layout=kitti", "--output={0}/kitti"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_is_refused(tmp_path, command):
    name, *arguments = (part.format(tmp_path) for part in command)
    said = refused(f"deepdepth_jax.{name}", *arguments, JAX_PLATFORMS="cuda")
    assert said.startswith("error: JAX_PLATFORMS=cuda: no such device here")
    assert not list(tmp_path.iterdir())
