"""What counts as an image, and as several."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import ExifTags, Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.datasets.images import read_any_image
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.depth_runner import DepthRunner
from deepdepth_jax.inference.inputs import read_inputs

RGB = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
GREY = RGB[..., 0]
ALPHA = np.dstack([RGB, GREY])


@pytest.fixture(scope="module")
def predictor(trained):
    return DepthPredictor.load(trained / "run")


def read(image, focal_px=0.0, focal_mm35=0.0):
    return read_inputs(image, focal_px, focal_mm35, TrainingCamera())


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RGB, RGB),
        (jnp.asarray(RGB), RGB),
        (RGB[:, ::-1], RGB[:, ::-1]),
        (GREY, np.dstack([GREY] * 3)),
        (GREY[..., None], np.dstack([GREY] * 3)),
        (ALPHA, RGB),
        (RGB.astype(np.uint16) * 256 + 255, RGB),
        (RGB.astype(np.float32) / 255, RGB),
        (RGB.astype(np.float64) / 255, RGB),
        (np.zeros((4, 5, 3), np.uint16), np.zeros((4, 5, 3), np.uint8)),
        (Image.fromarray(RGB), RGB),
        (Image.fromarray(GREY), np.dstack([GREY] * 3)),
        (Image.fromarray(ALPHA), RGB),
    ],
)
def test_images_become_8_bit_rgb(image, expected):
    found = read(image)
    assert found.image.dtype == np.uint8
    np.testing.assert_array_equal(found.image, expected)
    assert found.focal_px == 0
    assert not np.shares_memory(found.image, np.asarray(image))


def test_float16_is_read_as_exactly_as_it_can_be():
    image = (RGB / 255).astype(np.float16)
    expected = np.round(image.astype(np.float64) * 255)
    np.testing.assert_array_equal(read(image).image, expected)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (RGB.astype(np.float32), r"float32 from 0 to 255; floats must be in 0..1"),
        (RGB.astype(np.float32) / 127 - 1, r"float32 from -1 to .*must be in 0..1"),
        (
            np.full((4, 5, 3), np.nan),
            r"float64 from nan to nan; floats must",
        ),
        (RGB.astype(np.int64), r"is int64; use image.astype\('uint8'\)"),
        (RGB > 9, r"is bool; use image.astype\('uint8'\)"),
        (RGB.astype(np.uint16), r"uint16 with values of 8 bits; use image.astype"),
        (GREY.astype(np.uint16), r"one channel of uint16, like a depth map; a grey"),
        (GREY / 255, r"one channel of float64, like a depth map; a grey image must"),
        (RGB.transpose(2, 0, 1), r"\(3, 32, 64\); .* numpy.moveaxis\(image, 0, -1\)"),
        (RGB[..., :2], r"shape \(32, 64, 2\); it must be \(height, width\), or"),
        (RGB[0, 0], r"has the shape \(3,\); it must be"),
        (RGB[None, None], r"has the shape \(1, 1, 32, 64, 3\); it must be"),
        (RGB[:0], r"has no pixels, its shape is \(0, 64, 3\)"),
        (None, r"must be a path, a Pillow image or an array, not NoneType"),
        (b"\xff\xd8", r"must be a path, a Pillow image or an array, not bytes"),
        (Image.fromarray(GREY.astype(np.uint16)), r"one channel of 16 bits, like a"),
        (Image.fromarray(GREY.astype(np.float32)), r"one channel of 32 bits, like a"),
        (Image.new("RGB", (0, 5)), r"has no pixels, its size is \(0, 5\)"),
    ],
)
def test_what_is_no_image_is_refused_with_the_remedy(predictor, image, message):
    with pytest.raises(UserError, match=f"^the image: .*{message}"):
        predictor(image)


def test_pixels_are_no_35_mm_equivalent():
    with pytest.raises(UserError, match=r"focal_mm35=1450: .* give pixels of the imag"):
        read(RGB, focal_mm35=1450)


def test_files_that_are_no_images_are_named(predictor, tmp_path):
    (tmp_path / "note.jpg").write_text("not an image")
    with pytest.raises(UserError, match=r"note.jpg: .* no image .*; give a PNG or JP"):
        predictor(tmp_path / "note.jpg")
    with pytest.raises(UserError, match=r"none.jpg: cannot be read"):
        predictor(str(tmp_path / "none.jpg"))
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, "PNG")
    cut = Image.open(io.BytesIO(stream.getvalue()[:-3000]))
    with pytest.raises(UserError, match=r"the image: cannot be decoded"):
        predictor(cut)


def with_exif(path, orientation=6, mm35=26):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = mm35
    Image.fromarray(RGB).save(path, exif=exif)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_paths_and_opened_files_are_read_as_the_command_reads_them(tmp_path, name):
    path = with_exif(tmp_path / name)
    expected = read_any_image(path)
    assert expected.image.shape == (64, 32, 3)
    if name != "a.tif":  # of TIFFs, Pillow writes no directory of the camera
        assert expected.focal_px == pytest.approx(26 * np.hypot(32, 64) / 43.2666153)
    for image in (path, str(path), Image.open(path)):
        found = read(image)
        np.testing.assert_array_equal(found.image, expected.image)
        assert found.focal_px == expected.focal_px


def test_a_given_focal_length_wins_over_exif_tags(predictor, tmp_path):
    path = with_exif(tmp_path / "a.png")
    assert read(path, 100.0).focal_px == 100
    own = predictor(path)
    upright = np.rot90(RGB, -1)
    expected = predictor(upright, focal_mm35=26)
    np.testing.assert_allclose(own.depth_m, expected.depth_m, rtol=1e-5)
    assert own.focal_px == expected.focal_px == own.camera.focal_px > 0
    assert predictor(path, 100.0).focal_px == 100


def test_ignored_exif_tags_are_said(tmp_path):
    path = with_exif(tmp_path / "a.png", mm35=1)
    with pytest.warns(UserWarning, match=r"a.png: EXIF tag ignored: FocalLengthIn35"):
        assert read(path).focal_px == 0
    assert read(path, 100.0).focal_px == 100  # without a warning


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.fromarray(RGB).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read("~/a.png").image, RGB)


def several(kind, tmp_path):
    images = [RGB, RGB[::-1], RGB[:, ::-1]]
    if kind == "array":
        return np.stack(images)
    if kind == "mixed":
        Image.fromarray(images[1]).save(tmp_path / "b.png")
        return (images[0], tmp_path / "b.png", Image.fromarray(images[2]))
    return images


@pytest.mark.parametrize("kind", ["list", "mixed", "array"])
def test_several_images_are_predicted_as_each_is(predictor, tmp_path, kind):
    found = predictor(several(kind, tmp_path))
    assert len(found) == 3
    for one, image in zip(found, several("list", tmp_path), strict=True):
        np.testing.assert_array_equal(one.image, image)
        np.testing.assert_allclose(one.depth_m, predictor(image).depth_m, rtol=1e-4)


def test_a_batch_of_one_size_is_one_program(trained, monkeypatch):
    predictor = DepthPredictor.load(trained / "run")
    seen = set()

    class Spied(DepthRunner):
        def __call__(self, trained, image):
            seen.add((self.batch_size, image.shape[1:]))
            return super().__call__(trained, image)

    monkeypatch.setattr(predictor._runner, "__class__", Spied)
    assert len(predictor([RGB] * 5)) == 5  # eval.batch_size is 2
    assert seen == {(2, RGB.shape)}
    assert predictor([]) == predictor(np.zeros((0, 4, 5, 3), np.uint8)) == []


def test_each_image_may_have_a_focal_length(predictor):
    found = predictor([RGB, RGB], [50.0, 100.0])
    assert [one.focal_px for one in found] == [50, 100]
    one = predictor(RGB, 100.0)
    np.testing.assert_allclose(found[1].depth_m, one.depth_m, rtol=1e-4)
    with pytest.raises(UserError, match=r"focal_px: has 2 numbers for 3 images"):
        predictor([RGB] * 3, [50.0, 100.0])


def test_one_image_of_several_is_named(predictor):
    with pytest.raises(UserError, match=r"^images\[1\]: is int64"):
        predictor([RGB, RGB.astype(np.int64)])


def test_frames_are_read_as_they_are_needed(predictor):
    read = []
    buffer = np.empty_like(RGB)

    def frames():
        for number in range(5):
            read.append(number)
            buffer[...] = number  # a camera's buffer, used again for each frame
            yield buffer

    stream = predictor.stream(frames(), focal_mm35=26)
    assert not read
    for number, found in enumerate(stream):
        assert read[-1] <= number + 1
        assert (found.image == number).all()
        assert found.focal_px > 0
    assert read == [0, 1, 2, 3, 4]
