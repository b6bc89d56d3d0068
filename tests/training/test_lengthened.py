"""A finished run that is trained for more steps."""

import json
import shutil

import pytest
from kill_harness import assert_same_outcome
from tiny_runs import arguments

from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main

RATE, POWER = 1e-3, 0.9


def lengthened(folder, **overrides):
    """The command line of the tiny run, of 4 steps, with 8."""
    return arguments(folder, **{"train__num_steps": 8} | overrides)


def rates(folder):
    lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    found = map(json.loads, lines)
    return {x["step"]: x["learning_rate_head"] for x in found if x["split"] == "train"}


@pytest.fixture
def folder(trained, tmp_path):
    shutil.copytree(trained / "run", tmp_path / "run")
    return tmp_path


def test_it_resumes_from_its_end_on_the_longer_schedule(folder, capsys):
    main(lengthened(folder))
    rate = RATE * (1 - 4 / 8) ** POWER
    out = capsys.readouterr().out
    assert f"resuming from step 4 of 8, with the learning rate {rate:.3g}" in out
    expected = {
        step: RATE * (1 - (step - 1) / (4 if step <= 4 else 8)) ** POWER
        for step in range(1, 9)
    }
    assert rates(folder) == pytest.approx(expected)
    stored = json.loads((folder / "run" / "config.json").read_text())
    assert stored["config"]["train"]["num_steps"] == 8
    assert stored["lengthened_at"] == [4]
    assert json.loads((folder / "run" / "eval.json").read_text())["step"] in (
        2,
        4,
        6,
        8,
    )


def test_interrupted_it_ends_with_the_same_bits(trained, folder, tmp_path_factory):
    main(lengthened(folder))
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder / "run", other / "run")
    for step in (7, 8):
        shutil.rmtree(other / "run" / "checkpoints" / str(step), ignore_errors=True)
    shutil.copytree(
        trained / "run/checkpoints/4", other / "run/checkpoints/4", dirs_exist_ok=True
    )
    main(lengthened(other))
    assert_same_outcome(other, folder)
    stored = json.loads((other / "run" / "config.json").read_text())
    assert stored["lengthened_at"] == [4]


@pytest.mark.parametrize(
    ("finished", "options", "message"),
    [
        (False, {}, r"train\.num_steps is 4 there, 8 here"),
        (True, dict(train__num_steps=3), r"train\.num_steps is 4 there, 3 here"),
        (True, dict(train__learning_rate=0.1), r"train\.learning_rate is 0\.001"),
    ],
)
def test_what_is_not_lengthening_is_refused(folder, finished, options, message):
    if not finished:
        shutil.rmtree(folder / "run" / "checkpoints" / "4")
    before = (folder / "run" / "config.json").read_bytes()
    with pytest.raises(UserError, match=message) as error:
        main(lengthened(folder, **options))
    assert "num_steps" not in str(error.value) or "\n" not in str(error.value)
    assert (folder / "run" / "config.json").read_bytes() == before
