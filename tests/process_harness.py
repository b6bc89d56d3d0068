"""Starts launchers and what they launch, and leaves nothing of it behind."""

import contextlib
import dataclasses
import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TIMEOUT_S = 300.0
ONE_OF_SEVERAL = """
import itertools, os, pathlib, signal
import jax, numpy as np
from jax.experimental import multihost_utils
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime import parallel
from deepdepth_jax.runtime import preemption
from deepdepth_jax.runtime import processes
from deepdepth_jax.errors import PreemptedError, UserError
processes.HEARTBEAT_TIMEOUT_S = 6

def main(argv):
    processes.join_processes()
    me = jax.process_index()
    with processes.failing_together():
{does}
        multihost_utils.sync_global_devices("the end")

cli.run(main)
"""


@dataclasses.dataclass
class Launched:
    """What a launcher has started, and what it says into files of a folder."""

    launcher: subprocess.Popen
    folder: Path

    def end(self) -> int:
        return self.launcher.wait(TIMEOUT_S)

    @property
    def out(self) -> str:
        return (self.folder / "out.txt").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err.txt").read_text()

    def process_id(self, index: int) -> int:
        """Gives the id of a process, once it has started."""
        path = self.folder / f"id.{index}"
        self.wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
        return int(path.read_text())

    def wait_until(self, has_come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not has_come():
            assert self.launcher.poll() is None, f"ended early:\n{self.err[-4000:]}"
            assert time.monotonic() < deadline, f"stands still:\n{self.err[-4000:]}"
            time.sleep(0.01)


@contextlib.contextmanager
def launched(
    folder: Path, *command: object, does: str = "", devices: int = 1, **environment: str
) -> Iterator[Launched]:
    """Starts a launcher in a folder's name; kills at the end what it has left behind.

    Args:
      folder: for what it says.
      command: the launcher and its arguments.
      does: in place of the program, in the language of the shell, where `python` is
        what the arguments of Python follow.
      devices: of each process.
      environment: for it, besides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "python"
    python.write_text(
        "#!/usr/bin/env bash\n"
        f'python() {{ exec {shlex.quote(sys.executable)} "$@"; }}\n'
        '[[ $1 == -m ]] || python "$@"\n'
        f"echo $$ >{shlex.quote(str(folder))}/id.$JAX_PROCESS_ID\n"
        f'{does or "python "}"$@"\n'
    )
    python.chmod(0o755)
    with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
        launcher = subprocess.Popen(
            list(map(str, command)),
            env=dict(os.environ, PYTHON=str(python), **xla(devices), **environment),
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield Launched(launcher, folder)
    finally:
        is_left = kill_group(launcher.pid)
        launcher.wait(TIMEOUT_S)
    assert not is_left, "the launcher has left processes behind"


def xla(devices: int) -> dict[str, str]:
    """Gives the environment of a process that compiles fast, for so many devices."""
    return {
        "XLA_FLAGS": os.environ["XLA_FLAGS"].replace("count=4", f"count={devices}"),
        "JAX_COMPILATION_CACHE_DIR": os.environ["JAX_COMPILATION_CACHE_DIR"] + "-there",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def kill_group(group: int) -> bool:
    """Kills all processes of a session; tells whether there were any."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def run(folder: Path, *command: object, **options) -> tuple[int, Launched]:
    """Runs a launcher to its end; gives its exit code, and what it said."""
    with launched(folder, *command, **options) as group:
        return group.end(), group


def python_lines(folder: Path, does: str) -> str:
    """Makes processes join, do this, and wait for each other."""
    path = folder / "one_of_several.py"
    does = textwrap.indent(textwrap.dedent(does), " " * 8)
    path.write_text(ONE_OF_SEVERAL.format(does=does))
    return f"python {shlex.quote(str(path))} "
