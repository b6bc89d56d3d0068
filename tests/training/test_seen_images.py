import numpy as np
import pytest
from numbered import Numbered, NumberedBuilder

from deepdepth_jax.config import AUGMENTATIONS, AugmentConfig
from deepdepth_jax.datasets.mixture import Mixture
from deepdepth_jax.datasets.pipeline import train_batches
from deepdepth_jax.datasets.records import open_records
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.training.seen_images import ImageScale
from deepdepth_jax.types import Example

# As `anywhere`: many cameras, images of 96 x 320.
WIDE = TrainingCamera(200.0, 190.0, (100.0, 400.0), pixels=96 * 320)


def kitti(focal_px=720.0):
    """A frame of KITTI's size. Every sixth pixel has ground truth, of 10 or 20 m."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (375, 1242, 3), dtype=np.uint8)
    depth_m = np.zeros((375, 1242), np.float32)
    places = rng.random(depth_m.shape) < 1 / 6
    depth_m[places] = rng.choice([10.0, 20.0], places.sum())
    return Example("a", image, depth_m, focal_px)


def test_image_depth_and_focal_length_are_reduced_by_one_rule():
    example = kitti()
    image, depth_m = ImageScale(WIDE).see(example)
    assert image.shape == (*depth_m.shape, 3)
    assert depth_m.shape == (96, 319)
    scale = np.sqrt(96 * 320 / (375 * 1242))
    # As through the lens of 200 px, in an image whose own is now this long:
    learnt_m = np.array([0, 10, 20]) * 200 / (720 * scale)
    # Nothing lies between two depths, or between depth and none.
    np.testing.assert_allclose(np.unique(depth_m), learnt_m, rtol=1e-6)
    assert 0.1 < (depth_m > 0).mean() < 0.25


def test_without_a_camera_images_stay_as_they_are():
    example = kitti()
    image, depth_m = ImageScale(TrainingCamera()).see(example)
    assert image is example.image
    np.testing.assert_array_equal(depth_m, example.depth_m)
    image, depth_m = ImageScale(TrainingCamera(360.0)).see(example)
    assert image is example.image
    np.testing.assert_array_equal(depth_m, example.depth_m / 2)


def test_the_scale_is_described_by_an_example():
    assert "1242 x 375 pixels as 319 x 96" in ImageScale(WIDE).describe(kitti())


def test_an_impossible_focal_length_is_a_users_mistake_in_the_pipeline(tmp_path):
    """Frame i of 8 x (9 + i) pixels has a focal length of 700 + i."""
    records = open_records(NumberedBuilder, Numbered(), tmp_path)
    batches = train_batches(
        Mixture.of([records], [1.0]),
        crop=(6, 8),
        augmentation=AugmentConfig(**AUGMENTATIONS["none"]),
        batch_size=2,
        seed=0,
        first_step=0,
        num_steps=2,
        see=ImageScale(TrainingCamera(focal_px=7.0)).see,  # a hundredth
    )
    with pytest.raises(UserError, match=r"^frame \d+: an image of .* reduced"):
        list(batches)
