"""Predictions and HTML of the web page. with_browser/ tests the page itself."""

import base64
import dataclasses
import io
import re
import signal
import socket
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image
from ply_reader import read_ply

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import with_fields
from deepdepth_jax.datasets.registry import held_out_source
from deepdepth_jax.demo.__main__ import _ended_by_signals, main
from deepdepth_jax.demo.answers import (
    Answer,
    Certainty,
    Reading,
    ask,
    read_pixel,
    save_depth,
    save_points,
)
from deepdepth_jax.demo.drawings import (
    MOST_POINTS,
    draw_mistake,
    draw_points,
    draw_reading,
    draw_scale,
    draw_views,
)
from deepdepth_jax.demo.input_images import InputImage, read_upload, street_scenes
from deepdepth_jax.drawing.colors import depth_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength, Pinhole
from deepdepth_jax.inference.image_prediction import ImagePrediction
from deepdepth_jax.inference.layout import LARGEST_WHOLE_PX
from deepdepth_jax.inference.saved_network import restore
from deepdepth_jax.runtime.installation import install_command
from deepdepth_jax.types import Prediction

HEIGHT, WIDTH = 6, 10


@pytest.fixture(scope="module")
def predictor(trained):
    return DepthPredictor.load(trained / "run")


def noise(height=HEIGHT, width=WIDTH):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def made_up_answer(name="street", height=HEIGHT, width=WIDTH, focal_px=8.0):
    """Every number is another one, and depth has no steps."""
    first = np.linspace(5, 6, height * width, dtype=np.float32).reshape(height, width)
    numbers = {
        "depth_m": first,
        "confidence": first / 10,
        "entropy_nats": first / 5,
        "log_depth_std": first / 40,
        "low_m": first - 2,
        "high_m": first + 3,
    }
    return Answer(
        input=InputImage(name, noise(height, width)),
        asked=FocalLength(),
        prediction=ImagePrediction(
            **numbers,
            image=noise(height, width),
            focal_px=focal_px,
            camera=Pinhole(focal_px),
            depth_range_m=(1.0, 80.0),
            num_bins=71,
        ),
    )


def begun_png(width, height):
    """Returns a PNG that is cut off where its pixels begin."""
    fields = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(fields))
    header = struct.pack(">I", 13) + fields + checksum
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT"


def test_a_small_image_keeps_its_pixels(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "my street.png")
    entry = read_upload(tmp_path / "my street.png")
    assert (entry.name, entry.shrunk_by, entry.focal_px) == ("my street", 1.0, 0.0)
    np.testing.assert_array_equal(entry.image, noise())


def test_a_large_image_is_shrunk_to_the_largest_whole_size(tmp_path):
    ramp = np.linspace(0, 255, 2400).astype(np.uint8)
    image = np.broadcast_to(ramp[None, :, None], (1500, 2400, 3))
    Image.fromarray(np.ascontiguousarray(image)).save(tmp_path / "large.png")
    entry = read_upload(tmp_path / "large.png")
    height, width = entry.image.shape[:2]
    assert 0.99 * LARGEST_WHOLE_PX < height * width <= LARGEST_WHOLE_PX
    assert entry.shrunk_by == pytest.approx(2400 / width, rel=1e-3)
    assert entry.shrunk_by == pytest.approx(1500 / height, rel=1e-3)
    expected = np.linspace(0, 255, width)
    np.testing.assert_allclose(entry.image[height // 2, :, 1], expected, atol=2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"not an image", "not a readable image"),
        (b"", "not a readable image"),
        (begun_png(10, 10), "cannot be decoded, broken or cut off"),
        (begun_png(8000, 8000), "at most 50 megapixels"),
        (begun_png(60_000, 60_000), "at most 50 megapixels"),
        (begun_png(17, 1), "at most 16 times as long"),
        (begun_png(1, 17), "at most 16 times as long"),
    ],
    ids=["text", "empty", "cut off", "large", "huge", "wide", "tall"],
)
def test_what_cannot_be_shown_is_told_without_our_folders(tmp_path, content, told):
    (tmp_path / "mine.png").write_bytes(content)
    with pytest.raises(UserError, match=f"^mine.png: .*{told}") as raised:
        read_upload(tmp_path / "mine.png")
    assert str(tmp_path) not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 16)])
