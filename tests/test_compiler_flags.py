"""What XLA makes of a matrix product, in processes of their own."""

import os
import subprocess
import sys

import pytest

from deepdepth_jax.compiler_flags import YNNPACK

PROGRAM = """
from deepdepth_jax import cli

def main(argv):
    import jax
    import jax.numpy as jnp

    x = jnp.ones((64, 64))
    print(jax.jit(jnp.dot).lower(x, x).compile().as_text())

cli.run(main)
"""


def compiled(flags):
    environment = {
        key: value for key, value in os.environ.items() if key != "XLA_FLAGS"
    }
    if flags is not None:
        environment["XLA_FLAGS"] = flags
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("flags", [None, "--xla_cpu_enable_fast_math=false"])
def test_commands_leave_nothing_to_ynnpack(flags):
    assert "ynn" not in compiled(flags)


def test_unless_the_user_says_otherwise():
    assert "ynn" in compiled(f"{YNNPACK}=+individual_dot")
