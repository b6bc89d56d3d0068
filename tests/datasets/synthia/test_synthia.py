from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.descriptions import Synthia
from deepdepth_jax.datasets.synthia.synthia_source import SynthiaSource, split_of
from deepdepth_jax.errors import UserError

HEIGHT, WIDTH = 6, 10


@pytest.fixture
def root(tmp_path):
    """Frames 0 to 10 and 105: two of the test, two to validate, eight to train."""
    return write_frames(tmp_path / "synthia", [*range(11), 105])


def write_frames(root, indices, depth_folder="Depth"):
    (root / "RGB").mkdir(parents=True, exist_ok=True)
    (root / depth_folder).mkdir(parents=True, exist_ok=True)
    for index in indices:
        rng = np.random.default_rng(index)
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        write_png(root / "RGB" / f"{index:07d}.png", pixels)
        depth_path = root / depth_folder / f"{index:07d}.png"
        write_png(depth_path, np.stack([depth_cm(index)] * 3, -1))
    return root


def write_png(path, values):
    path.write_bytes(tf.io.encode_png(values).numpy())


def depth_cm(index):
    values = np.random.default_rng(index + 1).integers(
        100, 30_000, (HEIGHT, WIDTH), np.uint16
    )
    values[0] = 65_535  # sky
    return values


def names(source):
    return [source.read(index).name for index in range(len(source))]


def assert_read_fails(source, path, problem):
    with pytest.raises(UserError) as raised:
        source.read(0)
    assert str(path) in str(raised.value)
    assert problem in str(raised.value)


def test_split_sizes():
    assert Counter(map(split_of, range(9400))) == {
        "train": 8366,
        "val": 94,
        "test": 940,
    }


def test_splits_share_no_frame(root):
    assert names(SynthiaSource(root, "test")) == ["0000000", "0000010"]
    assert names(SynthiaSource(root, "val")) == ["0000005", "0000105"]
    train = names(SynthiaSource(root, "train"))
    assert train == [f"{index:07d}" for index in (1, 2, 3, 4, 6, 7, 8, 9)]


@pytest.mark.parametrize("depth_folder", ["Depth", "Depth/Depth"])
def test_depth_is_centimetres_in_16_bits(tmp_path, depth_folder):
    root = write_frames(tmp_path, [7], depth_folder)
    example = SynthiaSource(str(root), "train").read(0)
    assert example.name == "0000007"
    encoded = (root / "RGB" / "0000007.png").read_bytes()
    np.testing.assert_array_equal(example.image, tf.io.decode_png(encoded))
    assert example.image.dtype == np.uint8
    assert example.depth_m.dtype == np.float32
    np.testing.assert_allclose(example.depth_m, depth_cm(7) / 100, rtol=1e-7)
    assert example.depth_m[0, 0] == np.float32(655.35)
    assert example.focal_px == 0


def test_focal_length_is_what_the_user_says(root):
    unknown = SynthiaSource(root, "val")
    assert unknown.without_focal_length == ["0000005", "0000105"]
    known = SynthiaSource(root, "val", focal_px=532.5)
    assert known.read(1).focal_px == 532.5
    assert not known.without_focal_length
    assert known.identity() != unknown.identity()


def test_ground_truth_has_its_name_in_protocols(root):
    source = SynthiaSource(root, "test")
    assert (source.dataset, source.ground_truth) == ("synthia", "rendered")
    assert not source.without_ground_truth


def test_report_counts_and_names_what_is_missing(root):
    for name in ("RGB/0000003.png", "Depth/0000004.png"):
        (root / name).unlink()
    source = SynthiaSource(root, "train")
    assert len(source) == 6
    assert source.present == [f"{index:07d}" for index in (1, 2, 6, 7, 8, 9)]
    assert names(source) == source.present
    assert source.missing["depth"] == ["0000004"]
    assert len(source.missing["image"]) == 8366 - 7
    assert source.report() == (
        f"synthia train (rendered): 6 of 8366 frames under {root}; "
        "8359 without image: 0000003 and so on; 1 without depth: 0000004"
    )


def test_whole_split_has_nothing_to_report(tmp_path):
    (tmp_path / "RGB").mkdir()
    (tmp_path / "Depth").mkdir()
    for index in range(5, 9400, 100):
        (tmp_path / "RGB" / f"{index:07d}.png").touch()
        (tmp_path / "Depth" / f"{index:07d}.png").touch()
    source = SynthiaSource(tmp_path, "val")
    assert source.missing == {}
    assert source.report() == (
        f"synthia val (rendered): 94 of 94 frames under {tmp_path}"
    )


def test_identity_is_of_the_files_and_not_of_the_folder(root):
    before = SynthiaSource(root, "test").identity()
    root = root.rename(root.with_name("moved"))
    assert SynthiaSource(root, "test").identity() == before
    (root / "Depth" / "0000010.png").unlink()
    fewer = SynthiaSource(root, "test").identity()
    write_png(root / "RGB" / "0000000.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    other = SynthiaSource(root, "test").identity()
    assert len({str(identity) for identity in (before, fewer, other)}) == 3


def test_identity_is_of_names_and_split(tmp_path):
    same_content = write_frames(tmp_path / "a", [0])
    for folder in ("RGB", "Depth"):
        (tmp_path / "b" / folder).mkdir(parents=True)
        content = (same_content / folder / "0000000.png").read_bytes()
        (tmp_path / "b" / folder / "0000010.png").write_bytes(content)
    identities = [
        SynthiaSource(tmp_path / root, split).identity()
        for root, split in [("a", "test"), ("b", "test"), ("a", "val"), ("a", "train")]
    ]
    assert len({str(identity) for identity in identities}) == 4


def test_mistakes_name_the_field_and_what_is_expected(tmp_path):
    with pytest.raises(UserError, match=r"split 'all'.*'train'"):
        SynthiaSource(tmp_path, "all")
    for missing in ("RGB", "Depth"):
        with pytest.raises(UserError, match=f"data.root = {tmp_path}: .*'{missing}'"):
            SynthiaSource(tmp_path, "train")
        (tmp_path / missing).mkdir()
    assert len(SynthiaSource(tmp_path, "train")) == 0


def test_broken_files_are_named(root):
    source = SynthiaSource(root, "val")
    depth = root / "Depth" / "0000005.png"
    write_png(depth, np.ones((HEIGHT, WIDTH, 3), np.uint8))
    assert_read_fails(source, depth, "8 bits")
    write_png(depth, np.ones((HEIGHT, WIDTH, 1), np.uint16))
    assert_read_fails(source, depth, "not a 16-bit RGB PNG")
    write_png(depth, np.ones((HEIGHT, WIDTH + 1, 3), np.uint16))
    assert_read_fails(source, depth, "is 11 x 6")
    image = root / "RGB" / "0000005.png"
    image.write_bytes(image.read_bytes()[:-30])
    assert_read_fails(source, image, "cut off")


def test_records_come_back_exactly(root, tmp_path):
    source = SynthiaSource(root, "test")
    builder = Synthia(
        data_dir=tmp_path / "prepared",
        config=SourceConfig.of(source),
        file_format="array_record",
    )
    builder.download_and_prepare()
    prepared = builder.as_data_source("test")
    assert len(prepared) == 2
    for example, index in zip(prepared, (0, 10), strict=True):
        assert example["name"].decode() == f"{index:07d}"
        np.testing.assert_array_equal(
            example["depth_m"], depth_cm(index).astype(np.float32) / np.float32(100)
        )
