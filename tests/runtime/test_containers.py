"""What `launch/` has for containers: the steps of the image, and the JobSet."""

import os
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from sources import copy_sources

import deepdepth_jax
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main
from deepdepth_jax.runtime.cli import MISTAKE

DOCKERFILE = Path("launch/Dockerfile").read_text()
NO_DOWNLOAD = ("--config.model.pretrained=", "--config.model.norm=trained")
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}


def instructions(name):
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


def environment(folder):
    return os.environ | OFFLINE | {"PYTHONPATH": sysconfig.get_path("purelib")}


def test_the_image_s_steps_install_the_command(tmp_path):
    """All but the download of the dependencies, which the environment borrows."""
    [copied], [step], [entry] = map(instructions, ("COPY", "RUN", "ENTRYPOINT"))
    source, opt = tmp_path / "source", tmp_path / "deepdepth"
    assert copied == ". /source"
    copy_sources(source, "launch", "requirements.lock")
    step = step.replace("/source", str(source)).replace("/opt/deepdepth", str(opt))
    [extras] = instructions("ARG")
    assert extras.startswith("EXTRAS=")
    subprocess.run(
        ["bash", "-c", f"set -e; {extras}; {step}"], env=environment(opt), check=True
    )
    assert not source.exists()
    [path] = [x for x in instructions("ENV") if x.startswith("PATH=")]
    assert path == 'PATH="/opt/deepdepth/bin:$PATH"'
    command = opt / "bin" / entry.strip('["]')
    said = subprocess.check_output(
        [command, "--version"], cwd=tmp_path, env=environment(opt), text=True
    )
    assert said.strip() == deepdepth_jax.__version__
    locked = Path("requirements.lock").read_text()
    constraints = (opt / "constraints.txt").read_text().splitlines()
    assert len(constraints) == len(re.findall(r"^\S+==", locked, re.MULTILINE))
    assert not [line for line in constraints if "hash" in line or "\\" in line]


@pytest.fixture(scope="module")
def jobset():
    return yaml.safe_load(Path("launch/jobset.yaml").read_text())


def test_the_jobset_s_processes_find_each_other(jobset):
    [workers] = jobset["spec"]["replicatedJobs"]
    job = workers["template"]["spec"]
    [container] = job["template"]["spec"]["containers"]
    values = {one["name"]: one.get("value") for one in container["env"]}
    count = int(values["JAX_NUM_PROCESSES"])
    assert job["parallelism"] == job["completions"] == count
    assert job["completionMode"] == "Indexed"
    [port] = container["ports"]
    name = jobset["metadata"]["name"]
    first = f"{name}-{workers['name']}-0-0.{name}:{port['containerPort']}"
    assert values["JAX_COORDINATOR_ADDRESS"] == first
    assert values.keys() >= {"JAX_PROCESS_ID", "JAX_PLATFORMS"}


def test_a_mistake_ends_the_jobset_and_anything_else_starts_it_again(jobset):
    [workers] = jobset["spec"]["replicatedJobs"]
    job = workers["template"]["spec"]
    [rule] = job["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"]["values"] == [MISTAKE]
    assert job["backoffLimit"] == 0
    policy = jobset["spec"]["failurePolicy"]
    assert policy["maxRestarts"] > 0
    assert policy["rules"][0]["action"] == "FailJobSet"
    assert policy["rules"][0]["onJobFailureReasons"] == ["PodFailurePolicy"]


def test_the_jobset_s_command_is_the_command(jobset, tmp_path):
    """It gets as far as to the data, which is not there."""
    [workers] = jobset["spec"]["replicatedJobs"]
    pod = workers["template"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    command, *arguments = container["args"]
    assert command == "train"
    assert "command" not in container  # the image's own
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert {one["name"] for one in pod["volumes"]} == mounts.keys()
    text = shlex.join(arguments)
    assert mounts["data"] in text
    assert mounts["runs"] in text
    text = text.replace(mounts["data"], str(tmp_path)).replace(
        mounts["runs"], str(tmp_path / "runs")
    )
    with pytest.raises(UserError, match=rf"{tmp_path}/kitti"):
        main([*shlex.split(text), *NO_DOWNLOAD])
