"""Scenes as records, and as a prepared TFDS data set."""

import dataclasses
import io

import jax
import numpy as np
import pytest
from PIL import Image
from street_views import HEIGHT, WIDTH

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.streets import source as source_module
from deepdepth_jax.datasets.streets.builder import Streets
from deepdepth_jax.datasets.streets.render import intrinsics, render
from deepdepth_jax.datasets.streets.source import SPLITS, StreetsSource
from deepdepth_jax.errors import UserError


def streets(split="train", num_scenes=3, **changes):
    return StreetsSource(
        split, num_scenes, **{"height": HEIGHT, "width": WIDTH, **changes}
    )


def test_records_hold_what_is_rendered():
    record = streets(seed=5).read(2)
    key = jax.random.fold_in(jax.random.key(5), 2 * len(SPLITS))
    image, depth_m = render(key, HEIGHT, WIDTH)
    assert record.image.startswith(b"\x89PNG")
    decoded = np.asarray(Image.open(io.BytesIO(record.image)))
    np.testing.assert_array_equal(decoded, image)
    np.testing.assert_array_equal(record.depth_m, depth_m)
    assert record.depth_m.dtype == np.float32
    assert record.focal_px == intrinsics(HEIGHT, WIDTH).focal_px
    assert record.name == "train/000002"


def test_a_scene_depends_on_seed_split_and_index_alone():
    few, many = streets(num_scenes=2), streets(num_scenes=50)
    many.read(4)  # out of turn
    for index in (1, 0):
        first, second = few.read(index), many.read(index)
        assert first.image == second.image
        np.testing.assert_array_equal(first.depth_m, second.depth_m)


def test_splits_and_seeds_share_no_scene():
    sources = [streets(split) for split in SPLITS] + [streets(seed=1)]
    records = [source.read(index) for source in sources for index in range(3)]
    assert len({record.image for record in records}) == len(records)
    assert len({record.depth_m.tobytes() for record in records}) == len(records)


def test_keys_of_all_scenes_differ():
    """By construction; here for as many as anybody renders."""
    numbers = jax.numpy.arange(30000)
    keys = jax.vmap(lambda n: jax.random.fold_in(jax.random.key(0), n))(numbers)
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == len(numbers)


def test_length_and_report():
    assert len(streets(num_scenes=7)) == 7
    assert streets("val", 7).report() == "streets val: 7 of 7 scenes"
    assert streets().ground_truth == "rendered"
    assert len(streets(num_scenes=0)) == 0


def test_identity_tells_everything_that_decides_a_record(monkeypatch):
    def config_name(source):
        return SourceConfig.of(source).name

    names = {config_name(streets())}
    assert config_name(streets()) in names
    for changes in (
        {"split": "val"},
        {"num_scenes": 4},
        {"height": 49},
        {"width": 161},
        {"seed": 1},
    ):
        names.add(config_name(dataclasses.replace(streets(), **changes)))
    monkeypatch.setattr(source_module, "RENDERER_VERSION", "next")
    names.add(config_name(streets()))
    assert len(names) == 7


@pytest.mark.parametrize("index", [-1, 3])
def test_scenes_beyond_the_split_do_not_exist(index):
    with pytest.raises(IndexError, match=f"scene {index} of 3"):
        streets().read(index)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "trian"}, "split 'trian' of streets does not exist"),
        ({"num_scenes": -1}, "num_scenes = -1 of streets: use 0 or more"),
        ({"height": 0}, "height = 0 of streets: use 1 or more"),
        ({"width": 0}, "width = 0 of streets: use 1 or more"),
    ],
)
def test_mistakes(changes, message):
    with pytest.raises(UserError, match=message):
        streets(**changes)


def test_builder_prepares_the_records(tmp_path):
    source = streets("test", 2)
    config = SourceConfig.of(source)
    builder = Streets(data_dir=tmp_path, config=config, file_format="array_record")
    builder.download_and_prepare()
    prepared = builder.as_data_source("test")
    assert len(prepared) == 2
    for index in range(2):
        record = source.read(index)
        np.testing.assert_array_equal(prepared[index]["depth_m"], record.depth_m)
        decoded = np.asarray(Image.open(io.BytesIO(record.image)))
        np.testing.assert_array_equal(prepared[index]["image"], decoded)
