"""A run evaluated on data of other places, in a table beside the frame median."""

import contextlib
import dataclasses
import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.elsewhere.__main__ import _by_name, main
from benchmarks.elsewhere.places import load_places
from benchmarks.elsewhere.table import MEAN, QUANTITIES, markdown, with_mean
from benchmarks.study.running import Processes
from deepdepth_jax.convert import main as convert
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main as train_and_evaluate

DATA = """
def get_places(root):
    return {
        name: {
            "data.dataset": "pairs",
            "data.pairs.manifest": root / f"{name}.csv",
            "data.pairs.depth_unit_m": 1 / 256,
        }
        for name in ("near", "far")
        if (root / f"{name}.csv").exists()
    }
"""


def write_place(root, name, depths_m):
    """Writes one pair, a third of it at each depth, of the size of the run's images."""
    columns = np.repeat(np.array(depths_m), 21)
    depth = np.tile(columns * 256, (32, 1)).astype(np.uint16)
    Image.fromarray(depth).save(root / f"{name}_depth.png")
    image = np.random.default_rng(0).integers(0, 255, (*depth.shape, 3), np.uint8)
    Image.fromarray(image).save(root / f"{name}.png")
    lines = ["image,depth,split", f"{name}.png,{name}_depth.png,test"]
    (root / f"{name}.csv").write_text("\n".join(lines))
    (root / "data.py").write_text(DATA)


@dataclasses.dataclass
class Bench:
    """A bench with two data sets, its output, and the run that it has evaluated."""

    run: Path
    out: Path
    said: str


def evaluate(run, root, *options):
    """Runs a bench, and returns its folder of results and what it prints."""
    out, said = root / "out", io.StringIO()
    command = [f"--runs={run}", f"--root={root}", f"--data={root / 'data.py'}"]
    with contextlib.redirect_stdout(said):
        main([*command, f"--output={out}", "--config.eval.crop=none", *options])
    return out, said.getvalue()


@pytest.fixture(scope="module")
def bench(trained, tmp_path_factory):
    """Of a run whose own config draws none and is of another split, as in studies."""
    root = tmp_path_factory.mktemp("places")
    write_place(root, "near", (4.0, 4.0, 8.0))
    write_place(root, "far", (20.0, 20.0, 50.0))
    run = root / "run"
    shutil.copytree(trained / "run", run)
    config = json.loads((run / "config.json").read_text())
    config["config"]["eval"] |= {"figures": 0, "split": "val"}
    (run / "config.json").write_text(json.dumps(config))
    return Bench(run, *evaluate(run, root))


def test_runs_are_evaluated_on_every_data_set(bench):
    found = json.loads((bench.out / "results.json").read_text())
    assert list(found) == ["frame median", "run"]
    assert list(found["run"]) == ["near", "far", MEAN]
    # A third of the pixels lies twice, and 2.5 times, as far as the median.
    assert found["frame median"]["near"]["AbsRel"] == pytest.approx(0.5 / 3)
    assert found["frame median"]["far"]["AbsRel"] == pytest.approx(0.6 / 3)
    assert found["frame median"][MEAN]["AbsRel"] == pytest.approx(1.1 / 6)
    for place in ("near", "far"):
        folder = bench.out / "run" / place
        results = json.loads((folder / "eval.json").read_text())
        assert results["metrics"]["abs_rel"] == found["run"][place]["AbsRel"]
        assert results["protocol"]["crop"] == "none"
    assert (bench.out / "table.md").read_text() in bench.said


def test_a_file_of_weights_is_evaluated_as_its_run(bench, tmp_path):
    file = tmp_path / "shipped.safetensors"
    convert([f"--input={bench.run}", f"--output={file}"])
    write_place(tmp_path, "near", (4.0, 4.0, 8.0))
    out, _ = evaluate(file, tmp_path)
    expected = json.loads((bench.out / "results.json").read_text())["run"]["near"]
    found = json.loads((out / "results.json").read_text())["shipped"]["near"]
    assert found["AbsRel"] == expected["AbsRel"]


def test_a_sheet_is_of_the_split_and_optional(bench, tmp_path, monkeypatch):
    heights = [
        read_image(bench.out / "run" / part).shape[0]
        for part in ("near/figures/test.png", "far/figures/test.png", "sheet.png")
    ]
    assert heights[2] == heights[0] + heights[1]
    write_place(tmp_path, "near", (4.0, 4.0, 8.0))

    def execute(self, arguments, log):
        """Evaluates without starting a process, which `bench` does."""
        train_and_evaluate(list(arguments))
        return 0

    monkeypatch.setattr(Processes, "execute", execute)
    out, _ = evaluate(bench.run, tmp_path, "--config.eval.figures=0")
    assert (out / "run" / "near" / "eval.json").exists()
    assert not (out / "run" / "sheet.png").exists()


def test_the_mean_weighs_data_sets_alike_and_leaves_gaps_empty():
    row = dict.fromkeys(QUANTITIES, 1.0)
    rows = with_mean({"a": row, "b": row | {"AbsRel": 3.0, "NLL": math.nan}})
    assert rows[MEAN]["AbsRel"] == 2.0
    assert "| net | b | 3.000 | 1.000 | 1.000 | 1.000 |  | 1.000 |" in markdown(
        {"net": rows}
    )


def test_mistakes_are_named(tmp_path, trained):
    run, file = f"--runs={trained / 'run'}", tmp_path / "data.py"
    with pytest.raises(UserError, match=r"--root=.*no such folder"):
        main([run, f"--root={tmp_path / 'nowhere'}"])
    with pytest.raises(UserError, match=r"--data=.*no such file"):
        main([run, f"--root={tmp_path}", f"--data={file}"])
    file.write_text("PLACES = {}")
    with pytest.raises(UserError, match=r"no function get_places"):
        load_places(file, tmp_path)
    with pytest.raises(UserError, match="write --config"):
        main([run, f"--root={tmp_path}", "--Config.eval.crop=none"])
    with pytest.raises(UserError, match="names must differ"):
        _by_name([trained / "run", tmp_path / "run"])
