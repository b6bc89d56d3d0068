"""The notebook docs/quickstart.ipynb runs as it stands, only smaller."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from tiny_runs import OVERRIDES

NOTEBOOK = json.loads(Path("docs/quickstart.ipynb").read_text())
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def run(cell, names):
    exec(compile("".join(cell["source"]), cell["id"], "exec"), names)


def test_the_notebook_is_committed_without_outputs():
    assert NOTEBOOK["nbformat"] == 4
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
    for cell in CELLS:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_the_notebook_runs_in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    parameters, *others = CELLS
    assert parameters["metadata"]["tags"] == ["parameters"]
    run(parameters, names)
    # The scenes of the tests' own run, so that they are not rendered again.
    names["RECIPE"] |= OVERRIDES
    for cell in others:
        run(cell, names)
    metrics = json.loads((tmp_path / "runs/quickstart/eval.json").read_text())
    assert metrics["protocol"]["images"] == 3
    assert names["metrics"]["abs_rel"] > 0
    made = tmp_path / "runs/quickstart/quickstart"
    assert {path.name for path in made.iterdir()} == {"depth.png", "points.ply"}
    with Image.open(made / "depth.png") as depth:
        found = np.asarray(depth) / 256
    np.testing.assert_allclose(
        found, names["prediction"].depth_m, atol=0.5 / 256 + 1e-5
    )
    # Run again, it trains nothing.
    before = (tmp_path / "runs/quickstart/eval.json").stat().st_mtime_ns
    run(others[0], names)
    assert (tmp_path / "runs/quickstart/eval.json").stat().st_mtime_ns == before
