"""The wheel in an environment of its own: all commands, from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tiny_runs import OVERRIDES

import deepdepth_jax

ROOT = Path(__file__).parent.parent
SOURCES = ("deepdepth_jax", "configs", "pyproject.toml", "setup.py", "README.md")
OFFLINE = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")


def call(*command, folder, code=0):
    """Runs a command as its user does, who has no sources."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    for name in (*SOURCES, "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", *OFFLINE]
    call(*pip, ".", f"--wheel-dir={folder / 'dist'}", folder=folder)
    [path] = (folder / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def bin_folder(wheel, tmp_path_factory):
    """An environment that borrows the installed dependencies and holds the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    call(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    [packages] = folder.glob("lib/python*/site-packages")
    # Of the borrowed folder no .pth is read: an editable installation stays hidden.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", f"--python={folder}", "install", *OFFLINE]
    call(*pip, "--force-reinstall", wheel, folder=folder)
    return folder / "bin"


def test_the_wheel_holds_the_configs_and_what_the_page_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for config in (ROOT / "configs").glob("*.py"):
        assert f"deepdepth_jax/configs/{config.name}" in names
    for file in (ROOT / "deepdepth_jax").rglob("*"):
        if file.is_file() and file.suffix not in (".pyc",):
            assert file.relative_to(ROOT).as_posix() in names
    assert not [n for n in names if not n.startswith("deepdepth_jax")]
    assert f"deepdepth_jax-{deepdepth_jax.__version__}-" in wheel.name


def test_the_console_command_works_from_an_empty_folder(bin_folder, tmp_path):
    def deepdepth(*arguments, code=0):
        return call(bin_folder / "deepdepth", *arguments, folder=tmp_path, code=code)

    said = call(
        bin_folder / "python",
        "-c",
        "import deepdepth_jax as d; print(d.__version__, d.__file__)",
        folder=tmp_path,
    )
    version, path = said.split()
    assert version == deepdepth_jax.__version__ == deepdepth("--version").strip()
    assert Path(path).is_relative_to(bin_folder.parent)
    fields = [f"--config.{field}={value}" for field, value in OVERRIDES.items()]
    deepdepth("train", "--config=streets", *fields)
    run = tmp_path / "runs" / "streets"
    assert json.loads((run / "eval.json").read_text())["protocol"]["images"] == 3
    deepdepth("evaluate", "--workdir=runs/streets", "--config.eval.figures=0")
    image = run / "figures" / "test.png"
    deepdepth("predict", "--workdir=runs/streets", f"--input={image}", "--output=out")
    assert (tmp_path / "out" / "test_depth.png").exists()
    deepdepth(
        "export", "--workdir=runs/streets", "--format=onnx", "--output=depth.onnx"
    )
    assert (tmp_path / "depth.onnx").stat().st_size > 0
    said = deepdepth("train", "--config=street", code=2)
    assert "no config of that name; name a file or one of kitti, " in said
    assert "invalid choice: 'trian'" in deepdepth("trian", code=2)
