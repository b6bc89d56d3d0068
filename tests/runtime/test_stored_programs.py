"""Compiled programs are found again by all that they are made of."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import serialize_executable

from deepdepth_jax import convert
from deepdepth_jax.runtime import stored_programs
from deepdepth_jax.runtime.parallel import on_local_devices
from deepdepth_jax.runtime.stored_programs import FOLDER, SUFFIX, StoredProgram

CENTERS = np.arange(3, dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    """Of a cache of the test's own."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "cache"))
    yield tmp_path / "cache" / FOLDER
    jax.config.update("jax_compilation_cache_dir", before)


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "code" / "a.py"
    path.parent.mkdir()
    path.write_text("a = 1\n")
    stored_programs.digest_sources.cache_clear()
    return path


def arguments(width=3):
    rows = np.ones((jax.local_device_count(), 2, width), np.float32)
    return {"scale": np.float32(2)}, [rows]


def scaled(variables, arrays):
    [rows] = arrays
    ones = 3 * jax.nn.softmax(jnp.tanh(rows))
    return {"sums": jnp.matmul(variables["scale"] * ones, jnp.asarray(CENTERS))}


class Program:
    """A program of a new process: it knows nothing of those before it."""

    def __init__(self, code, identity="scaled", **options):
        self.built = 0
        spread = functools.partial(on_local_devices, shared=1)
        self._program = StoredProgram(
            self._build, spread, 1, identity, (str(code.parent),), **options
        )
        self.read_ahead = self._program.read_ahead

    def _build(self):
        self.built += 1
        return scaled

    def __call__(self, *given):
        found = self._program(*(given or arguments()))
        np.testing.assert_allclose(found["sums"], 6, rtol=1e-6)
        return self.built


def test_a_kept_program_is_not_built_again(folder, code):
    first = Program(code)
    assert (first(), first()) == (1, 1)
    assert len(list(folder.glob(f"*{SUFFIX}"))) == 1
    second = Program(code)
    assert (second(), second()) == (0, 0)


def reads(monkeypatch):
    """Returns the list that all paths go to which programs are read from."""
    read, own = [], stored_programs._read
    monkeypatch.setattr(
        stored_programs, "_read", lambda path: read.append(path) or own(path)
    )
    return read


def test_a_program_is_read_ahead_by_the_shapes_of_its_own_arguments(
    folder, code, monkeypatch
):
    read = reads(monkeypatch)
    described = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arguments()[1]]
    early = Program(code)
    early.read_ahead(described)  # nothing is kept yet
    assert early() == 1
    late = Program(code)
    late.read_ahead(described)
    assert late() == 0
    assert len(read) == 2  # nothing was read twice
    late.read_ahead(described)
    assert late() == 0
    assert len(read) == 2


def test_other_code_settings_and_functions_are_other_programs(
    folder, code, monkeypatch
):
    assert Program(code)() == 1
    assert Program(code, "something else")() == 1
    with jax.default_matmul_precision("float32"):
        one = Program(code)
        assert one() == 1
    assert one() == 1  # found, and not built: it is the first one
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"] + " ")
    assert Program(code)() == 1
    code.write_text("a = 2\n")
    stored_programs.digest_sources.cache_clear()
    assert Program(code)() == 1
    assert len(list(folder.glob(f"*{SUFFIX}"))) == 5


def test_a_damaged_program_is_compiled_again(folder, code):
    assert Program(code)() == 1
    [path] = folder.glob(f"*{SUFFIX}")
    whole = path.read_bytes()
    for damaged in (whole[:-1], b"", whole[:-5] + b"12345"):
        path.write_bytes(damaged)
        assert Program(code)() == 1
        assert Program(code)() == 0


def test_a_program_is_never_taken_from_the_cache_of_jax(folder, code):
    """JAX has kept it, too. What it reads there cannot be written again."""
    hits = []

    def listen(event, **_):
        hits.extend([event] if event.endswith("cache_hits") else [])

    jax.monitoring.register_event_listener(listen)
    try:
        for _ in range(2):
            assert Program(code)() == 1
            [path] = folder.glob(f"*{SUFFIX}")
            path.unlink()
    finally:
        jax.monitoring.unregister_event_listener(listen)
    assert not hits


def test_a_program_that_may_be_taken_from_there_is_not_kept_then(folder, code):
    def started(identity):
        return Program(code, identity, takes_cached=True)

    assert started("new")() == 1
    assert started("new")() == 0
    assert len(list(folder.iterdir())) == 1
    jax.clear_caches()
    with stored_programs._cache_hits() as hits:
        assert started("the same under another name")() == 1
    assert len(hits) == 1
    assert len(list(folder.iterdir())) == 1


def test_where_nothing_is_cached_nothing_is_kept(folder, code):
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        assert Program(code)() == Program(code)() == 1
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1e9)
    try:
        assert Program(code)() == Program(code)() == 1
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    assert not folder.exists()


def test_where_nothing_can_be_written_jax_compiles_the_program(
    folder, code, monkeypatch, capsys
):
    """It may find it in its own cache, which it would not by a unique function."""
    monkeypatch.setattr(stored_programs, "_unique", pytest.fail)
    folder.parent.mkdir()
    folder.write_text("a file in its place")
    one = Program(code)
    assert (one(), one()) == (1, 1)
    assert not capsys.readouterr().err


def test_a_full_disk_costs_the_next_start_alone(folder, code, monkeypatch, capsys):
    def write(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored_programs.atomic, "write", write)
    assert Program(code)() == 1
    assert capsys.readouterr().err.startswith("the compiled program is not cached: ")


def test_platforms_whose_programs_cannot_be_written_predict_all_the_same(
    folder, code, monkeypatch, capsys
):
    def refuse(compiled):
        raise ValueError("Compilation does not support serialization")

    monkeypatch.setattr(serialize_executable, "serialize", refuse)
    assert Program(code)() == Program(code)() == 1
    assert "is not cached: Compilation does not" in capsys.readouterr().err


def test_the_least_recently_used_programs_go_first(folder, code, monkeypatch):
    for identity in "abc":
        Program(code, identity)()
    paths = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns)
    for age_s, path in enumerate(reversed(paths)):
        os.utime(path, (1e9 - age_s, 1e9 - age_s))
    assert Program(code, "a")() == 0  # its last use is now
    size = max(path.stat().st_size for path in paths)
    monkeypatch.setattr(stored_programs, "LARGEST_BYTES", int(2.5 * size))
    Program(code, "d")()
    assert set(folder.glob("*")) >= {paths[0]}
    assert len(list(folder.glob("*"))) == 2


def test_a_second_prediction_imports_no_network(trained, tmp_path):
    """From a file of weights, by the command. Neither Matplotlib, for the colours."""
    weights = tmp_path / "tiny.safetensors"
    assert convert.main([f"--input={trained / 'run'}", f"--output={weights}"]) in (
        0,
        None,
    )
    program = """
import sys
from deepdepth_jax.predict.__main__ import main
code = main(sys.argv[1:])
heavy = {"cv2", "flax", "matplotlib", "optax", "orbax", "tensorflow"}
print("imported:", *sorted(heavy & set(sys.modules)))
sys.exit(code)
"""
    command = [sys.executable, "-c", program, f"--weights={weights}"]
    command += ["--input=docs/images/streets.png", f"--output={tmp_path / 'out'}"]
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    written = []
    for _ in range(2):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        written.append((tmp_path / "out" / "streets_depth.png").read_bytes())
    assert done.stdout.splitlines()[-1] == "imported:"
    assert written[0] == written[1]
