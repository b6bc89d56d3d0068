"""What the documents tell users to type exists."""

import importlib.util
import re
from pathlib import Path

import pytest

import deepdepth_jax
from deepdepth_jax.config import load_config, override

DOCUMENTS = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
MAKE_TARGETS = re.findall(r"^([a-z-]+):", Path("Makefile").read_text(), re.MULTILINE)


def commands(path):
    """Finds the commands in code, lines that go on with a backslash joined."""
    text = path.read_text().replace("\\\n", " ")
    return re.findall(r"python -m [^`\n|]+", text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_commands_are_there(path):
    for command in commands(path):
        _, _, module, *arguments = command.split()
        assert importlib.util.find_spec(module), command
        named = [a for a in arguments if a.startswith("--config=configs/")]
        config = load_config(
            named[0].partition("=")[2] if named else "configs/kitti.py"
        )
        overrides = [
            argument.replace("'", "")
            for argument in arguments
            if argument.startswith("--config.") and "<" not in argument
        ]
        override(config, overrides)


@pytest.mark.parametrize("path", [*DOCUMENTS, Path(".ci/run")], ids=str)
def test_make_targets_are_there(path):
    mentioned = re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE)
    assert set(mentioned) <= set(MAKE_TARGETS)


def test_ci_runs_what_the_readme_says_tests_everything():
    assert re.search(r"^make test$", Path(".ci/run").read_text(), re.MULTILINE)
    assert "make test " in Path("README.md").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_and_images_are_there(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_citation_names_the_version():
    lines = Path("CITATION.cff").read_text().splitlines()
    assert f"version: {deepdepth_jax.__version__}" in lines
