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
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