def test_a_tiny_image_is_read(tmp_path, size):
    Image.new("L", size, 7).save(tmp_path / "mine.png")
    image = read_upload(tmp_path / "mine.png").image
    np.testing.assert_array_equal(image, np.full((size[1], size[0], 3), 7))


def test_an_image_that_is_gone_is_asked_for_again(tmp_path):
    with pytest.raises(UserError, match=r"^mine.png: no longer stored; upload it"):
        read_upload(tmp_path / "mine.png")


def test_a_depth_map_is_not_an_image(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "depth.png")
    with pytest.raises(UserError, match=r"^depth.png: .*16 bits"):
        read_upload(tmp_path / "depth.png")


def test_examples_are_scenes_of_the_test_split(predictor):
    config = predictor.config
    scenes = held_out_source(config, "test")
    images = list(street_scenes(config.data, 2))
    for index, entry in enumerate(images):
        expected = scenes.read(index)
        np.testing.assert_array_equal(entry.image, expected.image)
        assert entry.focal_px == expected.focal_px > 0
    assert len({entry.name for entry in images}) == 2


def test_an_answer_is_what_the_predictor_says(predictor):
    entry = InputImage("mine", noise(32, 64))
    answer = ask(predictor, entry, FocalLength())
    expected = predictor(entry.image)
    np.testing.assert_array_equal(answer.prediction.depth_m, expected.depth_m)
    np.testing.assert_array_equal(answer.prediction.high_m, expected.high_m)
    assert answer.prediction.camera.focal_px == predictor.training_focal_px > 0
    assert (
        answer.prediction.depth_scale.low,
        answer.prediction.depth_scale.high,
    ) == predictor.depth_range_m()
    assert answer.prediction.confidence_scale.low == pytest.approx(1 / 12)


def test_the_visitors_focal_length_is_that_of_the_file(predictor):
    entry = InputImage("mine", noise(32, 64), shrunk_by=2.0)
    answer = ask(predictor, entry, FocalLength(120.0))
    expected = predictor(entry.image, 60.0)
    np.testing.assert_array_equal(answer.prediction.depth_m, expected.depth_m)
    assert answer.prediction.camera.focal_px == 60
    assert (
        answer.prediction.depth_scale.low,
        answer.prediction.depth_scale.high,
    ) == predictor.depth_range_m(60.0)


def test_the_35_mm_equivalent_is_that_of_the_file(predictor):
    entry = InputImage("mine", noise(32, 64), shrunk_by=2.0)
    camera = ask(predictor, entry, FocalLength(mm35=50)).prediction.camera
    assert camera.focal_px == pytest.approx(50 * np.hypot(32, 64) / np.hypot(36, 24))


def test_the_camera_of_an_example_cannot_be_changed(predictor):
    entry = InputImage("street", noise(32, 64), focal_px=50.0, is_rendered=True)
    assert ask(predictor, entry, FocalLength(120.0)).prediction.camera.focal_px == 50


