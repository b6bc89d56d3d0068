"""The examples of docs/python.md run, in their order, on a real network."""

import re
from pathlib import Path

import numpy as np
import pytest
from moving_images import make_video
from PIL import ExifTags, Image

PAGE = Path("docs/python.md").resolve()


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "streets").symlink_to(trained / "run")
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 35
    pixels = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", exif=exif)
    make_video(tmp_path / "drive.mp4", 3)
    make_pairs(tmp_path, pixels)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_pairs(folder, pixels):
    rows = ["image,depth,focal_px"]
    depth = np.linspace(2 * 256, 60 * 256, 32 * 64).reshape(32, 64).astype(np.uint16)
    for number in range(12):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        Image.fromarray(depth).save(folder / f"{number}_depth.png")
        rows.append(f"{number}.png,{number}_depth.png,37.2")
    (folder / "pairs.csv").write_text("\n".join(rows))


def test_the_examples_run(folder):
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    names = {}
    for example in examples:
        exec(compile(example, PAGE, "exec"), names)
    made = {path.relative_to(folder / "out") for path in folder.glob("out/**/*.*")}
    named = ["depth.png", "depth.npy", "all.npz", "points.ply", "colours.png"]
    named += ["confidence.png", "0.png", "1.png", "2.png"]
    frames = [f"{name}/{i:06}.npy" for name in ("drive", "steady") for i in range(3)]
    assert made == {Path(name) for name in (*named, *frames)}
    own_px = 35 * np.hypot(32, 64) / np.hypot(36, 24)
    assert names["prediction"].focal_px == pytest.approx(own_px)
    assert [each.focal_px for each in names["of_each"]] == [60, 45]
    assert names["by_lens"].focal_px == pytest.approx(own_px)
    learnt = names["mine"](folder / "0.png").depth_m
    before = names["predictor"](folder / "0.png").depth_m
    assert np.abs(learnt - before).max() > 0
    assert (folder / "runs" / "mine" / "eval.json").exists()
