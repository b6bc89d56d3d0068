import dataclasses
import io
from collections import Counter

import jax
import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.augment import Augmentation
from deepdepth_jax.datasets.builder import DepthBuilder, Record, Source, SourceConfig
from deepdepth_jax.defaults import default_config
from deepdepth_jax.input_pipeline import (
    examples,
    open_records,
    prepare,
    train_batches,
)

NOTHING = Augmentation(
    max_zoom=1.0, rotation_deg=0.0, colour_gain=0.0, flip_probability=0.0
)
COUNT = 7


@dataclasses.dataclass(frozen=True)
class Numbered(Source):
    """Pictures that carry their own index as colour and depth."""

    split: str = "train"
    ground_truth: str = "exact"
    count: int = COUNT

    def __len__(self):
        return self.count

    def read(self, index):
        stream = io.BytesIO()
        Image.fromarray(np.full((8, 9 + index, 3), index, np.uint8)).save(stream, "PNG")
        depth_m = np.full((8, 9 + index), index + 1, np.float32)
        return Record(f"frame {index}", stream.getvalue(), depth_m, 700.0 + index)

    def identity(self):
        return dataclasses.asdict(self)

    def report(self):
        return f"{self.count} numbered pictures"


class NumberedBuilder(DepthBuilder):
    ABOUT = "Pictures for tests."
    HOMEPAGE = ""
    CITATION = ""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return open_records(NumberedBuilder, Numbered(), tmp_path_factory.mktemp("data"))


def batches(records, first_step=0, num_steps=14, seed=5, augmentation=NOTHING):
    return list(
        train_batches(
            records,
            crop=(6, 8),
            augmentation=augmentation,
            batch_size=4,
            seed=seed,
            first_step=first_step,
            num_steps=num_steps,
        )
    )


def indices(batches):
    return [int(image[0, 0, 0]) for batch in batches for image in batch.image]


def same(left, right):
    return all(
        np.array_equal(a.image, b.image) and np.array_equal(a.depth_m, b.depth_m)
        for a, b in zip(left, right, strict=True)
    )


def test_records_come_back_as_they_were(records):
    found = list(examples(records))
    assert [example.name for example in found] == [f"frame {i}" for i in range(COUNT)]
    for index, example in enumerate(found):
        expected = Numbered().read(index)
        np.testing.assert_array_equal(example.depth_m, expected.depth_m)
        assert example.image.shape == (8, 9 + index, 3)
        assert (example.image == index).all()
        assert example.focal_px == 700 + index


def test_every_epoch_visits_every_record_once_in_another_order(records):
    seen = indices(batches(records))  # 14 steps of 4: eight epochs of 7
    epochs = [seen[start : start + COUNT] for start in range(0, len(seen), COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 5


def test_image_and_depth_stay_together(records):
    for batch in batches(records):
        np.testing.assert_array_equal(batch.depth_m, batch.image[..., 0] + 1.0)


STRONG = Augmentation(
    max_zoom=1.5, rotation_deg=5.0, colour_gain=0.2, flip_probability=0.5
)


@pytest.mark.parametrize("first_step", [1, 5, 13])
def test_a_batch_is_a_function_of_seed_and_step(records, first_step):
    whole = batches(records, augmentation=STRONG)
    resumed = batches(records, first_step=first_step, augmentation=STRONG)
    assert same(resumed, whole[first_step:])


def test_another_seed_gives_another_order(records):
    assert indices(batches(records, seed=5)) == indices(batches(records, seed=5))
    assert indices(batches(records, seed=5)) != indices(batches(records, seed=6))


def test_the_same_picture_is_augmented_anew_each_time(records):
    depths_m = {}
    for batch in batches(records, augmentation=STRONG):
        for image, depth_m in zip(batch.image, batch.depth_m, strict=True):
            depths_m.setdefault(round(image.mean()), []).append(depth_m)
    assert any(not np.array_equal(a, b) for [a, b, *_] in depths_m.values())


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_each_batch_in_order(records, monkeypatch, processes):
    whole = batches(records, augmentation=STRONG)
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    shares = []
    for process in range(processes):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        shares.append(batches(records, augmentation=STRONG))
    joined = [
        jax.tree.map(lambda *parts: np.concatenate(parts), *parts)
        for parts in zip(*shares, strict=True)
    ]
    assert same(joined, whole)


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_evaluate_every_record_once_together(records, monkeypatch, processes):
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    seen = Counter()
    for process in range(processes):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        seen.update(example.name for example in examples(records))
    assert seen == Counter({f"frame {i}": 1 for i in range(COUNT)})


def test_records_are_prepared_once_and_again_when_the_source_changes(tmp_path):
    first = open_records(NumberedBuilder, Numbered(), tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*array_record*")}
    open_records(NumberedBuilder, Numbered(), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    more = open_records(NumberedBuilder, Numbered(count=9), tmp_path)
    assert (first.count, more.count) == (7, 9)
    assert SourceConfig.of(Numbered()).name != SourceConfig.of(Numbered(count=9)).name


def test_a_split_without_frames_has_no_records(tmp_path):
    data = default_config().data
    data.prepared_dir = str(tmp_path)
    data.streets.val_scenes = 0
    assert prepare(data, "val", "improved").count == 0
