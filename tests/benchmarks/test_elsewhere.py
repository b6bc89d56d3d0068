"""A run evaluated on data of other places, in a table beside the frame median."""

import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from benchmarks.elsewhere.__main__ import _by_name, main
from benchmarks.elsewhere.places import load_places
from benchmarks.elsewhere.table import MEAN, QUANTITIES, markdown, with_mean
from deepdepth_jax.datasets.images import read_image
from deepdepth_jax.errors import UserError

DATA = """
def get_places(root):
    return {
        name: {
            "data.dataset": "pairs",
            "data.pairs.manifest": root / f"{name}.csv",
            "data.pairs.depth_unit_m": 1 / 256,
        }
        for name in ("near", "far")
    }
"""


@pytest.fixture
def places(tmp_path):
    """Two data sets of one pair each, half of it at one depth and half at another."""
    for name, depths_m in {"near": (4.0, 4.0, 8.0), "far": (20.0, 20.0, 50.0)}.items():
        rows = np.repeat(np.array(depths_m), 8)
        depth = np.tile(rows[:, None] * 256, (1, 48)).astype(np.uint16)
        Image.fromarray(depth).save(tmp_path / f"{name}_depth.png")
        image = np.random.default_rng(0).integers(0, 255, (24, 48, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / f"{name}.png")
        lines = ["image,depth,split", f"{name}.png,{name}_depth.png,test"]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    (tmp_path / "data.py").write_text(DATA)
    return tmp_path


def test_runs_are_evaluated_on_every_data_set(trained, places, capsys):
    main(
        [
            f"--runs={trained / 'run'}",
            f"--root={places}",
            f"--data={places / 'data.py'}",
            f"--output={places / 'out'}",
            "--config.eval.crop=none",
        ]
    )
    found = json.loads((places / "out" / "results.json").read_text())
    assert list(found) == ["frame median", "run"]
    assert list(found["run"]) == ["near", "far", MEAN]
    # A third of the pixels lies twice, and 2.5 times, as far as the median.
    assert found["frame median"]["near"]["AbsRel"] == pytest.approx(0.5 / 3)
    assert found["frame median"]["far"]["AbsRel"] == pytest.approx(0.6 / 3)
    assert found["frame median"][MEAN]["AbsRel"] == pytest.approx(1.1 / 6)
    for place in ("near", "far"):
        folder = places / "out" / "run" / place
        results = json.loads((folder / "eval.json").read_text())
        assert results["metrics"]["abs_rel"] == found["run"][place]["AbsRel"]
        assert results["protocol"]["crop"] == "none"
    table = (places / "out" / "table.md").read_text()
    assert table in capsys.readouterr().out
    heights = [
        read_image(places / "out" / "run" / part).shape[0]
        for part in ("near/figures/test.png", "far/figures/test.png", "sheet.png")
    ]
    assert heights[2] == heights[0] + heights[1]


def test_a_sheet_is_of_the_split_and_optional(trained, places):
    """A run's own config may draw none, as those of studies do."""
    run = places / "run"
    shutil.copytree(trained / "run", run)
    config = json.loads((run / "config.json").read_text())
    config["config"]["eval"] |= {"figures": 0, "split": "val"}
    (run / "config.json").write_text(json.dumps(config))
    out = places / "out"
    command = [f"--runs={run}", f"--root={places}", f"--data={places / 'data.py'}"]
    command += [f"--output={out}", "--config.eval.crop=none"]
    main(command)
    assert (out / "run" / "sheet.png").exists()
    (out / "run" / "sheet.png").unlink()
    main([*command, "--config.eval.figures=0"])
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
