"""Depth maps without an orientation tag, whose images have one."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from deepdepth_jax.datasets.pairs.pairs_source import PairsSource
from deepdepth_jax.errors import UserError

STORED = np.arange(1, 25, dtype=np.float32).reshape(4, 6)
SQUARE = STORED[:, :4]


def turned(values, orientation):
    """Turns values as Pillow turns an image."""
    image = Image.fromarray(values)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def source(folder, orientation, depth, untagged="refuse", stored=STORED):
    """A source of one pair: an image with a tag, and depth that cannot have one."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.new("RGB", stored.shape[::-1]).save(folder / "a.jpg", exif=tags)
    np.save(folder / "a.npy", depth)
    line = {"image": "a.jpg", "depth": "a.npy", "split": "train"}
    (folder / "pairs.jsonl").write_text(json.dumps(line))
    return PairsSource(folder / "pairs.jsonl", "train", 1.0, untagged)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_untagged_depth_is_laid_as_the_user_says(tmp_path, orientation):
    upright = turned(STORED, orientation)
    for depth, untagged in ((upright, "upright"), (STORED, "as_image")):
        example = source(tmp_path, orientation, depth, untagged).read(0)
        np.testing.assert_array_equal(example.depth_m, upright)
        assert example.image.shape[:2] == upright.shape


@pytest.mark.parametrize("orientation", range(2, 9))
def test_depth_that_fits_both_ways_is_refused(tmp_path, orientation):
    shape = STORED if orientation < 5 else SQUARE
    with pytest.raises(UserError) as raised:
        source(tmp_path, orientation, shape, stored=shape).read(0)
    message = str(raised.value)
    assert f"{tmp_path}/a.jpg: is " in message
    assert f"(orientation {orientation})" in message
    assert f"{tmp_path}/a.npy has no orientation tag" in message
    assert "set data.pairs.untagged_depth=upright or =as_image" in message


@pytest.mark.parametrize("orientation", range(5, 9))
def test_the_size_may_say_which_way_depth_lies(tmp_path, orientation):
    upright = turned(STORED, orientation)
    example = source(tmp_path, orientation, upright).read(0)
    np.testing.assert_array_equal(example.depth_m, upright)
    with pytest.raises(UserError, match=r"untagged_depth=upright or =as_image"):
        source(tmp_path, orientation, STORED).read(0)
    with pytest.raises(UserError, match=r"is 4 x 6 pixels, its depth .* is 6 x 4"):
        source(tmp_path, orientation, STORED, "upright").read(0)
    with pytest.raises(UserError, match=r"is 4 x 6 pixels, its depth .* is 6 x 4"):
        source(tmp_path, orientation, upright, "as_image").read(0)


def test_records_know_how_depth_was_laid(tmp_path):
    digests = [
        source(tmp_path, 3, STORED, untagged).digest()
        for untagged in ("refuse", "upright", "as_image")
    ]
    assert len(set(digests)) == 3
