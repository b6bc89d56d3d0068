"""Scenes as records, and as a prepared TFDS data set."""

import dataclasses

import jax
import numpy as np
import pytest
from street_views import HEIGHT, WIDTH

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.descriptions import Streets
from deepdepth_jax.datasets.streets import streets_source as source_module
from deepdepth_jax.datasets.streets.render import intrinsics, render
from deepdepth_jax.datasets.streets.streets_source import SPLITS, StreetsSource
from deepdepth_jax.datasets.streets.worlds import WORLDS
from deepdepth_jax.errors import UserError


def streets(split="train", num_scenes=3, **changes):
    return StreetsSource(
        split, num_scenes, **{"height": HEIGHT, "width": WIDTH, **changes}
    )


def test_records_hold_what_is_rendered():
    example = streets(seed=5).read(2)
    key = jax.random.fold_in(jax.random.key(5), 2 * len(SPLITS))
    image, depth_m = render(key, HEIGHT, WIDTH)
    np.testing.assert_array_equal(example.image, image)
    assert example.image.dtype == np.uint8
    np.testing.assert_array_equal(example.depth_m, depth_m)
    assert example.depth_m.dtype == np.float32
    assert example.focal_px == intrinsics(HEIGHT, WIDTH).focal_px
    assert example.name == "train/000002"
    # On the host: the records' writer and the batches have no use for JAX's arrays.
    assert type(example.image) is type(example.depth_m) is np.ndarray


def test_a_scene_depends_on_seed_split_and_index_alone():
    few, many = streets(num_scenes=2), streets(num_scenes=50)
    many.read(4)  # out of turn
    for index in (1, 0):
        first, second = few.read(index), many.read(index)
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.depth_m, second.depth_m)


def test_splits_and_seeds_share_no_scene():
    sources = [streets(split) for split in SPLITS] + [streets(seed=1)]
    examples = [source.read(index) for source in sources for index in range(3)]
    for field in ("image", "depth_m"):
        seen = {getattr(example, field).tobytes() for example in examples}
        assert len(seen) == len(examples)


def test_keys_of_all_scenes_differ():
    """By construction; here for as many as anybody renders."""
    numbers = jax.numpy.arange(30000)
    keys = jax.vmap(lambda n: jax.random.fold_in(jax.random.key(0), n))(numbers)
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == len(numbers)


def test_length_and_report():
    assert len(streets(num_scenes=7)) == 7
    assert streets("val", 7, seed=3).report() == (
        "streets val (rendered): 7 of 7 frames rendered from seed 3"
    )
    assert (streets().dataset, streets().ground_truth) == ("streets", "rendered")
    assert len(streets(num_scenes=0)) == 0


def test_every_scene_is_there_under_its_name():
    source = streets("test", 3)
    names = [source.read(index).name for index in range(3)]
    assert source.present == source.expected == names
    assert names == ["test/000000", "test/000001", "test/000002"]
    assert not source.missing
    assert not source.without_ground_truth
    assert not source.without_focal_length
    assert {source.group(name) for name in names} == {"test"}


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
        {"world": "wide"},
    ):
        names.add(config_name(dataclasses.replace(streets(), **changes)))
    worlds = {"streets": WORLDS["streets"]._replace(version="next")}
    monkeypatch.setattr(source_module, "WORLDS", worlds)
    names.add(config_name(streets()))
    assert len(names) == 8


@pytest.mark.parametrize("index", [-1, 3])
def test_scenes_beyond_the_split_do_not_exist(index):
    with pytest.raises(IndexError, match=f"scene {index} of 3"):
        streets().read(index)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "trian"}, r"split 'trian' of streets must be one of \('train', "),
        ({"num_scenes": -1}, "num_scenes = -1 of streets: must be >= 0"),
        ({"world": "flat"}, r"world 'flat' of streets must be one of \('streets', "),
        ({"height": 0}, "height = 0 of streets: must be >= 1"),
        ({"width": 0}, "width = 0 of streets: must be >= 1"),
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
        example, record = source.read(index), prepared[index]
        assert record["name"].decode() == example.name
        np.testing.assert_array_equal(record["image"], example.image)
        np.testing.assert_array_equal(record["depth_m"], example.depth_m)
        assert record["focal_px"] == np.float32(example.focal_px)
