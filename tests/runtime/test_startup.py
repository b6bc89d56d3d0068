"""What commands find set up, in processes of their own."""

import os
import subprocess
import sys

from deepdepth_jax.runtime.startup import YNNPACK

COMMAND = """
from deepdepth_jax.runtime import cli

def main(argv):
    {work}

cli.run(main)
"""
PRODUCT = """
    import jax
    import jax.numpy as jnp

    x = jnp.ones((64, 64))
    print(jax.jit(jnp.dot).lower(x, x).compile().as_text())
"""
IMPORT = """
    import sys
    import tensorflow

    print([name for name in ("keras", "matplotlib") if name in sys.modules])
"""
BARS = """
    import threading
    from tqdm import auto, tqdm

    with tqdm(total=1), auto.tqdm(total=1):
        print([thread.name for thread in threading.enumerate()])
"""


def printed(work, **variables):
    """Runs a command and gives what it prints."""
    ours = ("XLA_FLAGS", "TF_USE_LEGACY_KERAS")
    environment = {key: x for key, x in os.environ.items() if key not in ours}
    return subprocess.run(
        [sys.executable, "-c", COMMAND.format(work=work)],
        env=environment | variables,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_nothing_is_left_to_ynnpack():
    assert "ynn" not in printed(PRODUCT)
    assert "ynn" not in printed(PRODUCT, XLA_FLAGS="--xla_cpu_enable_fast_math=false")


def test_unless_the_user_says_otherwise():
    assert "ynn" in printed(PRODUCT, XLA_FLAGS=f"{YNNPACK}=+individual_dot")


def test_tensorflow_comes_without_keras():
    assert printed(IMPORT) == "[]\n"


def test_no_thread_watches_progress_bars():
    assert printed(BARS) == "['MainThread']\n"
