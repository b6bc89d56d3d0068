import json

import pytest

from deepdepth_jax.config import complete, default_config, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.workdir import (
    check_same_run,
    claim,
    save_training_focal_px,
    stored_config,
    training_camera,
    training_focal_px,
)


def config(*overrides):
    return complete(
        override(default_config(), ["--config.model.norm=trained", *overrides])
    )


def test_config_json_holds_config_versions_and_commit(tmp_path):
    claim(tmp_path / "run", config("--config.seed=3"))
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert content["config"]["seed"] == 3
    assert content["config"]["bins"]["num_bins"] == 71
    assert {"jax", "flax", "deepdepth_jax"} <= content["versions"].keys()
    assert "git_commit" in content
    assert stored_config(tmp_path / "run").seed == 3


def test_the_same_run_may_come_back_with_other_free_fields(tmp_path):
    claim(tmp_path, config())
    claim(
        tmp_path,
        config("--config.eval.cap_m=50.0", "--config.train.keep_checkpoints=5"),
    )
    assert stored_config(tmp_path).eval.cap_m == 50.0


@pytest.mark.parametrize(
    "argument",
    ["train.num_steps=5", "seed=1", "bins.num_bins=40", "data.streets.width=64"],
)
def test_another_run_is_refused_by_field_and_nothing_is_lost(tmp_path, argument):
    claim(tmp_path, config())
    before = (tmp_path / "config.json").read_bytes()
    other = config(f"--config.{argument}")
    with pytest.raises(UserError, match=argument.split("=")[0]):
        check_same_run(tmp_path, other)
    with pytest.raises(UserError, match=argument.split("=")[0]):
        claim(tmp_path, other)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(UserError, match="train first"):
        stored_config(tmp_path)


@pytest.mark.parametrize(
    ("focals_px", "median_px"),
    [([700.0, 0.0, 721.5, 710.0], 710.0), ([0.0, 0.0], 0.0), ([], 0.0)],
)
def test_the_focal_length_of_training_is_kept(tmp_path, focals_px, median_px):
    save_training_focal_px(tmp_path, focals_px)
    assert training_focal_px(tmp_path) == median_px


def test_runs_that_kept_no_focal_length_do_not_know_it(tmp_path):
    assert training_focal_px(tmp_path) == 0.0


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"median_fo',
        "[]",
        "[" * 50_000,
        '{"median_focal_px": "700"}',
        '{"median_focal_px": -1.0}',
        '{"median_focal_px": NaN}',
        '{"median_focal_px": [700.0]}',
        '{"median_focal_px": 700.0, "focal_px_range": 3}',
        '{"median_focal_px": 700.0, "focal_px_range": [1.0]}',
        '{"median_focal_px": 700.0, "focal_px_range": [1.0, "x"]}',
        f'{{"median_focal_px": 1{"0" * 400}}}',
    ],
)
def test_a_damaged_camera_is_named(tmp_path, content):
    (tmp_path / "camera.json").write_text(content)
    for read in (training_focal_px, lambda run: training_camera(run, config())):
        with pytest.raises(UserError, match=r"camera\.json: .*training again") as error:
            read(tmp_path)
        assert "\n" not in str(error.value)


def test_earlier_versions_kept_no_range_of_focal_lengths(tmp_path):
    (tmp_path / "camera.json").write_text('{"median_focal_px": 700.0}')
    assert training_camera(tmp_path, config()).range_px == (0.0, 0.0)
    (tmp_path / "camera.json").write_text('{"median_focal_px": null}')
    assert training_camera(tmp_path, config()).range_px == (0.0, 0.0)
