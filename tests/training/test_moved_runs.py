"""A run is known by what it learns from, not by the letter of its paths."""

import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_runs import arguments

from deepdepth_jax.config import complete, load_config, override
from deepdepth_jax.datasets.streets.streets_source import StreetsSource
from deepdepth_jax.errors import UserError
from deepdepth_jax.main import main
from deepdepth_jax.models.build import build_network, initial_variables
from deepdepth_jax.models.input_convention import CONVENTIONS
from deepdepth_jax.models.layers import BATCH_NORM_EPSILON
from deepdepth_jax.models.pretrained import Backbone, Metadata, save_backbone
from deepdepth_jax.weights.adopt import adopt_pretrained


def write_pairs(folder, scenes=11):
    """Pairs of which the first and the last test and the sixth validates."""
    folder.mkdir(parents=True, exist_ok=True)
    source = StreetsSource("train", scenes, 32, 64, seed=9)
    lines = []
    for index in range(scenes):
        example = source.read(index)
        Image.fromarray(example.image).save(folder / f"{index}.png")
        np.save(folder / f"{index}.npy", example.depth_m)
        fields = {"image": f"{index}.png", "depth": f"{index}.npy"}
        lines.append(json.dumps(fields | {"focal_px": example.focal_px}))
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return folder / "pairs.jsonl"


def save_weights(path, seed):
    """Writes a backbone for the tiny network."""
    overridden = override(load_config("configs/streets.py"), arguments(path)[2:])
    config = adopt_pretrained(complete(overridden))
    variables = jax.device_get(initial_variables(build_network(config).model, seed))
    metadata = Metadata(
        architecture="tiny",
        width=4,
        stride_on="1x1",
        convention=CONVENTIONS["imagenet_rgb"],
        batch_norm_epsilon=BATCH_NORM_EPSILON,
        source="torchvision",
        source_file="tiny.pth",
        source_sha256="0" * 64,
        source_batch_norm_epsilon=BATCH_NORM_EPSILON,
    )
    params, stats = (
        variables["params"]["backbone"],
        variables["batch_stats"]["backbone"],
    )
    save_backbone(path, Backbone(params, stats, metadata))
    return path


def pairs(folder, manifest, **more):
    """The command line of a short run on pairs."""
    return arguments(
        folder,
        **{
            "data__dataset": "pairs",
            "data__pairs__manifest": manifest,
            "eval__figures": 0,
            **more,
        },
    )


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run on pairs, with pretrained weights, interrupted before its last step.

    Its data and its weights have been moved since.
    """
    folder = tmp_path_factory.mktemp("begun")
    manifest = write_pairs(folder / "data")
    weights = save_weights(folder / "tiny.safetensors", seed=1)
    main(pairs(folder, manifest, model__pretrained=weights))
    shutil.rmtree(folder / "run" / "checkpoints" / "4")
    manifest.parent.rename(folder / "moved")
    weights.rename(folder / "moved.safetensors")
    return folder


@pytest.fixture
def folder(begun, tmp_path):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    # Prepared records do not depend on where the files lie either.
    return tmp_path


def test_a_run_is_resumed_with_data_and_weights_that_were_moved(begun, folder, capsys):
    gone = begun / "tiny.safetensors"
    assert not gone.exists()
    argv = pairs(folder, folder / "moved/pairs.jsonl", model__pretrained=gone)
    main(argv)
    out = capsys.readouterr().out
    assert "resuming from step 3" in out
    assert "prepares" not in out
    stored = json.loads((folder / "run" / "config.json").read_text())
    assert stored["config"]["data"]["pairs"]["manifest"].endswith("moved/pairs.jsonl")
    assert stored["content"]["pretrained"]


def test_the_same_weights_under_another_path_are_the_same(folder, capsys):
    weights = folder / "moved.safetensors"
    main(pairs(folder, folder / "moved/pairs.jsonl", model__pretrained=weights))
    assert "resuming from step 3" in capsys.readouterr().out


def test_other_weights_or_other_data_are_another_run(begun, folder):
    manifest, gone = folder / "moved/pairs.jsonl", begun / "tiny.safetensors"
    before = contents(folder / "run")
    other = save_weights(folder / "other.safetensors", seed=2)
    with pytest.raises(UserError, match=r"model\.pretrained is .*other\.safetensors"):
        main(pairs(folder, manifest, model__pretrained=other))
    manifest.write_text(manifest.read_text().rpartition("\n")[0])
    Image.new("RGB", (64, 32)).save(folder / "moved" / "1.png")
    with pytest.raises(UserError, match=r"data\.pairs\.manifest is "):
        main(pairs(folder, manifest, model__pretrained=gone))
    assert contents(folder / "run") == before


def test_a_run_is_evaluated_without_its_weights_on_another_manifest(folder, capsys):
    manifest = write_pairs(folder / "others", scenes=3)
    shutil.rmtree(folder / "moved")
    main(
        [
            f"--workdir={folder / 'run'}",
            f"--config.data.pairs.manifest={manifest}",
            "--config.eval.split=test",
            "--config.eval.figures=0",
            "--mode=evaluate",
        ]
    )
    protocol = json.loads((folder / "run" / "eval.json").read_text())["protocol"]
    assert protocol["split"] == f"test of {manifest}"
    assert (protocol["images"], protocol["trained_on"]) == (1, ["pairs"])
    assert "confidence is not calibrated: evaluate" in capsys.readouterr().out
    assert not list((folder / "run").rglob("calibration.json"))
    # The folder still holds the same run.
    stored = json.loads((folder / "run" / "config.json").read_text())["config"]
    assert stored["data"]["pairs"]["manifest"].endswith("data/pairs.jsonl")


def test_a_run_is_evaluated_on_another_data_set(folder):
    before = contents(folder / "run")
    shutil.rmtree(folder / "moved")
    main(
        [
            f"--workdir={folder / 'run'}",
            "--config.data.dataset=streets",
            "--config.eval.figures=0",
            "--mode=evaluate",
            f"--output={folder / 'streets'}",
        ]
    )
    protocol = json.loads((folder / "streets" / "eval.json").read_text())["protocol"]
    assert (protocol["dataset"], protocol["images"]) == ("streets", 3)
    assert protocol["trained_on"] == ["pairs"]
    assert "trained on pairs" in (folder / "streets" / "eval.md").read_text()
    assert contents(folder / "run") == before


# Nothing is written before all checks.


def flat_pairs(folder):
    """Pairs without any depth."""
    manifest = write_pairs(folder)
    for path in folder.glob("*.npy"):
        np.save(path, np.zeros((32, 64), np.float32))
    return {"data__pairs__manifest": manifest}


def changed_weights(folder):
    """A file that is no longer what was converted."""
    path = save_weights(folder / "tiny.safetensors", seed=1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return {"data__dataset": "streets", "model__pretrained": path}


def lost_list(folder):
    """KITTI's test frames in a list that is not there."""
    for name in ("2011_09_26", "data_depth_annotated/train"):
        (folder / name).mkdir(parents=True)
    return {
        "data__dataset": "kitti",
        "data__root": folder,
        "data__mixture__streets": 1,
        "data__kitti__test_list": folder / "lost.txt",
        "eval__every": 0,
    }


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (flat_pairs, "has depth"),
        (changed_weights, "was changed after conversion"),
        (lost_list, r"lost\.txt"),
    ],
)
def test_a_run_that_is_refused_leaves_no_folder(tmp_path, broken, says):
    argv = pairs(tmp_path, "", **broken(tmp_path / "data"))
    with pytest.raises(UserError, match=says):
        main(argv)
    assert not (tmp_path / "run").exists()
