"""A run of version 0.1, as it was written then, is predicted, evaluated and resumed.

`data/run_of_version_0.1` was trained to step 3 and evaluated at step 2. It holds the
checkpoint of step 2: OCDBT's files, the optimiser's state and the temperature. The
prediction next to it is that version's: depth and confidence of `IMAGE`.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import PREPARED

from deepdepth_jax import DepthPredictor
from deepdepth_jax.main import main
from deepdepth_jax.predict.__main__ import main as predict

DATA = Path(__file__).parent / "data"
IMAGE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(DATA / "run_of_version_0.1", folder)
    return folder


@pytest.fixture
def expected():
    return np.load(DATA / "prediction_of_version_0.1.npy")


def test_it_predicts_what_it_did(run, expected, tmp_path):
    found = DepthPredictor.load(run)(IMAGE)
    np.testing.assert_allclose(found.depth_m, expected[0], rtol=1e-4)
    np.testing.assert_allclose(found.confidence, expected[1], rtol=1e-3)
    assert np.ptp(expected[0]) > 0.5
    image, output = tmp_path / "image.png", tmp_path / "out"
    Image.fromarray(IMAGE).save(image)
    command = [f"--workdir={run}", f"--input={image}", f"--output={output}"]
    assert predict([*command, "--save=npy"]) == 0
    np.testing.assert_allclose(
        np.load(output / "image_depth.npy"), expected[0], rtol=1e-4
    )


def test_it_is_evaluated_with_its_temperature(run):
    prepared = f"--config.data.prepared_dir={PREPARED}"
    main([f"--workdir={run}", "--mode=evaluate", prepared])
    found = json.loads((run / "eval.json").read_text())
    assert found["step"] == 2
    assert found["confidence"]["temperature"] == pytest.approx(0.23574, rel=1e-4)
    assert found["metrics"]["abs_rel"] < 3


def test_it_is_resumed(run, capsys):
    prepared = f"--config.data.prepared_dir={PREPARED}"
    main([f"--config={run / 'config.json'}", f"--workdir={run}", prepared])
    assert "from step 2 of" in capsys.readouterr().out
    lines = (run / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == [1, 1, 2, 2, 3, 3]  # training and validation
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"2", "3"}
