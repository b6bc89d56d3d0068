"""Programs that one start compiles are there for the next."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.runtime.compiled import FOLDER, LARGEST_BYTES, keep_compiled_programs

COUNTED = """
import collections, sys
import jax
from deepdepth_jax.predict.__main__ import main
counts = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: counts.update([name]))
main(sys.argv[1:])
def other(x):
    return jax.numpy.sin(x) + 1
jax.block_until_ready(jax.jit(other)(2.0))  # predict's own are stored_programs
print(*(counts[f"/jax/compilation_cache/cache_{kind}"] for kind in ("hits", "misses")))
"""

TRIMMED = """
import types
import jax, jax.numpy as jnp
from deepdepth_jax.runtime import compiled
jax.config.update("jax_enable_compilation_cache", False)
library = types.SimpleNamespace(malloc_trim=lambda kept: print("handed back"))
compiled.ctypes.CDLL = lambda name: library
compiled.LONG_S = 0
for _ in range(2):  # a command, and what it calls as another would
    compiled.hand_back_memory()
show = jax.jit(lambda x: jax.debug.callback(lambda: print("runs")))
for _ in range(2):
    show(0.0)
    jax.effects_barrier()
"""


def start(folder):
    """Predicts an image in a process of its own; gives hits, misses and the depth."""
    named = {"workdir": "run", "input": "image.png", "output": "predicted"}
    done = subprocess.run(
        [sys.executable, "-c", COUNTED]
        + [f"--{name}={folder / path}" for name, path in named.items()],
        env={name: x for name, x in os.environ.items() if not name.startswith("JAX_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cache" not in done.stderr
    hits, misses = map(int, done.stdout.split()[-2:])
    return hits, misses, (folder / "predicted" / "image_depth.png").read_bytes()


def test_the_second_start_compiles_only_what_the_first_could_not_keep(
    trained, tmp_path
):
    shutil.copytree(trained / "run", tmp_path / "run")
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    _, misses, depth = start(tmp_path)
    assert misses > 1
    [cut_off] = (tmp_path / FOLDER).glob("jit_other-*-cache")
    whole = cut_off.read_bytes()
    cut_off.write_bytes(whole[: len(whole) // 2])  # as by a kill
    cut_off.with_name(cut_off.name.removesuffix("cache") + "atime").unlink()
    assert start(tmp_path)[1:] == (1, depth)
    assert len(cut_off.read_bytes()) > len(whole) / 2


def test_memory_is_handed_back_when_a_program_is_compiled_and_before_it_runs():
    done = subprocess.run(
        [sys.executable, "-c", TRIMMED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[-4:] == ["handed back", "runs", "runs", ""]
    assert done.stdout.count("handed back") == 1


@pytest.fixture
def nothing_chosen():
    """JAX's settings as they are at a start without JAX_COMPILATION_CACHE_DIR."""
    names = (
        "jax_compilation_cache_dir",
        "jax_compilation_cache_max_size",
        "jax_persistent_cache_min_compile_time_secs",
    )
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_runs_side_by_side_share_a_folder_of_limited_size(
    nothing_chosen, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for workdir in ("run", tmp_path / "other"):
        jax.config.update("jax_compilation_cache_dir", None)
        keep_compiled_programs(Path(workdir))
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / FOLDER)
    assert jax.config.jax_compilation_cache_max_size == LARGEST_BYTES
    assert not list(tmp_path.iterdir())  # it is made when there is something to keep


@pytest.mark.parametrize("chosen", ["/elsewhere", ""], ids=["elsewhere", "off"])
def test_what_the_user_has_chosen_stays(nothing_chosen, tmp_path, chosen):
    jax.config.update("jax_compilation_cache_dir", chosen)
    keep_compiled_programs(tmp_path / "run")
    assert jax.config.jax_compilation_cache_dir == chosen


def test_a_place_that_cannot_be_written_to_is_said_once(
    nothing_chosen, tmp_path, capsys
):
    (tmp_path / FOLDER).touch(mode=0o777)
    keep_compiled_programs(tmp_path / "run")
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith(f"{tmp_path / FOLDER}: is not writable")
    assert jax.config.jax_compilation_cache_dir is None
