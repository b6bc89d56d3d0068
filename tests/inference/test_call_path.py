"""How many of our files and frames lie between a caller and the network."""

import sys
import traceback
from pathlib import Path

import jax
import numpy as np
import pytest

import deepdepth_jax
from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import with_fields
from deepdepth_jax.inference import depth_runner
from deepdepth_jax.inference.network_file import write_network
from deepdepth_jax.inference.saved_network import load_run, restore
from deepdepth_jax.models.resnet import ResNet
from deepdepth_jax.runtime import stored_programs
from deepdepth_jax.runtime.workdir import stored_config

PACKAGE = Path(deepdepth_jax.__file__).parent
OURS = f"{PACKAGE}/"
MOST_FRAMES = 8
MOST_FILES_TO_LOAD = 17
MOST_FILES_TO_PREDICT = 24
MOST_FILES_TO_PREDICT_AGAIN = 12
IMAGE = np.zeros((32, 64, 3), np.uint8)


@pytest.fixture
def no_program_is_kept(monkeypatch):
    """A kept program runs without the network."""
    monkeypatch.setattr(stored_programs, "_folder", lambda: None)


class ReachedError(Exception):
    """Raised inside the network."""


def is_ours(file):
    return PACKAGE in Path(file).parents


@pytest.mark.usefixtures("no_program_is_kept")
@pytest.mark.parametrize(
    "changes",
    [{}, {"eval.window": (24, 40)}, {"crf.enabled": True}, {"eval.flip": True}],
)
def test_a_trace_from_the_caller_to_the_network_is_short(trained, monkeypatch, changes):
    def fail(*_, **__):
        raise ReachedError

    config = with_fields(stored_config(trained / "run"), changes)
    found = restore(config, trained / "run", "best").trained
    predict = DepthPredictor(config, found)
    jax.clear_caches()  # what is traced already would not run
    monkeypatch.setattr(ResNet, "__call__", fail)
    with pytest.raises(ReachedError) as caught:
        predict(IMAGE)
    frames = [
        f"{Path(frame.filename).name}:{frame.name}"
        for frame in traceback.extract_tb(caught.value.__traceback__)
        if is_ours(frame.filename)
    ]
    assert frames[0] == "predictor.py:__call__"
    assert frames[-1] == "deeplab.py:__call__"
    assert len(frames) <= MOST_FRAMES, frames


def files_run(function):
    """Returns a function's result, and our files of which a function has run."""
    files = set()

    def note(frame, event, _):
        code = frame.f_code  # of millions of calls: this must be quick
        # Nothing is counted for being imported.
        if code.co_filename.startswith(OURS) and code.co_name != "<module>":
            files.add(Path(code.co_filename).relative_to(PACKAGE).as_posix())

    jax.clear_caches()  # what is traced already would not run
    depth_runner._once.cache_clear()  # nor be built
    before = sys.gettrace()
    sys.settrace(note)
    try:
        result = function()
    finally:
        sys.settrace(before)
    # A command has JAX call it after each compilation, for the whole process.
    return result, sorted(files - {"runtime/compiled.py"})


@pytest.mark.usefixtures("no_program_is_kept")
def test_few_files_run_to_load_a_predictor_and_to_predict(trained):
    predict, files = files_run(lambda: DepthPredictor.load(trained / "run"))
    assert len(files) <= MOST_FILES_TO_LOAD, "\n".join(files)
    # Neither the network nor the optimiser is built to read variables.
    assert not {"models/deeplab.py", "models/resnet.py"} & set(files)
    assert not [file for file in files if file.startswith("training/")]
    result, files = files_run(lambda: predict(IMAGE))
    assert result.depth_m.shape == (32, 64)
    assert "models/deeplab.py" in files
    assert len(files) <= MOST_FILES_TO_PREDICT, "\n".join(files)


def test_fewer_files_run_where_programs_are_kept(trained):
    """As in a later process. No file of the network runs."""
    expected = DepthPredictor.load(trained / "run")(IMAGE).depth_m
    depth_runner._once.cache_clear()
    predict = DepthPredictor.load(trained / "run")
    result, files = files_run(lambda: predict(IMAGE))
    np.testing.assert_array_equal(result.depth_m, expected)
    assert len(files) <= MOST_FILES_TO_PREDICT_AGAIN, "\n".join(files)
    assert not [file for file in files if file.startswith("models/")]


def test_few_files_run_to_load_a_file_of_weights(trained, tmp_path):
    path = tmp_path / "depth.safetensors"
    write_network(path, load_run(trained / "run"))
    _, files = files_run(lambda: DepthPredictor.load(path))
    assert len(files) <= MOST_FILES_TO_LOAD, "\n".join(files)
    assert not {"models/deeplab.py", "models/resnet.py"} & set(files)
