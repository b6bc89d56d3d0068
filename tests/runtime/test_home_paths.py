"""`~` is the home folder in every option that is a path."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.adapt.target import list_images
from deepdepth_jax.config import FIELDS, complete, default_config
from deepdepth_jax.datasets.kitti.eigen import DATES
from deepdepth_jax.datasets.pipeline import prepare
from deepdepth_jax.datasets.registry import held_out_source, training_sources
from deepdepth_jax.runtime.paths import expand_home
from deepdepth_jax.weights import hub

COMMANDS = (
    "adapt.__main__",
    "check_data.__main__",
    "convert",
    "datasets.streets.export",
    "export.__main__",
    "main",
    "predict.__main__",
)
PATHS = {"--config", "--input", "--output", "--predictions", "--workdir"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_what_names_no_user_stays_as_it_is(home):
    assert expand_home("~/a b") == f"{home}/a b"
    assert expand_home("~") == str(home)
    for path in ("", "a~", "./~", "~nobody-of-this-name/a", "~$a.png"):
        assert expand_home(path) == path


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_commands(command, home):
    parser = importlib.import_module(f"deepdepth_jax.{command}")._parser()
    paths = [a for a in parser._actions if PATHS & set(a.option_strings)]
    assert paths
    for action in paths:
        assert action.type("~/a") == home / "a", action.option_strings
    assert not [a.option_strings for a in parser._actions if a.type is Path]


def completed(config):
    config.model.norm = "trained"  # without weights
    return complete(config)


def test_fields_of_the_config():
    """Those below are all."""
    lists = [f"data.kitti.{split}_list" for split in ("train", "val", "test")]
    roots = ["data.root", "data.kitti.root", "data.synthia.root"]
    manifests = ["data.pairs.manifest", "data.pseudo.manifest"]
    others = ["adapt.images", "data.prepared_dir", "model.pretrained"]
    endings = ("root", "_list", "_dir", "manifest", "images", "pretrained")
    assert {*lists, *roots, *manifests, *others} == {
        n for n in FIELDS if n.endswith(endings)
    }


def test_kitti_and_its_lists_below_home(home):
    (home / "kitti" / DATES[0]).mkdir(parents=True)
    config = default_config()
    config.data.dataset = "kitti"
    for split, drive in {"train": "0001", "val": "0005", "test": "0002"}.items():
        frame = f"{DATES[0]}/{DATES[0]}_drive_{drive}_sync 6 l"
        (home / f"{split}.txt").write_text(frame)
        config.data.kitti[f"{split}_list"] = f"~/{split}.txt"
    for root in ("data.root", "data.kitti.root"):
        config.update_from_flattened_dict({root: "~/kitti"})
        for split in ("train", "val", "test"):
            assert len(held_out_source(completed(config), split).expected) == 1


def test_synthia_below_home(home):
    for folder in ("RGB", "Depth"):
        (home / "synthia" / folder).mkdir(parents=True)
    config = default_config()
    config.data.dataset = "synthia"
    config.data.synthia.root = "~/synthia"
    assert len(held_out_source(completed(config), "test").expected) == 940


def test_pairs_and_their_records_below_home(home):
    Image.new("RGB", (7, 5)).save(home / "a.png")
    np.save(home / "a.npy", np.ones((5, 7), np.float32))
    (home / "list").mkdir()
    manifest = home / "list" / "pairs.csv"
    manifest.write_text("image,depth,split\n~/a.png,../a.npy,test\n")
    config = default_config()
    config.data.dataset = "pairs"
    config.data.pairs.manifest = "~/list/pairs.csv"
    config.data.prepared_dir = "~/prepared"
    config = completed(config)
    assert prepare(config.data, held_out_source(config, "test")).count == 1
    assert (home / "prepared" / "pairs").is_dir()


def test_pseudo_labels_below_home(home):
    Image.new("RGB", (7, 5)).save(home / "a.png")
    Image.new("I;16", (7, 5), 256).save(home / "label.png")
    (home / "labels.csv").write_text("image,depth,split\na.png,label.png,train\n")
    config = default_config()
    config.data.pseudo.manifest = "~/labels.csv"
    config.data.mixture.pseudo = 1.0
    ((source, _),) = training_sources(completed(config).data)
    assert source.expected == ["a.png"]


def test_images_to_adapt_to_below_home(home):
    (home / "images").mkdir()
    Image.new("RGB", (7, 5)).save(home / "images" / "a.png")
    config = default_config()
    config.adapt.images = "~/images"
    (file,) = list_images(completed(config), home / "run")
    assert file.path == home / "images" / "a.png"


def test_weights_below_home(home):
    (home / "weights.safetensors").touch()
    assert hub.resolve("~/weights.safetensors") == home / "weights.safetensors"
