"""The command, from a trained run and images to the last round."""

import json

import numpy as np
import pytest
from kill_adaptation import (
    KILLS,
    assert_same_adaptation,
    kill_point,
    without_depth,
)
from PIL import Image
from tiny_adaptations import TEST, TRAIN, adapt_arguments, on_pairs

from deepdepth_jax.adapt.__main__ import main
from deepdepth_jax.errors import UserError
from deepdepth_jax.runtime.workdir import stored_config


@pytest.fixture(scope="module")
def adapted(trained, target, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("adapted") / "w"
    main(adapt_arguments(trained, workdir, **on_pairs(target)))
    return workdir


def stored(path):
    with Image.open(path) as image:
        return np.array(image)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_round_leaves_what_a_person_can_look_at(adapted):
    for index in (1, 2):
        folder = adapted / f"round_{index}"
        described = json.loads((folder / "thresholds.json").read_text())
        assert described["portion"] == pytest.approx(0.15 + 0.05 * index)
        assert sum(described["pixels"]) == TRAIN * 32 * 64
        lines = lines_of(folder / "manifest.jsonl")
        assert len(lines) == len(list((folder / "labels").iterdir())) <= TRAIN
        numbers = json.loads((folder / "labels.json").read_text())
        values = [stored(folder / line["depth"]) for line in lines]
        assert {value.dtype for value in values} == {np.dtype(np.uint16)}
        assert sum((v > 0).sum() for v in values) == sum(numbers["selected"]) > 0
        assert (folder / "run/eval.json").exists()


def test_the_last_round_is_the_result(adapted):
    evaluation = json.loads((adapted / "eval.json").read_text())
    last = json.loads((adapted / "round_2/run/eval.json").read_text())
    assert evaluation == last
    assert evaluation["protocol"]["images"] == TEST
    assert evaluation["protocol"]["trained_on"] == ["pseudo", "streets"]
    table = (adapted / "rounds.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in table[2:]] == ["0", "1", "2"]
    start = json.loads((adapted / "round_0/eval.json").read_text())
    assert start["protocol"]["trained_on"] == ["streets"]


def test_a_round_starts_from_the_round_before(adapted):
    first, second = (stored_config(adapted / f"round_{i}/run") for i in (1, 2))
    assert second.model.pretrained.startswith(str(adapted / "round_1/run/checkpoints"))
    assert second.seed != first.seed
    # Two epochs of the target images and of half of the six source images.
    images = json.loads((adapted / "round_2/labels.json").read_text())["images"]
    assert second.train.num_steps == -(-2 * (images + 3) // 4)


class KilledError(Exception):
    """Stands for a kill. `kill_adaptation` has real ones."""


def test_killed_at_every_stage_and_without_depth_it_ends_with_the_same_bits(
    adapted, trained, tmp_path, monkeypatch
):
    def kill():
        raise KilledError

    manifest = without_depth(tmp_path / "target")
    argv = adapt_arguments(trained, tmp_path / "w", **on_pairs(manifest))
    for stage in KILLS:
        with monkeypatch.context() as patched:
            patched.setattr(*kill_point(stage, kill))
            with pytest.raises(KilledError):
                main(argv)
    main(argv)
    assert_same_adaptation(tmp_path / "w", adapted)


def test_another_adaptation_in_the_folder_is_refused(adapted, trained, target):
    argv = adapt_arguments(trained, adapted, **on_pairs(target), adapt__portion=0.3)
    with pytest.raises(UserError, match=r"adapt\.portion is 0\.2 there, 0\.3 here"):
        main(argv)
    argv = adapt_arguments(trained, trained / "run", **on_pairs(target))
    with pytest.raises(UserError, match="holds a run; choose another --workdir"):
        main(argv)


def test_labels_are_measured_by_true_depth_after_the_fact(
    adapted, trained, target, capsys
):
    argv = adapt_arguments(trained, adapted, **on_pairs(target))
    main([*argv, "--mode=measure"])
    found = json.loads((adapted / "pseudo_labels.json").read_text())
    assert list(found) == ["1", "2"]
    label_m, truth_m = [], []
    for line in lines_of(adapted / "round_1/manifest.jsonl"):
        label_m.append(stored(adapted / "round_1" / line["depth"]) / 256)
        truth_m.append(np.load(line["image"].replace(".png", ".npy")))
    label_m, truth_m = np.ravel(label_m), np.ravel(truth_m)
    both = (label_m > 0) & (truth_m > 0) & (truth_m < 80)
    expected = np.mean(np.abs(label_m - truth_m)[both] / truth_m[both])
    assert found["1"]["abs_rel"] == pytest.approx(expected, rel=1e-4)
    assert 0 < found["1"]["coverage"] < 0.5
    assert "| round | coverage |" in capsys.readouterr().out
    assert (adapted / "pseudo_labels.png").stat().st_size > 5000
