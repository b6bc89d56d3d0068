"""What check_data says of a manifest whose files are turned, or declare too much."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from deepdepth_jax.check_data.__main__ import main
from deepdepth_jax.errors import UserError

HEIGHT, WIDTH = 24, 40
DEPTH = np.full((HEIGHT, WIDTH), 2560, np.uint16)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.fixture
def folder(tmp_path):
    """Three pairs to train on, upright."""
    lines = []
    for name in "abc":
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / f"{name}.jpg")
        Image.fromarray(DEPTH).save(tmp_path / f"{name}.png")
        line = {"image": f"{name}.jpg", "depth": f"{name}.png", "split": "train"}
        lines.append(json.dumps(line) + "\n")
    (tmp_path / "pairs.jsonl").write_text("".join(lines))
    return tmp_path


def check(folder, *overrides):
    main(
        [
            "--config=configs/pairs.py",
            f"--config.data.pairs.manifest={folder / 'pairs.jsonl'}",
            "--config.data.pairs.depth_unit_m=0.00390625",
            f"--output={folder / 'report'}",
            *overrides,
        ]
    )


def test_upright_pairs_pass(folder, capsys):
    check(folder)
    assert "turned" not in capsys.readouterr().out


def test_a_manifest_without_training_rows_is_named(folder):
    manifest = folder / "pairs.jsonl"
    manifest.write_text(manifest.read_text().replace("train", "test"))
    with pytest.raises(UserError, match=r"no training frame is there .* no row has"):
        check(folder)


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_an_image_that_is_turned_and_its_depth_not_is_refused(
    folder, capsys, orientation
):
    """Nobody but the user knows whether the map belongs to the stored image."""
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "b.jpg", exif=exif(orientation))
    with pytest.raises(UserError, match="1 broken"):
        check(folder)
    out = capsys.readouterr().out
    assert re.search(
        rf"{folder}/b\.jpg: .* \(orientation {orientation}\), and its depth "
        rf"{folder}/b\.png has no .*data\.pairs\.untagged_depth=upright or =as_image",
        out,
    )


@pytest.mark.parametrize("untagged", ["upright", "as_image"])
def test_where_untagged_depth_is_known_turned_images_are_named(
    folder, capsys, untagged
):
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "b.jpg", exif=exif(3))
    check(folder, f"--config.data.pairs.untagged_depth={untagged}")
    out = capsys.readouterr().out
    assert "1 are turned upright otherwise than their depth" in out
    assert re.search(rf"{folder}/b\.jpg: .* \(orientation 3\), its", out)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_turn_that_makes_sizes_differ_is_named_as_the_cause(
    folder, capsys, orientation
):
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "b.jpg", exif=exif(orientation))
    with pytest.raises(UserError, match="1 broken"):
        check(folder)
    out = capsys.readouterr().out
    assert f"{folder}/b.jpg: is 24 x 40 pixels" in out
    assert f"(orientation {orientation})" in out


def test_image_and_depth_that_are_turned_alike_pass(folder, capsys):
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "b.jpg", exif=exif(6))
    Image.fromarray(DEPTH).save(folder / "b.png", exif=exif(6))
    check(folder)
    assert "turned" not in capsys.readouterr().out


def huge_npy():
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<f4", "fortran_order": False, "shape": (2**20, 2**20)}
    )
    return buffer.getvalue()


def huge_tiff():
    buffer = io.BytesIO()
    Image.fromarray(DEPTH).save(buffer, "TIFF")
    tiff = buffer.getvalue()
    for size in (HEIGHT, WIDTH):
        tiff = tiff.replace(
            b"\1\0\0\0" + size.to_bytes(4, "little"), b"\1\0\0\0\0\0\x10\0"
        )
    return tiff


@pytest.mark.parametrize(
    ("name", "content"), [("b.npy", huge_npy()), ("b.tiff", huge_tiff())]
)
def test_a_file_that_declares_terabytes_is_named(folder, capsys, name, content):
    (folder / name).write_bytes(content)
    manifest = folder / "pairs.jsonl"
    manifest.write_text(manifest.read_text().replace("b.png", name))
    with pytest.raises(UserError, match="1 broken"):
        check(folder)
    said = rf"{folder}/b\.jpg: is 40 x 24 pixels, its depth {folder}/{name} is 1048576"
    assert re.search(said, capsys.readouterr().out)


def test_a_line_that_is_nested_deeply_is_named(folder):
    manifest = folder / "pairs.jsonl"
    manifest.write_text(manifest.read_text() + "[" * 50_000 + "]" * 50_000 + "\n")
    with pytest.raises(UserError, match=r"pairs\.jsonl, line 4: is nested too deeply"):
        check(folder)
