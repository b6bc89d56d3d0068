import dataclasses
import os
from collections import Counter

import jax
import numpy as np
import pytest
import tensorflow as tf
from numbered import COUNT, Numbered, NumberedBuilder

from deepdepth_jax.bins import DepthBins
from deepdepth_jax.config import AUGMENTATIONS, AugmentConfig, complete, default_config
from deepdepth_jax.datasets import pipeline
from deepdepth_jax.datasets.augment import augment
from deepdepth_jax.datasets.mixture import Mixture, epoch_order
from deepdepth_jax.datasets.pipeline import (
    examples,
    prepare_held_out,
    read_examples,
    train_batches,
)
from deepdepth_jax.datasets.records import open_records
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.training.seen_images import ImageScale

THROUGH_350_PX = ImageScale(TrainingCamera(350.0))
NOTHING = AugmentConfig(**AUGMENTATIONS["none"])


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return open_records(NumberedBuilder, Numbered(), tmp_path_factory.mktemp("data"))


def batches(
    records,
    first_step=0,
    num_steps=14,
    seed=5,
    augmentation=NOTHING,
    *,
    crop=(6, 8),
    **options,
):
    mixture = records if isinstance(records, Mixture) else Mixture.of([records], [1.0])
    return list(
        train_batches(
            mixture,
            crop=crop,
            augmentation=augmentation,
            batch_size=4,
            seed=seed,
            first_step=first_step,
            num_steps=num_steps,
            **options,
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


STRONG = dataclasses.replace(
    NOTHING,
    max_zoom=1.5,
    rotation_deg=5.0,
    flip_probability=0.5,
    colour_probability=0.5,
    gain_range=0.2,
)


@pytest.mark.parametrize("first_step", [1, 5, 13])
def test_a_batch_is_a_function_of_seed_and_step(records, first_step):
    whole = batches(records, augmentation=STRONG)
    resumed = batches(records, first_step=first_step, augmentation=STRONG)
    assert same(resumed, whole[first_step:])


def test_another_seed_gives_another_order(records):
    assert indices(batches(records, seed=5)) == indices(batches(records, seed=5))
    assert indices(batches(records, seed=5)) != indices(batches(records, seed=6))


@pytest.mark.parametrize("apart", [1, 256, 2**32])
def test_no_two_seeds_and_no_two_epochs_share_their_order(records, apart):
    orders = [epoch_order(seed, 0, 50) for seed in (0, apart)]
    orders += [epoch_order(0, epoch, 50) for epoch in (apart, 2 * apart)]
    assert len({tuple(order) for order in orders}) == 4
    seen = [indices(batches(records, seed=seed)) for seed in (0, apart)]
    assert seen[0] != seen[1]


def test_epoch_256_does_not_repeat_epoch_0(records):
    first_step = 256 * COUNT // 4
    first = indices(batches(records, num_steps=COUNT))  # of 4: four epochs
    later = batches(records, first_step=first_step, num_steps=first_step + COUNT)
    assert indices(later) != first


def test_an_order_stays_the_same_for_good():
    """Literal, so that a run can be resumed with another release of NumPy."""
    assert epoch_order(0, 0, 7).tolist() == [6, 3, 1, 4, 5, 2, 0]
    assert epoch_order(0, 1, 7).tolist() == [1, 3, 6, 2, 0, 5, 4]


def test_the_same_image_is_augmented_anew_each_time(records):
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


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    source = Numbered(count=3, first=100)
    return open_records(NumberedBuilder, source, tmp_path_factory.mktemp("others"))


def test_a_mixture_has_the_shares_of_its_weights(records, others):
    mixture = Mixture.of([records, others], [3.0, 1.0])
    seen = np.array(indices(batches(mixture, num_steps=300)))
    assert (seen >= 100).sum() == 300
    # Evenly spread, so that every batch of four has its share.
    assert ((seen.reshape(-1, 4) >= 100).sum(axis=1) == 1).all()


def test_each_part_of_a_mixture_is_seen_as_it_would_be_alone(records, others):
    mixed = indices(batches(Mixture.of([records, others], [2.0, 1.0]), num_steps=400))
    alone = indices(batches(records, num_steps=400))
    of_records = [index for index in mixed if index < 100]
    of_others = [index - 100 for index in mixed if index >= 100]
    assert of_records == alone[: len(of_records)]
    epochs = [of_others[start : start + 3] for start in range(0, 300, 3)]
    assert all(sorted(epoch) == [0, 1, 2] for epoch in epochs)


def test_a_mixture_goes_on_where_it_was_after_many_cycles(records, others):
    mixture = Mixture.of([records, others], [0.7, 0.3])
    whole = batches(mixture, num_steps=800)  # of 4: over three cycles
    assert same(batches(mixture, first_step=777, num_steps=800), whole[777:])


def test_a_part_without_weight_is_refused(records, others):
    with pytest.raises(UserError, match=r"data\.mixture\.numbered"):
        Mixture.of([records, others], [1.0, 0.0001])


def test_batches_tell_which_images_have_pseudo_labels(records, tmp_path):
    source = Numbered(count=3, first=100, dataset="pseudo")
    pseudo = open_records(NumberedBuilder, source, tmp_path)
    mixture = Mixture.of([records, pseudo], [2.0, 1.0])
    for first_step in (0, 251):  # beyond a cycle of the mixture
        for batch in batches(mixture, first_step=first_step, num_steps=first_step + 9):
            is_high = batch.image[:, 0, 0, 0] >= 100
            np.testing.assert_array_equal(batch.is_pseudo, is_high)
    assert batches(records)[0].is_pseudo is None


class Skies(Numbered):
    """Without ground truth in the upper half."""

    def read(self, index):
        example = super().read(index)
        depth_m = example.depth_m.copy()
        depth_m[:4] = 0
        return dataclasses.replace(example, depth_m=depth_m)


def test_the_sky_of_rendered_scenes_can_have_a_depth(tmp_path):
    real, rendered = (
        open_records(NumberedBuilder, Skies(dataset=name, first=first), tmp_path)
        for name, first in (("numbered", 0), ("streets", 100))
    )
    for sky_m in (0.0, 655.0):
        mixture = Mixture.of([real, rendered], [1.0, 1.0], sky_m)
        [batch] = batches(mixture, num_steps=1, crop=(12, 20))
        is_sky = batch.depth_m == 655
        number = np.where(is_sky, 0, batch.depth_m).max(axis=(1, 2)) - 1
        is_rendered = number >= 100
        assert is_rendered.sum() == 2
        # Neither what pads an image nor what a real image lacks is sky.
        skies = is_sky.any(axis=(1, 2))
        np.testing.assert_array_equal(skies, is_rendered & (sky_m > 0))
        widths = 9 + number % 100
        known = (batch.depth_m > 0).sum(axis=(1, 2))
        rows = np.where(skies, 8, 4)
        np.testing.assert_array_equal(known, rows * widths)


def test_crops_are_mined_for_the_bins_of_the_depth_that_is_learnt(records):
    """Frame i has depth i + 1 everywhere, scaled by 350 / (700 + i) by the lens."""
    bins = DepthBins("ud", 8, 0.0, 4.0)  # of half a metre
    augmentation = dataclasses.replace(NOTHING, mining_probability=1.0, mined_bins=(2,))
    seen = []

    def watched(image, depth_m, seed, *, mined, **options):
        seen.append((int(image[0, 0, 0]), mined))
        return augment(image, depth_m, seed, mined=mined, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "augment", watched)
        options = {"augmentation": augmentation, "see": THROUGH_350_PX.see}
        batches(records, num_steps=4, bins=bins, **options)
        batches(records, num_steps=1, **options)
    *mined, _, _, _, without = seen
    for number, marks in mined[:12]:
        depth_m = (number + 1) * 350 / (700 + number)
        assert marks.all() == (1.0 <= depth_m < 1.5)
        assert marks.any() == marks.all()
    assert {number for number, marks in mined[:12] if marks.any()} == {2}
    assert without[1] is None


def test_depth_is_learnt_as_seen_through_the_canonical_lens(records):
    for batch in batches(records, see=THROUGH_350_PX.see):
        number = batch.image[..., 0].astype(float)
        expected = (number + 1) * 350 / (700 + number)
        np.testing.assert_allclose(batch.depth_m, expected, rtol=1e-6)


def test_a_batch_does_not_depend_on_the_number_of_reader_threads(records, monkeypatch):
    def with_threads(count):
        monkeypatch.setattr(os, "cpu_count", lambda: count)
        return batches(records, augmentation=STRONG)

    assert same(with_threads(1), with_threads(7))


def test_no_pipeline_is_tuned_while_it_runs(records, monkeypatch):
    is_tuned, read = [], tf.data.Dataset.as_numpy_iterator

    def watched(dataset):
        is_tuned.append(dataset.options().autotune.enabled)
        return read(dataset)

    monkeypatch.setattr(tf.data.Dataset, "as_numpy_iterator", watched)
    batches(records)
    list(read_examples(records, [0]))
    assert is_tuned == [False, False]


def test_examples_are_read_in_the_order_asked_for(records):
    names = [example.name for example in read_examples(records, [5, 0, 3])]
    assert names == ["frame 5", "frame 0", "frame 3"]


def test_a_split_without_frames_has_no_records(tmp_path):
    config = default_config()
    config.model.norm = "trained"
    config.data.prepared_dir = str(tmp_path)
    config.data.streets.val_scenes = 0
    config = complete(config)
    assert prepare_held_out(config, "val").count == 0
