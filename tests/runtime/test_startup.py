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
DRAW = """
    import matplotlib
    import matplotlib.figure

    print(matplotlib.get_backend())
"""
TYPES = """
    import jax.numpy as jnp

    print((jnp.arange(3) * jnp.float32(2)).dtype, jnp.arange(3.0).dtype)
"""
IMPORT = """
    import sys
    import deepdepth_jax.training.loop

    assert "tensorflow" in sys.modules
    print([name for name in ("keras", "matplotlib") if name in sys.modules])
"""
BARS = """
    import threading
    from tqdm import auto, tqdm

    with tqdm(total=1), auto.tqdm(total=1):
        print([thread.name for thread in threading.enumerate()])
"""

WARNING = """
    from PIL import Image
    from deepdepth_jax.datasets.images import read_any_image
    from pathlib import Path
    import struct

    maker_beyond_the_end = struct.pack("<HHII", 0x010F, 2, 100, 90_000)
    exif = b"Exif\\0\\0II*\\0" + struct.pack("<IH", 8, 1) + maker_beyond_the_end
    Image.new("RGB", (7, 5)).save({path!r}, exif=exif)
    Image.MAX_IMAGE_PIXELS = 30
    print(read_any_image(Path({path!r})).image.shape)
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


def test_a_file_of_flags_is_left_to_xla(tmp_path):
    path = tmp_path / "flags.txt"
    path.write_text("--xla_cpu_enable_fast_math=false\n")
    printed(PRODUCT, XLA_FLAGS=str(path))


def test_a_notebooks_backend_is_not_asked_for():
    notebook = "module://matplotlib_inline.backend_inline"
    assert printed(DRAW, MPLBACKEND=notebook).lower() == "agg\n"


def test_numbers_have_the_types_that_were_chosen():
    variables = {"JAX_ENABLE_X64": "1", "JAX_NUMPY_DTYPE_PROMOTION": "strict"}
    assert printed(TYPES, **variables) == "float32 float32\n"


def test_training_begins_without_keras_and_matplotlib():
    assert printed(IMPORT) == "[]\n"


def test_no_thread_watches_progress_bars():
    assert printed(BARS) == "['MainThread']\n"


def test_pillow_warns_of_no_nameless_file(tmp_path):
    work = WARNING.replace("{path!r}", repr(str(tmp_path / "a.jpg")))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(work=work)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("(5, 7, 3)\n", "")
