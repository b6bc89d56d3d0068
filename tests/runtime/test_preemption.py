"""Signals that ask a process to stop; trainings are stopped in test_kills.py."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from deepdepth_jax.errors import PreemptedError
from deepdepth_jax.runtime.preemption import PreemptionNotice

SIGNALS = {
    signal.SIGTERM: ("preempted", 75),
    signal.SIGINT: ("interrupted", 130),
    signal.SIGHUP: ("the terminal was closed", 129),
}
RUN = """
import itertools, signal, time
from deepdepth_jax.runtime import cli
from deepdepth_jax.runtime.preemption import PreemptionNotice

def main(argv):
    with PreemptionNotice() as notice, notice.postponed():
        print("begun", flush=True)
        for step in itertools.count(1):
            {work}
            if notice.stops_after(step):
                raise notice.error("saved")

cli.run(main)
"""


@contextlib.contextmanager
def taking_steps(work, *before):
    """Starts a process that takes steps until it is stopped."""
    with subprocess.Popen(
        [*before, sys.executable, "-c", RUN.format(work=work)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "begun\n"
        yield process


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
def test_a_signal_is_heard_after_the_step(signum):
    reason, code = SIGNALS[signum]
    with taking_steps("time.sleep(0.2)") as process:
        process.send_signal(signum)
        said = process.stderr.read()
    assert process.returncode == code
    assert said.splitlines()[-1] == f"{reason}: saved"
    assert "Traceback" not in said


def test_a_second_ctrl_c_does_not_wait_for_the_step():
    # Not one long sleep: Python would hear a signal after it that comes between the
    # handler of the first one and the rest of the sleep.
    with taking_steps("[time.sleep(0.1) for _ in range(6000)]") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "\n"
        assert "Ctrl-C again stops at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "interrupted\n"
    assert process.returncode == 130


def test_signals_that_are_ignored_stay_ignored():
    """SIGHUP under `nohup`, and SIGINT in what a script starts in the background."""
    ignoring = ("bash", "-c", 'trap "" HUP INT; exec "$@"', "bash")
    work = "print(step, flush=True); time.sleep(0.1)"
    with taking_steps(work, *ignoring) as process:
        for signum in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(signum)
        for _ in range(4):
            assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == "preempted: saved\n"
    assert process.returncode == 75


@pytest.mark.parametrize("signum", SIGNALS, ids=lambda signum: signum.name)
def test_where_nothing_is_postponed_the_error_comes_at_once(signum):
    before = signal.getsignal(signum)
    reason, _ = SIGNALS[signum]
    with (
        pytest.raises(PreemptedError, match=f"{reason}: .* to resume") as raised,
        PreemptionNotice(),
    ):
        os.kill(os.getpid(), signum)
    assert raised.value.signum == signum
    assert signal.getsignal(signum) == before
