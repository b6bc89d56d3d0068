import hashlib
import json

import numpy as np
import pytest
import tensorflow as tf

from deepdepth_jax.datasets.builder import SourceConfig
from deepdepth_jax.datasets.descriptions import Pairs
from deepdepth_jax.datasets.pairs.pairs_source import PairsSource
from deepdepth_jax.errors import UserError

HEIGHT, WIDTH = 6, 9
FOCAL_PX = {"a": 721.5, "b": None, "c": 300.0, "d": None}


def image_of(stem):
    shape = (HEIGHT, WIDTH, 3)
    return np.random.default_rng(ord(stem)).integers(0, 256, shape, np.uint8)


def depth_mm(stem):
    """Values with holes."""
    rng = np.random.default_rng(1000 + ord(stem))
    values = rng.integers(1, 2**16, (HEIGHT, WIDTH), np.uint16)
    values[rng.random(values.shape) < 0.3] = 0
    return values


def write_png(path, values):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(tf.io.encode_png(values).numpy())


def write_manifest(folder, lines):
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def line_of(stem, split):
    line = {"image": f"rgb/{stem}.png", "depth": f"depth/{stem}.png", "split": split}
    return line | {"focal_px": FOCAL_PX[stem]}


@pytest.fixture
def manifest(tmp_path):
    """Lists c, a and b to train and d to validate; all are there."""
    folder = tmp_path / "mine"
    for stem in FOCAL_PX:
        write_png(folder / f"rgb/{stem}.png", image_of(stem))
        write_png(folder / f"depth/{stem}.png", depth_mm(stem)[..., None])
    lines = [line_of("c", "train"), line_of("a", "train"), line_of("d", "val")]
    return write_manifest(folder, [*lines, line_of("b", "train")])


def test_the_content_of_depth_is_checked_and_identifies_records(manifest):
    depth = manifest.parent / "depth/a.png"
    digest = hashlib.sha256(depth.read_bytes()).hexdigest()
    line = line_of("a", "train")
    before = make_source(write_manifest(manifest.parent, [line])).identity()
    with_digest = write_manifest(manifest.parent, [line | {"sha256": digest}])
    source = make_source(with_digest)
    assert source.identity()["files"]["rgb/a.png"][-1] == digest
    assert source.identity() != before
    source.read(0)
    other = write_manifest(manifest.parent, [line | {"sha256": digest[::-1]}])
    assert make_source(other).identity() != source.identity()
    with pytest.raises(UserError, match=rf"a\.png: its SHA-256 is {digest}, not that"):
        make_source(other).read(0)


def make_source(manifest, split="train"):
    return PairsSource(manifest, split, depth_unit_m=0.001)


def test_pairs_come_back_exactly(manifest):
    source = make_source(str(manifest))
    assert (source.dataset, source.ground_truth) == ("pairs", "given")
    assert len(source) == 3
    for index, stem in enumerate("abc"):
        example = source.read(index)
        assert example.name == f"rgb/{stem}.png"
        np.testing.assert_array_equal(example.image, image_of(stem))
        expected = depth_mm(stem).astype(np.float32) / np.float32(1000)
        np.testing.assert_array_equal(example.depth_m, expected)
        assert example.focal_px == (FOCAL_PX[stem] or 0)
    assert source.expected == source.present == [f"rgb/{stem}.png" for stem in "abc"]
    assert source.without_focal_length == ["rgb/b.png"]
    assert source.missing == {}
    assert source.report() == (
        f"pairs train of {manifest} (given): 3 of 3 frames under {manifest.parent}"
    )


def test_each_split_has_its_own(manifest):
    assert make_source(manifest, "val").expected == ["rgb/d.png"]
    assert len(make_source(manifest, "test")) == 0


def test_the_unit_scales_depth(manifest):
    metres = PairsSource(manifest, "val", 1.0).read(0).depth_m
    np.testing.assert_array_equal(metres, depth_mm("d"))


def test_what_is_missing_is_left_out_and_named(manifest):
    folder = manifest.parent
    (folder / "rgb/a.png").unlink()
    (folder / "depth/a.png").unlink()
    (folder / "depth/b.png").unlink()
    source = make_source(manifest)
    assert len(source) == 1
    assert source.read(0).name == "rgb/c.png"
    assert source.expected == [f"rgb/{stem}.png" for stem in "abc"]
    assert source.present == ["rgb/c.png"]
    assert source.missing == {"image": ["rgb/a.png"], "depth": ["rgb/b.png"]}
    assert source.without_focal_length == []
    assert "1 of 3 frames" in source.report()


