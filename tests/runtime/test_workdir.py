import dataclasses
import json

import pytest

from deepdepth_jax.config import complete, default_config, override
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.runtime.claim import as_trained, check_same_run, claim
from deepdepth_jax.runtime.content import Content
from deepdepth_jax.runtime.workdir import (
    save_training_camera,
    stored_config,
    stored_content,
    training_camera,
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
    camera = TrainingCamera.of(0.0, focals_px, [32 * 64] * len(focals_px))
    assert camera.focal_px == median_px
    assert camera.pixels == (32 * 64 if focals_px else 0)
    save_training_camera(tmp_path, camera)
    assert training_camera(tmp_path, config()) == camera


def test_runs_that_kept_no_focal_length_do_not_know_it(tmp_path):
    assert training_camera(tmp_path, config()).focal_px == 0.0


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
        '{"median_focal_px": 700.0, "median_pixels": 0}',
        '{"median_focal_px": 700.0, "focal_px_range": [1.0]}',
        '{"median_focal_px": 700.0, "focal_px_range": [1.0, "x"]}',
        f'{{"median_focal_px": 1{"0" * 400}}}',
    ],
)
def test_a_damaged_camera_is_named(tmp_path, content):
    (tmp_path / "camera.json").write_text(content)
    with pytest.raises(UserError, match=r"camera\.json: .*training again") as error:
        training_camera(tmp_path, config())
    assert "\n" not in str(error.value)


def test_earlier_versions_kept_no_range_of_focal_lengths(tmp_path):
    (tmp_path / "camera.json").write_text('{"median_focal_px": 700.0}')
    assert training_camera(tmp_path, config()).range_px == (0.0, 0.0)
    (tmp_path / "camera.json").write_text('{"median_focal_px": null}')
    assert training_camera(tmp_path, config()).range_px == (0.0, 0.0)


# Content in place of paths.

MOVED = config(
    "--config.data.dataset=pairs", "--config.data.pairs.manifest=/there/pairs.csv"
)
HERE = config("--config.data.dataset=pairs", "--config.data.pairs.manifest=pairs.csv")
EIGHT = Content({"pairs": "8 frames, sha256 12"}, "2 frames, sha256 34", "sha256 56")


def test_a_run_comes_back_with_the_same_data_under_another_path(tmp_path):
    claim(tmp_path, HERE, EIGHT)
    claim(tmp_path, MOVED, EIGHT)
    assert stored_config(tmp_path).data.pairs.manifest == "/there/pairs.csv"
    # Validation and weights that are not at hand are what they were.
    claim(tmp_path, MOVED, Content(EIGHT.training))
    assert stored_content(tmp_path) == EIGHT


def test_other_data_under_the_same_path_is_another_run(tmp_path):
    claim(tmp_path, HERE, EIGHT)
    before = (tmp_path / "config.json").read_bytes()
    nine = dataclasses.replace(EIGHT, training={"pairs": "9 frames, sha256 78"})
    with pytest.raises(UserError, match=r"content of data\.pairs is '8 frames.*'9 fr"):
        claim(tmp_path, HERE, nine)
    with pytest.raises(UserError, match=r"data\.pairs\.manifest is 'pairs\.csv' there"):
        claim(tmp_path, MOVED, nine)
    assert (tmp_path / "config.json").read_bytes() == before


def test_other_validation_frames_are_not_taken_for_the_same(tmp_path):
    claim(tmp_path, HERE, EIGHT)
    three = dataclasses.replace(EIGHT, validation="3 frames, sha256 78")
    with pytest.raises(UserError, match=r"data\.pairs\.manifest is 'pairs\.csv' there"):
        claim(tmp_path, MOVED, three)
    # Another kind of ground truth, which is free, also changes them.
    claim(tmp_path, HERE, three)


def test_weights_are_compared_by_their_digest(tmp_path):
    def with_weights(path):
        return config(
            f"--config.model.pretrained={path}", "--config.model.pretrained_override=1"
        )

    claim(tmp_path, with_weights("a.safetensors"), EIGHT)
    claim(tmp_path, with_weights("moved/b.safetensors"), EIGHT)
    other = dataclasses.replace(EIGHT, pretrained="sha256 90")
    with pytest.raises(UserError, match=r"content of model\.pretrained"):
        claim(tmp_path, with_weights("moved/b.safetensors"), other)
    # Without the file only the name is known.
    unknown = dataclasses.replace(EIGHT, pretrained=None)
    with pytest.raises(UserError, match=r"model\.pretrained is 'moved/b"):
        claim(tmp_path, with_weights("a.safetensors"), unknown)


def test_a_run_of_an_earlier_version_is_known_by_its_paths(tmp_path):
    claim(tmp_path, HERE)
    assert stored_content(tmp_path) == Content()
    with pytest.raises(UserError, match=r"data\.pairs\.manifest"):
        claim(tmp_path, MOVED, EIGHT)


def test_the_content_of_a_run_is_read_or_refused(tmp_path):
    claim(tmp_path, HERE, EIGHT)
    path = tmp_path / "config.json"
    stored = json.loads(path.read_text())
    for content in (3, [], {"training": 3}, {"no": 1}, {"training": {"pairs": 8}}):
        path.write_text(json.dumps(stored | {"content": content}))
        with pytest.raises(UserError, match=r"config\.json: content"):
            stored_content(tmp_path)


def test_a_run_is_evaluated_on_what_another_config_names(tmp_path):
    claim(tmp_path, config("--config.bins.num_bins=40"))
    asked = config(
        "--config.bins.num_bins=40",
        "--config.data.dataset=kitti",
        "--config.data.root=kitti",
        "--config.data.kitti.test_list=mine.txt",
        "--config.model.pretrained=moved.safetensors",
        "--config.eval.cap_m=50.0",
    )
    used = as_trained(tmp_path, asked)
    assert (used.data.dataset, used.data.kitti.test_list) == ("kitti", "mine.txt")
    assert (used.eval.cap_m, used.model.pretrained) == (50.0, "")
    for argument in ("bins.num_bins=41", "data.canonical_focal_px=700.0", "seed=3"):
        with pytest.raises(UserError, match=argument.partition("=")[0]):
            as_trained(tmp_path, config(f"--config.{argument}"))
