"""The findings, their table and the places that point to them are in step.

The findings themselves need the network, so `make findings` runs them and no test does.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

FOLDER = Path("findings")
SCRIPTS = sorted(FOLDER.glob("*.sh"))
README = (FOLDER / "README.md").read_text()
ROWS = re.findall(r"^\| \[(\w+)\]\((\S+)\) \| (.+) \| (.+) \|$", README, re.MULTILINE)
MENTION = re.compile(r"findings/(\w+)(?:\.sh)?\b")
STATES = {0: "as recorded", 1: "CHANGED", 2: "not repeated, packages are missing"}


def packages_of(script):
    """Returns the pinned packages that a finding installs."""
    text = script.read_text()
    assert "\nfolder=$(mktemp -d)\ntrap 'rm -rf \"$folder\"' EXIT\n" in text
    [line] = re.findall(r'^"\$folder/venv/bin/pip" install (.*(?:\n  .*)*)', text, re.M)
    return re.findall(r'"([\w-]+)==([\w.]+)"', line)


def test_the_table_lists_the_folder():
    assert [name for name, *_ in ROWS] == [script.stem for script in SCRIPTS]
    for name, link, packages, _ in ROWS:
        assert link == f"{name}.sh"
        pinned = [" ".join(package) for package in packages_of(FOLDER / link)]
        assert packages == ", ".join(pinned)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_header_has_the_behaviour_the_guess_and_the_versions(script):
    lines = script.read_text().splitlines()
    header = " ".join(
        x.lstrip("# ") for x in lines[: lines.index("", 1)] if x[0] == "#"
    )
    behaviour, guess, versions = re.split("One would guess: |Seen with ", header)
    assert behaviour and guess and "Exits with 1 if it changes" in versions
    for name, version in packages_of(script)[:1]:
        assert f"{name} {version}" in versions
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_whoever_points_to_a_finding_points_to_one():
    known = {script.stem for script in SCRIPTS} | {"README", "repeat"}
    for path in [*Path("docs").glob("*.md"), *Path("deepdepth_jax").rglob("*.py")]:
        named = set(MENTION.findall(path.read_text()))
        assert named <= known, path


@pytest.mark.parametrize(
    ("codes", "status"), [([0], 0), ([0, 1], 1), ([2, 0], 2), ([2, 1], 1), ([1, 2], 1)]
)
def test_repeating_says_which_have_changed(codes, status, tmp_path):
    (tmp_path / "repeat.bash").write_bytes((FOLDER / "repeat.bash").read_bytes())
    for index, code in enumerate(codes):
        (tmp_path / f"f{index}.sh").write_text(f"echo seen {index}; exit {code}")
    command = ["bash", tmp_path / "repeat.bash"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    assert found.returncode == status
    expected = [
        line
        for index, code in enumerate(codes)
        for line in (f"{STATES[code]}: f{index}", f"    seen {index}")
    ]
    assert found.stdout.splitlines() == expected
