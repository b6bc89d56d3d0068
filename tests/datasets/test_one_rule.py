"""All readers see the same pixels of a file, turned the same way."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deepdepth_jax.config import AUGMENTATIONS, AugmentConfig, complete, default_config
from deepdepth_jax.datasets.images import read_any_image, read_image
from deepdepth_jax.datasets.pipeline import (
    prepare_held_out,
    prepare_training,
    read_examples,
    train_batches,
)
from deepdepth_jax.datasets.registry import training_sources
from deepdepth_jax.demo.input_images import read_upload


def read_any(path):
    return read_any_image(path).image


HEIGHT, WIDTH = 24, 40


def smooth_noise():
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


@pytest.fixture
def config(tmp_path):
    """A manifest in which every pair trains and tests the same JPEG."""
    lines = ["image,depth,split"]
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        lines.append(f"{split}/a.jpg,{split}/a.png,{split}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    config = default_config()
    config.data.dataset = "pairs"
    config.data.pairs.manifest = str(tmp_path / "pairs.csv")
    config.data.prepared_dir = str(tmp_path / "prepared")
    config.model.norm = "trained"  # without weights
    return complete(config)


def write_pair(tmp_path, orientation=1):
    """Writes an image and a map of its green values, both stored alike."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for split in ("train", "test"):
        path = tmp_path / split / "a.jpg"
        Image.fromarray(smooth_noise()).save(path, exif=exif)
        stored = cv2.imdecode(
            np.frombuffer(path.read_bytes(), np.uint8),
            cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
        )
        values = stored[..., 1].astype(np.uint16) + 1
        Image.fromarray(values).save(tmp_path / split / "a.png", exif=exif)
    return path, stored[..., ::-1]


def trained_and_evaluated(config, crop):
    """Returns image and depth as training sees them, and as evaluation does."""
    [batch] = train_batches(
        prepare_training(config.data, training_sources(config.data)),
        crop=crop,
        augmentation=AugmentConfig(**AUGMENTATIONS["none"]),
        batch_size=1,
        seed=0,
        first_step=0,
        num_steps=1,
    )
    [example] = read_examples(prepare_held_out(config, "test"), [0])
    return (batch.image[0], batch.depth_m[0]), (example.image, example.depth_m)


def test_every_reader_decodes_a_jpeg_to_the_same_pixels(config, tmp_path):
    path, stored = write_pair(tmp_path)
    accurate = tf.io.decode_jpeg(path.read_bytes(), dct_method="INTEGER_ACCURATE")
    fast = tf.io.decode_jpeg(path.read_bytes())
    np.testing.assert_array_equal(accurate, stored)
    assert (fast.numpy() != stored).mean() > 0.3  # the mistake, still there
    (trained, _), (evaluated, _) = trained_and_evaluated(config, (HEIGHT, WIDTH))
    readers = read_image(path), read_any(path), read_upload(path).image
    for pixels in (trained, evaluated, *readers):
        np.testing.assert_array_equal(pixels, stored)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_reader_turns_image_and_depth_alike(config, tmp_path, orientation):
    path, _ = write_pair(tmp_path, orientation)
    pixels = read_any(path)  # held against Pillow's own turns elsewhere
    size = (WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH)
    assert pixels.shape == (*size, 3)
    for image, depth_m in trained_and_evaluated(config, size):
        np.testing.assert_array_equal(image, pixels)
        np.testing.assert_array_equal(depth_m, pixels[..., 1] + 1.0)
