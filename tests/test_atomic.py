"""Files are there whole or not at all, whatever happens to the one who writes."""

import contextlib
import os
import resource
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.study.plot import save_plot
from benchmarks.study.table import Row
from benchmarks.table import write as write_benchmarks
from deepdepth_jax.drawing.plots import save_depth_histogram, save_reliability_diagram
from deepdepth_jax.errors import UserError
from deepdepth_jax.evaluation.baseline import MedianDepth
from deepdepth_jax.evaluation.image_table import ImageTable
from deepdepth_jax.geometry import Pinhole, TrainingCamera
from deepdepth_jax.inference.depth_files import WRITERS as DEPTH_WRITERS
from deepdepth_jax.inference.point_cloud import PointCloud
from deepdepth_jax.metrics import METRICS
from deepdepth_jax.models.tensor_files import write_safetensors
from deepdepth_jax.runtime import atomic
from deepdepth_jax.runtime.checkpoint_folder import CheckpointFolder
from deepdepth_jax.runtime.workdir import save_training_camera
from deepdepth_jax.types import Prediction


@contextlib.contextmanager
def full_disk():
    """Lets no file of this process grow beyond ten bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("é\r\n\n", "é\r\n\n".encode()),
        (b"\x00\xff", b"\x00\xff"),
        (lambda partial: partial.write_bytes(b"by a function"), b"by a function"),
    ],
)
def test_text_bytes_and_functions_are_written(tmp_path, content, expected):
    path = tmp_path / "new" / "folder" / "file"
    for _ in range(2):
        atomic.write(path, content)
        assert path.read_bytes() == expected
    assert list(path.parent.iterdir()) == [path]


def test_writers_that_choose_a_format_by_suffix_find_it(tmp_path):
    values = np.arange(3.0)
    atomic.write(tmp_path / "values.npy", lambda partial: np.save(partial, values))
    np.testing.assert_array_equal(np.load(tmp_path / "values.npy"), values)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        atomic.write(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_an_exception_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("of before")
    with pytest.raises(KeyError), atomic.replacement(path) as partial:
        partial.write_text("half of it")
        raise KeyError
    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, signal, sys
from pathlib import Path
from deepdepth_jax.runtime import atomic

def write(partial):
    partial.write_text("half of it")
    os.kill(os.getpid(), signal.SIGKILL)

atomic.write(Path(sys.argv[1]), write)
"""


def test_a_kill_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("of before")
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "of before"
    [hidden] = set(tmp_path.iterdir()) - {path}
    assert hidden.name.startswith(".partial-")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path, target = tmp_path / "link", tmp_path / "elsewhere" / "file"
    path.symlink_to(target)
    for text in ("new", "newer"):
        atomic.write(path, text)
        assert path.is_symlink()
        assert target.read_text() == text


def test_a_device_is_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="pipe: is not a regular file"):
        atomic.write(pipe, "text")
    assert pipe.is_fifo()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for below in ("file/new", "file/deeper/new"):
        path = tmp_path / below
        with pytest.raises(UserError, match=rf"{path}: cannot be written \(.+\)"):
            atomic.write(path, "text")


def test_errors_of_other_files_are_not_taken_for_ones_of_this(tmp_path):
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError), atomic.replacement(tmp_path / "file"):
        missing.read_text()
    assert not list(tmp_path.iterdir())


def note(path):
    folder = CheckpointFolder(path.parent, keep=1, best_metric="d1", keep_every=0)
    folder.of = lambda step: path.parent
    folder.add_note(1, path.name, {"abs_rel": 0.125})


def table(path):
    image_table = ImageTable(["a"], ["model"])
    image_table.add("a", {"model": dict.fromkeys(METRICS, 0.125)})
    image_table.write_csv(path)


def points(path):
    image, depth_m = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.float32)
    PointCloud.of(image, depth_m, Pinhole(4.0)).save(path)


def depth(path):
    DEPTH_WRITERS[path.suffix](path, Prediction(np.ones((9, 9), np.float32)))


def histogram(path):
    counts = {"train": np.array([1, 2])}
    save_depth_histogram(path, np.array([1.0, 2.0, 3.0]), counts)


def plot(path):
    values = {0: 0.125, 1: 0.25}
    differences = dict.fromkeys(("abs_rel", "rmse"), values)
    save_plot(path, [Row("other", "argmax", differences, differences, {})], "own")


WRITERS = {
    "camera.json": lambda path: save_training_camera(
        path.parent, TrainingCamera(0.0, 700.0)
    ),
    "median_depth.npy": lambda path: MedianDepth(np.ones((2, 3), np.float32)).save(
        path.parent
    ),
    "metrics.json": note,
    "eval_images.csv": table,
    **{f"depth{suffix}": depth for suffix in DEPTH_WRITERS},
    "points.ply": points,
    "reliability.png": lambda path: save_reliability_diagram(
        path, np.array([0.5]), np.array([0.5]), np.array([1])
    ),
    "histogram.png": histogram,
    "weights.safetensors": lambda path: write_safetensors(
        path, {"x": np.ones(3, np.float32)}, {}
    ),
    "study.png": plot,
    "bench.json": lambda path: write_benchmarks(path, {"device": "cpu"}, []),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_what_was_there(tmp_path, name):
    path = tmp_path / name
    path.write_text("of before")
    with full_disk(), pytest.raises(UserError, match=rf"{path}: cannot be written"):
        WRITERS[name](path)
    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]
    WRITERS[name](path)
    assert path.stat().st_size > 10
    assert {other.stem for other in tmp_path.iterdir()} == {path.stem}