def test_the_visitors_focal_length_wins_over_exif_tags(predictor, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 26
    Image.fromarray(noise(32, 64)).save(tmp_path / "mine.jpg", exif=exif)
    entry = read_upload(tmp_path / "mine.jpg")
    own_px = 26 * np.hypot(32, 64) / np.hypot(36, 24)
    own = ask(predictor, entry, FocalLength())
    assert own.prediction.camera.focal_px == pytest.approx(own_px)
    assert f"from the EXIF tags ({own_px:.0f} pixels)" in draw_views(own)
    other = ask(predictor, entry, FocalLength(120.0))
    assert other.prediction.camera.focal_px == 120
    assert "EXIF" not in draw_views(other)


def test_a_network_of_many_cameras_assumes_one(trained, predictor):
    config = with_fields(predictor.config, {"data.canonical_focal_px": 40.0})
    learnt = restore(predictor.config, trained / "run", "best").trained
    of_many = DepthPredictor(config, learnt)
    answer = ask(of_many, InputImage("mine", noise(32, 64)), FocalLength())
    assumed_px = 26 * np.hypot(32, 64) / np.hypot(36, 24)
    assert answer.prediction.camera.focal_px == pytest.approx(assumed_px)
    assert f"is unknown and assumed ({assumed_px:.0f} pixels)" in draw_views(answer)
    answer = ask(of_many, InputImage("mine", noise(32, 64)), FocalLength(80.0))
    assert answer.prediction.camera.focal_px == 80


@pytest.mark.parametrize(("column", "row"), [(0, 0), (9, 0), (0, 5), (7, 2)])
def test_a_pixel_is_read_where_it_is(column, row):
    answer = made_up_answer()
    reading = read_pixel(answer, column, row)
    said = answer.prediction
    assert (reading.column, reading.row) == (column, row)
    assert reading.depth_m == said.depth_m[row, column]
    assert reading.certainty.low_m == said.low_m[row, column]
    assert reading.certainty.high_m == said.high_m[row, column]
    assert reading.certainty.relative_error == said.log_depth_std[row, column]
    assert reading.certainty.confidence == said.confidence[row, column]


def test_a_network_without_distributions_shows_depth_alone():
    whole = made_up_answer()
    nothing = dict.fromkeys(vars(Prediction(whole.prediction.depth_m)))
    depth = {"depth_m": whole.prediction.depth_m}
    alone = dataclasses.replace(whole.prediction, **nothing | depth)
    answer = dataclasses.replace(whole, prediction=alone)
    views = draw_views(answer)
    assert "Depth" in views
    assert "Confidence" not in views
    reading = read_pixel(answer, 7, 2)
    assert reading.certainty is None
    said = draw_reading(reading)
    assert "predicts no confidence" in said
    assert "Column 7, row 2" in said


@pytest.mark.parametrize(("column", "row"), [(-1, 0), (0, -1), (10, 0), (0, 6)])
def test_a_pixel_outside_is_told(column, row):
    with pytest.raises(UserError, match="10 x 6 pixels"):
        read_pixel(made_up_answer(), column, row)


@pytest.mark.parametrize(
    ("relative_error", "word"),
    [(0.05, "sure"), (0.11, "fairly sure"), (0.25, "fairly sure"), (0.9, "unsure")],
)
def test_sureness_has_words(relative_error, word):
    certainty = Certainty(9.87, 145.6, relative_error, 0.123)
    assert certainty.in_words == word
    reading = Reading(3, 4, 12.34, certainty)
    said = re.sub("<[^>]*>", " ", draw_reading(reading))
    for part in ("12.3 m", "9.9 m", "146 m", f" {word} ", f"{relative_error:.0%}"):
        assert part in said
    assert "Column 3, row 4" in said
    assert "12.3%" in said


def test_files_to_download_hold_metres(tmp_path):
    answer = made_up_answer()
    path = save_depth(answer, tmp_path)
    assert path.name == "street_depth.png"
    with Image.open(path) as image:
        values = np.asarray(image)
    assert values.dtype == np.uint16
    expected = np.round(answer.prediction.depth_m * 256)
    np.testing.assert_array_equal(values, expected)
    path = save_points(answer, tmp_path)
    assert path.name == "street_points.ply"
    assert len(read_ply(path)[0]) == HEIGHT * WIDTH


def test_fewer_points_are_some_of_all(tmp_path):
    answer = made_up_answer(height=7, width=11)
    every, _ = read_ply(save_points(answer, tmp_path))
    some, _ = read_ply(save_points(answer, tmp_path, step=3))
    every, some = (
        np.array([list(point.values()) for point in points]) for points in (every, some)
    )
    chosen = np.arange(77).reshape(7, 11)[::3, ::3].ravel()
    np.testing.assert_allclose(some, every[chosen], rtol=1e-5)


def test_the_browser_turns_a_bounded_number_of_points(tmp_path):
    drawn = draw_points(made_up_answer(height=400, width=500, focal_px=300.0))
    (tmp_path / "view.ply").write_bytes(base64.b64decode(drawn["ply"]))
    points, _ = read_ply(tmp_path / "view.ply")
    assert len(points) == 200 * 250 <= MOST_POINTS
    size = drawn["focal_px"], drawn["width_px"], drawn["height_px"]
    assert size == (150.0, 250.0, 200.0)
    assert draw_points(made_up_answer(focal_px=0.0)) is None


def test_images_are_drawn_pixel_by_pixel():
    answer = made_up_answer()
    files = re.findall(r'src="data:image/\w+;base64,([^"]+)"', draw_views(answer))
    shown, depth, confidence = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))) for file in files
    )
    assert shown.shape == (HEIGHT, WIDTH, 3)
    said = answer.prediction
    np.testing.assert_array_equal(
        depth, answer.prediction.depth_scale.paint(said.depth_m)
    )
    np.testing.assert_array_equal(
        confidence, answer.prediction.confidence_scale.paint(said.confidence)
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"asked": FocalLength()}, "focal length is unknown and assumed"),
        ({"asked": FocalLength()}, "is unknown and assumed (16 pixels)"),
        ({"asked": FocalLength(16.0)}, ""),
    ],
)
def test_an_assumed_camera_is_named(given, says):
    answer = dataclasses.replace(
        made_up_answer(), input=InputImage("mine", noise(), shrunk_by=2.0), **given
    )
    views = draw_views(answer)
    assert says in views
    assert ("assumed" in views) == bool(says)