def test_folders_that_are_missing_leave_nothing(manifest, tmp_path):
    lines = [
        {"image": "none/a.png", "depth": "none/a.npy", "split": "train"},
        # A file where a folder should be.
        {"image": f"{manifest}/a.png", "depth": "a.npy", "split": "train"},
    ]
    source = make_source(write_manifest(tmp_path, lines))
    assert len(source) == 0
    assert sorted(source.missing["image"]) == sorted(line["image"] for line in lines)


@pytest.mark.parametrize("image", ["a" * 300 + ".png", "a\0.png"])
def test_names_that_no_file_can_have_are_refused(tmp_path, image):
    manifest = write_manifest(tmp_path, [{"image": image, "depth": "a.npy"}])
    with pytest.raises(UserError, match="cannot be opened"):
        make_source(manifest, "test")


def identity_of(manifest, split="train", unit_m=0.001):
    return json.dumps(PairsSource(manifest, split, unit_m).identity(), sort_keys=True)


def test_identity_tells_all_that_decides_the_examples(manifest):
    folder = manifest.parent
    sizes = {
        kind: (folder / kind / "d.png").stat().st_size for kind in ("rgb", "depth")
    }
    assert PairsSource(manifest, "val", 0.5).identity() == {
        "split": "val",
        "depth_unit_m": 0.5,
        "files": {"rgb/d.png": [sizes["rgb"], sizes["depth"], 0.0]},
    }
    seen = [identity_of(manifest), identity_of(manifest, unit_m=0.01)]
    write_png(folder / "depth/a.png", depth_mm("a")[:3, ..., None])
    seen.append(identity_of(manifest))
    write_png(folder / "rgb/a.png", image_of("a")[:3])
    seen.append(identity_of(manifest))
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    write_manifest(folder, [line | {"focal_px": 500} for line in lines])
    seen.append(identity_of(manifest))
    (folder / "depth/a.png").unlink()
    seen.append(identity_of(manifest))
    assert len(set(seen)) == 6


def test_neither_place_nor_order_of_lines_changes_the_examples(manifest, tmp_path):
    before = identity_of(manifest)
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(reversed(lines)))
    moved = manifest.parent.rename(tmp_path / "moved") / manifest.name
    assert identity_of(moved) == before
    assert make_source(moved).read(0).name == "rgb/a.png"


@pytest.mark.parametrize("unit_m", [0.0, -0.001, float("nan"), float("inf")])
def test_units_that_are_no_length_are_refused(manifest, unit_m):
    with pytest.raises(UserError, match=rf"data.pairs.depth_unit_m = {unit_m}: must"):
        PairsSource(manifest, "train", unit_m)


def test_mistakes_are_said_when_the_source_is_made(manifest):
    with pytest.raises(UserError, match=r"split 'all'.*'train'"):
        make_source(manifest, "all")
    manifest.write_text("{")
    with pytest.raises(UserError, match=f"{manifest}, line 1: is no JSON"):
        make_source(manifest)


def test_broken_files_are_named(manifest):
    folder = manifest.parent
    source = make_source(manifest, "val")
    image, depth = folder / "rgb/d.png", folder / "depth/d.png"
    write_png(depth, depth_mm("d")[:, 1:, None])
    with pytest.raises(UserError, match=f"{image}: is 9 x 6 .* {depth} is 8 x 6"):
        source.read(0)
    write_png(depth, np.ones((HEIGHT, WIDTH, 1), np.uint8))
    with pytest.raises(UserError, match=f"{depth}: has 8 bits"):
        source.read(0)
    image.write_bytes(image.read_bytes()[:-30])
    with pytest.raises(UserError, match=f"{image}: cannot be decoded"):
        source.read(0)


def test_records_come_back_exactly(manifest, tmp_path):
    source = make_source(manifest)
    builder = Pairs(
        data_dir=tmp_path / "prepared",
        config=SourceConfig.of(source),
        file_format="array_record",
    )
    builder.download_and_prepare()
    prepared = builder.as_data_source("train")
    assert len(prepared) == 3
    for index, record in enumerate(prepared):
        example = source.read(index)
        assert record["name"].decode() == example.name
        np.testing.assert_array_equal(record["image"], example.image)
        np.testing.assert_array_equal(record["depth_m"], example.depth_m)
        assert record["focal_px"] == np.float32(example.focal_px)
