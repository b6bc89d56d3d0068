"""A file of weights is evaluated as its run is, on the same data and on other data."""

import json

import pytest
from tiny_runs import PREPARED

from deepdepth_jax.convert import main as convert
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main


@pytest.fixture
def weights(trained, tmp_path):
    path = tmp_path / "depth.safetensors"
    convert([f"--input={trained / 'run'}", f"--output={path}"])
    return path


def test_it_has_the_metrics_of_its_run(trained, weights, tmp_path):
    main(
        [
            f"--weights={weights}",
            "--mode=evaluate",
            f"--output={tmp_path / 'out'}",
            f"--config.data.prepared_dir={PREPARED}",
            "--config.data.streets.test_scenes=3",
        ]
    )
    found, expected = (
        json.loads((folder / "eval.json").read_text())
        for folder in (tmp_path / "out", trained / "run")
    )
    assert found["step"] == expected["step"]
    assert found["protocol"] == expected["protocol"]
    assert found["metrics"] == pytest.approx(expected["metrics"])
    assert found["confidence"]["temperature"] == expected["confidence"]["temperature"]
    assert "baseline" not in found
    assert (
        "median of the training depths"
        not in (tmp_path / "out" / "eval.md").read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode=evaluate"], "--weights needs --output=FOLDER"),
        (["--output=out"], "--output needs --mode=evaluate"),
        (
            ["--mode=evaluate", "--config=pairs", "--checkpoint=3"],
            "without --config, --checkpoint: .*; --weights needs --output=FOLDER",
        ),
        (
            ["--mode=evaluate", "--output=o", "--workdir=w"],
            "--weights goes without --workdir: ",
        ),
        (
            ["--mode=evaluate", "--output=o", "--checkpoint=last"],
            "holds one checkpoint",
        ),
        (
            ["--mode=evaluate", "--output=o", "--config.model.width=8"],
            "model.width is 4",
        ),
    ],
)
def test_what_does_not_go_with_it_is_refused(weights, arguments, message):
    with pytest.raises(UserError, match=message):
        main([f"--weights={weights}", *arguments])
