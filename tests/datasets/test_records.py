import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import pytest
from numbered import COUNT, Numbered, NumberedBuilder

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.records import changes, open_records
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.installation import install_command

PREPARE_IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from numbered import Numbered, NumberedBuilder
from deepdepth_jax.datasets.records import open_records
folder = Path(sys.argv[1])
open_records(NumberedBuilder, Numbered(gate=folder), folder)
"""


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*array_record*")}


def assert_complete(records):
    assert records.count == COUNT
    for index in range(COUNT):
        features = records.decode(records.read(index))
        expected = Numbered().read(index)
        assert features["name"].numpy().decode() == expected.name
        assert features["focal_px"].numpy() == expected.focal_px
        np.testing.assert_array_equal(features["image"], expected.image)
        np.testing.assert_array_equal(features["depth_m"], expected.depth_m)


@pytest.fixture
def preparing(tmp_path):
    """Another process that prepares, and is not done until the file `go` is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE_IN_ANOTHER_PROCESS, str(tmp_path)]
    )
    until((tmp_path / "reached").exists)
    yield process
    process.kill()
    process.wait()


def until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_temporary_folder_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert_complete(open_records(NumberedBuilder, Numbered(), tmp_path / "prepared"))
    assert not list((tmp_path / "temporary").iterdir())


def test_records_are_prepared_once(tmp_path, capsys):
    assert_complete(open_records(NumberedBuilder, Numbered(), tmp_path))
    assert f"prepares {COUNT} records in {tmp_path}" in capsys.readouterr().out
    before = files(tmp_path)
    assert before
    assert_complete(open_records(NumberedBuilder, Numbered(), tmp_path))
    assert files(tmp_path) == before
    assert capsys.readouterr().out == ""


def test_what_changed_is_said_and_prepared_anew(tmp_path, capsys):
    open_records(NumberedBuilder, Numbered(), tmp_path)
    capsys.readouterr()
    assert open_records(NumberedBuilder, Numbered(count=9), tmp_path).count == 9
    said = capsys.readouterr().out
    assert "2 files added: frame 7, frame 8" in said
    assert str(tmp_path / "numbered_builder" / SourceConfig.of(Numbered()).name) in said
    assert_complete(open_records(NumberedBuilder, Numbered(), tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", "3", "[" * 50_000])
def test_damaged_metadata_of_other_records_are_named(content, tmp_path):
    open_records(NumberedBuilder, Numbered(), tmp_path)
    [path] = tmp_path.rglob("metadata.json")
    path.write_text(content)
    with pytest.raises(UserError, match=rf"{path}: is damaged .*delete {tmp_path}"):
        open_records(NumberedBuilder, Numbered(count=9), tmp_path)


def test_a_killed_preparation_counts_for_nothing(tmp_path, preparing):
    preparing.send_signal(signal.SIGKILL)
    preparing.wait()
    assert list(tmp_path.rglob("incomplete.*"))
    assert_complete(open_records(NumberedBuilder, Numbered(), tmp_path))
    assert not list(tmp_path.rglob("incomplete.*"))


def test_of_two_processes_one_prepares_and_the_other_waits(tmp_path, preparing, capsys):
    class NotRead(Numbered):
        def read(self, index):
            raise AssertionError("the other process prepares")

    opened = []
    waiting = threading.Thread(
        target=lambda: opened.append(open_records(NumberedBuilder, NotRead(), tmp_path))
    )
    waiting.start()
    said = []
    until(
        lambda: said.append(capsys.readouterr().out) or "waiting for" in "".join(said)
    )
    assert waiting.is_alive()
    (tmp_path / "go").touch()
    waiting.join(timeout=120)
    assert preparing.wait() == 0
    assert_complete(opened[0])


def test_changes_are_told_by_field_and_by_file():
    before = {"camera": 2, "files": {"a": 1, "b": 2, "c": 3}, "same": [1]}
    after = {"camera": 3, "files": {"b": 2, "c": 4, "d": 5}, "same": [1], "new": 0}
    assert changes(before, after) == [
        "camera: 2 before, 3 now",
        "1 files added: d",
        "1 files gone: a",
        "1 files changed: c",
        "new: None before, 0 now",
    ]


def test_beam_that_is_not_installed_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)
    with pytest.raises(UserError, match=re.escape(install_command("beam"))):
        open_records(NumberedBuilder, Numbered(), tmp_path, "--runner=DirectRunner")
