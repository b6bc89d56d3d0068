import numpy as np
import pytest
from PIL import Image

from deepdepth_jax import DepthPredictor
from deepdepth_jax.errors import UserError
from deepdepth_jax.predict import main, read_picture, save_depth_png


def picture(seed=0, height=33, width=47):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    Image.fromarray(picture(0)).save(folder / "a.png")
    Image.fromarray(picture(1, 20, 60)).save(folder / "b.JPG")
    Image.fromarray(picture(2)).save(folder / "deeper" / "c.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def run(trained, source, target):
    main([f"--workdir={trained / 'run'}", f"--input={source}", f"--output={target}"])


def test_the_predictor_takes_any_size(trained):
    predictor = DepthPredictor.load(trained / "run")
    for height, width in ((33, 47), (32, 64), (1, 1), (8, 200)):
        result = predictor(picture(0, height, width))
        assert result.depth_m.shape == result.confidence.shape == (height, width)
        assert result.depth_m.dtype == result.confidence.dtype == np.float32
        assert 1 <= result.depth_m.min() <= result.depth_m.max() <= 80
        assert 0 < result.confidence.min() <= result.confidence.max() <= 1


def test_checkpoints_can_be_chosen(trained):
    image = picture()
    last = DepthPredictor.load(trained / "run", "last")(image)
    fourth = DepthPredictor.load(trained / "run", 4)(image)
    third = DepthPredictor.load(trained / "run", 3)(image)
    np.testing.assert_array_equal(last.depth_m, fourth.depth_m)
    assert (last.depth_m != third.depth_m).any()


def test_a_folder_is_predicted_as_its_pictures_are(trained, pictures, tmp_path, capsys):
    run(trained, pictures, tmp_path / "out")
    assert "3 pictures" in capsys.readouterr().out
    written = {
        str(path.relative_to(tmp_path / "out"))
        for path in (tmp_path / "out").rglob("*.png")
    }
    assert written == {
        f"{name}_{kind}.png"
        for name in ("a", "b", "deeper/c")
        for kind in ("depth", "color")
    }
    predictor = DepthPredictor.load(trained / "run")
    for name, seed in (("a", 0), ("deeper/c", 2)):
        with Image.open(tmp_path / "out" / f"{name}_depth.png") as depth:
            assert depth.mode == "I;16"
            metres = np.asarray(depth) / 256
        expected = predictor(picture(seed)).depth_m
        np.testing.assert_allclose(metres, expected, atol=0.5 / 256 + 1e-4)


def test_a_single_file(trained, pictures, tmp_path):
    run(trained, pictures / "b.JPG", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "b_color.png",
        "b_depth.png",
    ]


def test_depth_png_rounds_and_saturates(tmp_path):
    path = tmp_path / "depth.png"
    save_depth_png(path, np.array([[0, 1, 1.0059, 255.996, 1000]], np.float32))
    values = np.asarray(Image.open(path))
    np.testing.assert_array_equal(values, [[0, 256, 258, 65535, 65535]])


def test_pictures_of_every_kind_become_rgb(tmp_path):
    for mode in ("L", "RGBA", "P", "CMYK"):
        suffix = "jpg" if mode == "CMYK" else "png"
        path = tmp_path / f"{mode}.{suffix}"
        Image.fromarray(picture()).convert(mode).save(path)
        image = read_picture(path).image
        assert image.shape == (33, 47, 3)
        assert image.dtype == np.uint8


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to show
    Image.fromarray(picture()).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(
        read_picture(tmp_path / "turned.png").image, np.rot90(picture(), -1)
    )


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nrest"])
def test_a_file_that_is_no_picture_is_named(trained, tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.png"):
        run(trained, path, tmp_path / "out")


def test_a_truncated_picture_is_named(trained, pictures, tmp_path):
    whole = (pictures / "a.png").read_bytes()
    (pictures / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.png"):
        run(trained, pictures, tmp_path / "out")


def test_nothing_to_predict_is_refused(trained, tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        run(trained, tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no pictures there"):
        run(trained, tmp_path / "empty", tmp_path / "out")


def test_a_folder_without_a_run_is_refused(tmp_path, pictures):
    with pytest.raises(UserError, match="train first"):
        run(tmp_path, pictures, tmp_path / "out")
