"""The wheel in an environment of its own: all commands, from an empty folder."""

import email
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image
from sources import ROOT, copy_sources
from tiny_runs import OVERRIDES

import deepdepth_jax

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


def write_image(path):
    """Writes an image of the size that tiny runs have compiled programs for."""
    size = OVERRIDES["data.streets.width"], OVERRIDES["data.streets.height"]
    Image.new("RGB", size).save(path)
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    copy_sources(folder)
    return build(folder)


def read_metadata(wheel):
    with zipfile.ZipFile(wheel) as file:
        [name] = [x for x in file.namelist() if x.endswith(".dist-info/METADATA")]
        return email.message_from_string(file.read(name).decode())


def build(folder):
    """Builds a wheel of sources. Returns its path."""
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", *OFFLINE]
    call(*pip, ".", f"--wheel-dir={folder / 'dist'}", folder=folder)
    [path] = (folder / "dist").iterdir()
    return path


def install(wheel, folder):
    """Makes an environment that holds the wheel. Returns its folder of packages."""
    call(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    pip = [sys.executable, "-m", "pip", f"--python={folder}", "install", *OFFLINE]
    call(*pip, "--force-reinstall", wheel, folder=folder)
    [packages] = folder.glob("lib/python*/site-packages")
    return packages


@pytest.fixture(scope="module")
def bin_folder(wheel, tmp_path_factory):
    """An environment that borrows all installed dependencies and holds the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    packages = install(wheel, folder)
    # Of the borrowed folder no .pth is read: an editable installation stays hidden.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def required(distribution, extras=()):
    """Yields what a distribution requires here, and what that requires."""
    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": x}) for x in ("", *extras)):
            continue
        other = metadata.distribution(requirement.name)
        yield other
        yield from required(other, requirement.extras)


@pytest.fixture(scope="module")
def base_bin_folder(wheel, tmp_path_factory):
    """An environment with the wheel and what it requires without extras."""
    folder = tmp_path_factory.mktemp("base")
    packages = install(wheel, folder)
    [own] = metadata.distributions(name="deepdepth-jax", path=[str(packages)])
    for distribution in {each.name: each for each in required(own)}.values():
        for top in {file.parts[0] for file in distribution.files} - {"..", "bin"}:
            link = packages / top
            if not link.exists():
                link.symlink_to(distribution.locate_file(top))
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


def test_a_wheel_without_the_repository_s_address_cannot_be_uploaded(wheel, tmp_path):
    metadata = read_metadata(wheel)
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier")
    assert "Project-URL" not in metadata
    copy_sources(tmp_path, "Makefile")
    said = call("make", "release", folder=tmp_path, code=2)
    assert said.startswith("error: pyproject.toml: tool.deepdepth_jax.repository must")
    assert not (tmp_path / "dist").exists()


def test_links_are_absolute_once_the_address_is_known(wheel, tmp_path):
    address = "https://example.org/someone/depth"
    copy_sources(tmp_path)
    path = tmp_path / "pyproject.toml"
    unset = 'repository = ""'
    assert unset in path.read_text()
    path.write_text(path.read_text().replace(unset, f'repository = "{address}/"'))
    metadata, without = read_metadata(build(tmp_path)), read_metadata(wheel)
    classifiers = metadata.get_all("Classifier")
    assert [*classifiers, "Private :: Do Not Upload"] == without.get_all("Classifier")
    assert f"Homepage, {address}" in metadata.get_all("Project-URL")
    assert metadata["Description-Content-Type"] == "text/markdown"
    text, before = metadata.get_payload(), without.get_payload()
    assert before == (ROOT / "README.md").read_text()
    tag = f"v{deepdepth_jax.__version__}"
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == len(re.findall(r"\]\(([^)]+)\)", before)) > 40
    for link in links:
        assert link.startswith(("https://", "#")), link
        found = re.fullmatch(rf"{address}/(blob|raw)/{tag}/([^#]+)(#.+)?", link)
        if found:
            assert (ROOT / found[2]).is_file()
            assert (found[1] == "raw") == link.endswith(".png")
    assert f"{address}/blob/{tag}/docs/data.md#focal-lengths" in links


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
    overrides = {x: y for x, y in OVERRIDES.items() if x != "data.prepared_dir"}
    fields = [f"--config.{field}={value}" for field, value in overrides.items()]
    deepdepth("train", "--config=streets", *fields)
    assert (tmp_path / "runs" / "prepared").is_dir()
    run = tmp_path / "runs" / "streets"
    assert json.loads((run / "eval.json").read_text())["protocol"]["images"] == 3
    deepdepth("evaluate", "--workdir=runs/streets", "--config.eval.figures=0")
    image = write_image(tmp_path / "test.png")
    deepdepth("predict", "--workdir=runs/streets", f"--input={image}", "--output=out")
    assert (tmp_path / "out" / "test_depth.png").exists()
    deepdepth(
        "export", "--workdir=runs/streets", "--format=onnx", "--output=depth.onnx"
    )
    assert (tmp_path / "depth.onnx").stat().st_size > 0
    said = deepdepth("train", "--config=street", code=2)
    names = ", ".join(sorted(path.stem for path in (ROOT / "configs").glob("*.py")))
    assert f"no config of that name; name a file or one of {names}\n" in said
    assert "invalid choice: 'trian'" in deepdepth("trian", code=2)


def test_the_base_predicts_converts_and_exports(base_bin_folder, trained, tmp_path):
    def deepdepth(*arguments, code=0):
        command = base_bin_folder / "deepdepth"
        return call(command, *arguments, folder=tmp_path, code=code)

    hidden = ["tensorflow", "tensorflow_datasets", "tensorboard", "pytest"]
    program = (
        f"from importlib.util import find_spec; any(map(find_spec, {hidden})) and 1/0"
    )
    call(base_bin_folder / "python", "-c", program, folder=tmp_path)
    run, image = trained / "run", write_image(tmp_path / "test.png")
    deepdepth("convert", f"--input={run}", "--output=depth.safetensors")
    deepdepth(
        "predict", "--weights=depth.safetensors", f"--input={image}", "--output=out"
    )
    assert (tmp_path / "out" / "test_depth.png").exists()
    deepdepth("export", f"--workdir={run}", "--format=stablehlo", "--output=d.bin")
    assert (tmp_path / "d.bin").stat().st_size > 0
    said = deepdepth("train", "--config=streets", code=2)
    assert said.startswith("error: training and evaluation need the extra train (")
    assert "deepdepth-jax[train] @ file://" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()