def test_the_camera_of_an_example_is_known():
    entry = InputImage("street", noise(), focal_px=50.0, is_rendered=True)
    views = draw_views(dataclasses.replace(made_up_answer(), input=entry))
    assert "assumed" not in views


def test_names_and_mistakes_are_no_html():
    assert "<script>" not in draw_views(made_up_answer("<script>"))
    assert "&lt;script&gt;" in draw_mistake("<script>")


def test_a_scale_has_its_numbers_where_their_colours_are():
    scale = depth_scale(1.0, 80.0)
    drawn = draw_scale(scale)
    ticks = {
        label: float(place)
        for place, label in re.findall(r'left:([\d.]+)%">([^<]+)<', drawn)
    }
    assert ticks["1 m"] == 0
    assert ticks["80 m"] == 100
    assert ticks["10 m"] == pytest.approx(100 * np.log(10) / np.log(80), abs=0.01)
    colours = re.findall(r"rgb\((\d+) (\d+) (\d+)\)", drawn)
    for colour, depth_m in ((colours[0], 1.0), (colours[-1], 80.0)):
        [[expected]] = scale.paint(np.full((1, 1), depth_m, np.float32)).tolist()
        assert list(map(int, colour)) == expected
    assert drawn.index("near") < drawn.index("gradient") < drawn.index("far")


def test_a_missing_gradio_is_told_before_anything_is_loaded(tmp_path, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")  # the command sets them: put them back
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "")
    for name in ("page", "server"):
        monkeypatch.delitem(sys.modules, f"deepdepth_jax.demo.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "gradio", None)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=re.escape(install_command("demo"))):
        main([f"--workdir={tmp_path}", f"--port={port}"])


def test_a_taken_port_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port={port}: .*another"):
            main([f"--workdir={tmp_path}", f"--port={port}"])


@pytest.mark.parametrize("host", ["a..b", 80 * "ä"])
def test_an_address_that_is_none_is_told(tmp_path, host):
    with pytest.raises(UserError, match=rf"--host={host} --port=7860: .*another"):
        main([f"--workdir={tmp_path}", f"--host={host}"])


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_a_port_is_a_number(tmp_path, port):
    with pytest.raises(UserError, match="1 to 65535"):
        main([f"--workdir={tmp_path}", f"--port={port}"])


def test_the_page_needs_no_signal_that_windows_lacks(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP")
    before = signal.getsignal(signal.SIGTERM)
    with _ended_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
