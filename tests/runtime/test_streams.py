"""What a command's process does when nobody reads what it prints."""

import os
import pty
import subprocess
import sys

import pytest

COMMAND = """
import os, sys
from pathlib import Path
from tqdm import tqdm
from deepdepth_jax.runtime import cli

def main(argv):
    sys.stdin.read()  # until whoever reads the output is gone
    for name in tqdm(range(100)):
        print("a line", flush=True)
    Path(argv[0]).write_text("done")

cli.run(main)
"""


def start(result, *options, **streams):
    return subprocess.Popen(
        [sys.executable, *options, "-c", COMMAND, result],
        stdin=subprocess.PIPE,
        **streams,
    )


@pytest.mark.parametrize("options", [(), ("-u",)], ids=str)
@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_work_is_finished_when_a_pipe_is_closed(tmp_path, closed, options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(tmp_path / "result", *options, **pipes)
    getattr(process, closed).close()
    process.stdin.close()
    other = process.stderr if closed == "stdout" else process.stdout
    said = other.read().decode()
    other.close()
    assert process.wait() == 0
    assert (tmp_path / "result").read_text() == "done"
    assert "Traceback" not in said
    assert said.count("a line") == (0 if closed == "stdout" else 100)


def test_work_is_finished_when_the_terminal_is_closed(tmp_path):
    ours, theirs = pty.openpty()
    process = start(tmp_path / "result", stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.close(ours)
    process.stdin.close()
    assert process.wait() == 0
    assert (tmp_path / "result").read_text() == "done"


def test_a_command_may_be_started_without_streams(tmp_path):
    result = tmp_path / "result"
    command = [sys.executable, "-c", COMMAND, str(result)]
    subprocess.run(
        ["bash", "-c", '"$@" >&- 2>&-', "bash", *command],
        stdin=subprocess.DEVNULL,
        check=True,
    )
    assert result.read_text() == "done"


def test_letters_that_the_encoding_lacks_are_escaped():
    program = """
from deepdepth_jax.runtime import cli
cli.run(lambda argv: print("ä", chr(0xdcff)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\\xe4 \\udcff\n"
