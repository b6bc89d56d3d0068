"""The command, from its arguments to its files."""

import subprocess
import sys

import numpy as np
import pytest
from moving_images import make_video
from PIL import ExifTags, Image
from ply_reader import read_ply

from deepdepth_jax import DepthPredictor
from deepdepth_jax.config import with_fields
from deepdepth_jax.drawing.colors import confidence_scale
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import TrainingCamera
from deepdepth_jax.inference.steady import steady
from deepdepth_jax.predict.__main__ import main
from deepdepth_jax.predict.video import open_video

STRIP_PX = 48


def sample(seed=0, height=33, width=47):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    Image.fromarray(sample(0)).save(folder / "a.png")
    Image.fromarray(sample(1, 20, 60)).save(folder / "b.JPG")
    Image.fromarray(sample(2)).save(folder / "deeper" / "c.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def arguments(trained, source, target, *options):
    return [
        f"--workdir={trained / 'run'}",
        f"--input={source}",
        f"--output={target}",
        *options,
    ]


def run(trained, source, target, *options):
    return main(arguments(trained, source, target, *options))


def files_below(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_folder_is_predicted_as_its_images_are(trained, images, tmp_path, capsys):
    assert run(trained, images, tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "predicted 3 of 3 files" in out
    assert out.endswith(
        f"left out: 1\n  1 neither image nor video: {images / 'notes.txt'}\n"
    )
    assert files_below(tmp_path / "out") == {
        f"{name}_{kind}.png"
        for name in ("a", "b", "deeper/c")
        for kind in ("depth", "color")
    }
    predictor = DepthPredictor.load(trained / "run")
    for name, seed in (("a", 0), ("deeper/c", 2)):
        depth = read(tmp_path / "out" / f"{name}_depth.png")
        assert depth.dtype == np.uint16
        expected = predictor(sample(seed)).depth_m
        np.testing.assert_allclose(depth / 256, expected, atol=0.5 / 256 + 1e-4)


def test_everything_that_can_be_written(trained, images, tmp_path, capsys):
    kinds = "depth16,npy,npz,pfm,exr,color,confidence,pointcloud,sidebyside"
    run(trained, images / "a.png", tmp_path / "out", f"--save={kinds}")
    out = tmp_path / "out"
    assert files_below(out) == {
        "a_depth.png",
        "a_depth.npy",
        "a_depth.npz",
        "a_depth.pfm",
        "a_depth.exr",
        "a_color.png",
        "a_confidence.png",
        "a_points.ply",
        "a_sidebyside.png",
    }
    predictor = DepthPredictor.load(trained / "run")
    expected = predictor(sample())
    depth_m = np.load(out / "a_depth.npy")
    assert depth_m.dtype == np.float32
    np.testing.assert_allclose(depth_m, expected.depth_m, rtol=1e-5)
    # Drawings keep every pixel above their scale; narrow ones are centred.
    left = (320 - 47) // 2
    color = read(out / "a_color.png")
    assert color.shape == (33 + STRIP_PX, 320, 3)
    both = read(out / "a_sidebyside.png")
    left_of_both = (320 - 2 * 47) // 2
    np.testing.assert_array_equal(both[:33, left_of_both : left_of_both + 47], sample())
    np.testing.assert_array_equal(
        both[:33, left_of_both + 47 : left_of_both + 94],
        color[:33, left : left + 47],
    )
    confidence = read(out / "a_confidence.png")[:33, left : left + 47]
    painted = confidence_scale(12).paint(expected.confidence)
    assert np.abs(confidence.astype(int) - painted).max() < 12
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) > 3
    # The focal length of training is taken, and it is said.
    focal_px = 721.5377 * 64 / 1242
    assumed = f"unknown, assumed to be {focal_px:.1f} px, as in training"
    assert assumed in capsys.readouterr().out
    points, _ = read_ply(out / "a_points.ply")
    assert points
    for point in points:
        column = round(point["x"] / point["z"] * focal_px + 23)
        row = round(point["y"] / point["z"] * focal_px + 16)
        assert point["z"] == depth_m[row, column]
        assert (point["red"], point["green"], point["blue"]) == tuple(
            sample()[row, column]
        )


def test_the_camera_is_the_given_one(trained, images, tmp_path, capsys):
    options = ["--save=pointcloud,npy", "--focal_px=100", "--principal_point=7,-3.5"]
    run(trained, images / "a.png", tmp_path / "out", *options)
    line = capsys.readouterr().out
    assert "in training 37.2 px: images are scaled by 0.372, predicted depth by" in line
    depth_m = np.load(tmp_path / "out" / "a_depth.npy")
    expected = DepthPredictor.load(trained / "run")(sample(), focal_px=100)
    np.testing.assert_allclose(depth_m, expected.depth_m, rtol=1e-4)
    points, comments = read_ply(tmp_path / "out" / "a_points.ply")
    for point in points:
        column = round(point["x"] / point["z"] * 100 + 7)
        row = round(point["y"] / point["z"] * 100 - 3.5)
        assert point["z"] == depth_m[row, column]
    assert any("100 px, principal point 7, -3.5 px" in line for line in comments)


def test_colours_span_the_depths_that_can_be_predicted(trained, images, tmp_path):
    """At a given scale they do not depend on the focal length, as depths grow by it."""
    for focal_px in (50, 500):
        options = "--scale=1", f"--focal_px={focal_px}"
        run(trained, images / "a.png", tmp_path / str(focal_px), *options)
    near, far = (read(tmp_path / str(f) / "a_color.png")[:33] for f in (50, 500))
    assert np.abs(near.astype(int) - far).max() < 12


def test_a_video_becomes_a_video(trained, tmp_path):
    (tmp_path / "in").mkdir()
    times_ms = [0, 100, 200, 1300, 1400, 3900]
    make_video(tmp_path / "in" / "drive.mp4", times_ms=times_ms)
    out = tmp_path / "out"
    assert run(trained, tmp_path / "in", out) == 0
    assert files_below(out) == {"drive_color.mp4"}
    with open_video(out / "drive_color.mp4") as video:
        frames = list(video.frames)
    assert [round(1000 * frame.time_s) for frame in frames] == times_ms[:-1]
    assert round(1000 * (frames[-1].time_s + frames[-1].duration_s)) == times_ms[-1]
    assert frames[0].image.shape == (48 + STRIP_PX, 320, 3)


def test_of_a_video_files_are_written_for_each_frame(trained, tmp_path):
    source = make_video(tmp_path / "drive.mp4", 3)
    out = tmp_path / "out"
    run(trained, source, out, "--save=npy,sidebyside,pointcloud")
    assert files_below(out) == {
        "drive_sidebyside.mp4",
        *(f"drive_frames/00000{i}_depth.npy" for i in range(3)),
        *(f"drive_frames/00000{i}_points.ply" for i in range(3)),
    }
    predictor = DepthPredictor.load(trained / "run")
    with open_video(source) as video:
        for index, frame in enumerate(video.frames):
            depth_m = np.load(out / "drive_frames" / f"00000{index}_depth.npy")
            expected_m = predictor(frame.image).depth_m
            np.testing.assert_allclose(depth_m, expected_m, rtol=1e-5)


def test_a_steady_video_averages_its_frames(trained, tmp_path):
    source = make_video(tmp_path / "drive.mp4", 3)
    predictor = DepthPredictor.load(trained / "run")
    with open_video(source) as video:
        alone = list(predictor.stream(frame.image for frame in video.frames))
    expected = [found for _, found in steady(enumerate(alone), 0.6)]
    run(trained, source, tmp_path / "out", "--save=npy", "--steady=0.6")
    for index in range(3):
        path = tmp_path / "out" / "drive_frames" / f"00000{index}_depth.npy"
        np.testing.assert_allclose(np.load(path), expected[index].depth_m, rtol=1e-5)
    assert np.ptp(alone[2].depth_m / expected[2].depth_m) > 1e-3


def test_broken_files_are_named_and_the_rest_is_done(trained, images, tmp_path, capsys):
    (images / "b.JPG").write_bytes(b"no image")
    (images / "deeper" / "v.mp4").write_bytes(b"no video")
    assert run(trained, images, tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert "predicted 2 of 4 files" in printed.out
    lines = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 3
    assert lines[0].startswith(f"error: {images / 'b.JPG'}: cannot be decoded")
    assert lines[1].startswith(f"error: {images / 'deeper' / 'v.mp4'}: not a video")
    assert lines[2] == (
        f"error: 2 of 4 failed: {images / 'b.JPG'}, {images / 'deeper' / 'v.mp4'}"
    )
    assert files_below(tmp_path / "out") == {
        f"{name}_{kind}.png"
        for name in ("a", "deeper/c")
        for kind in ("depth", "color")
    }


def test_of_a_video_that_breaks_off_the_beginning_is_done(trained, tmp_path):
    source = make_video(tmp_path / "cut.mp4", 40, options={"movflags": "faststart"})
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(UserError, match="breaks off after"):
        run(trained, source, tmp_path / "out")
    with open_video(tmp_path / "out" / "cut_color.mp4") as video:
        assert 5 < len(list(video.frames)) < 40


@pytest.mark.parametrize("is_alone", [True, False])
def test_exit_codes(trained, images, tmp_path, is_alone):
    (images / "a.png").write_bytes(b"no image")
    source = images / "a.png" if is_alone else images
    command = [sys.executable, "-m", "deepdepth_jax.predict"]
    ended = subprocess.run(
        [*command, *arguments(trained, source, tmp_path / "out")],
        check=False,
        capture_output=True,
        text=True,
    )
    errors = [x for x in ended.stderr.splitlines() if x.startswith("error: ")]
    assert "Traceback" not in ended.stderr
    assert ended.returncode == (2 if is_alone else 1)
    assert len(errors) == (1 if is_alone else 2)
    assert all(str(images / "a.png") in line for line in errors)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--save=depth16,colour", "'colour': must be some of depth16,npy,"),
        ("--save=", "'': must be"),
        ("--focal_px=-3", "--focal_px: '-3': must be > 0"),
        ("--focal_px=inf", "must be > 0"),
        ("--scale=0", "--scale: '0': must be > 0"),
        ("--steady=1", "--steady: '1': must be >= 0 and < 1"),
        ("--steady=much", "--steady: 'much': must be >= 0 and < 1"),
        ("--scale=half", "'half': must be > 0"),
        ("--window=200", "--window: '200': must be HEIGHTxWIDTH"),
        ("--window=0x20", "'0x20': must be HEIGHTxWIDTH"),
        ("--window=99x15", "'99x15': must be HEIGHTxWIDTH in pixels, each >= 16"),
        ("--principal_point=3", "--principal_point: '3': must be X,Y"),
        ("--principal_point=3,nan", "must be X,Y"),
    ],
)
def test_wrong_options_are_refused(trained, images, tmp_path, option, message):
    with pytest.raises(UserError, match=message):
        run(trained, images, tmp_path / "out", option)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"window": None, "scale": None}),
        (["--window=auto", "--scale=0.5"], {"window": None, "scale": 0.5}),
        (["--window=none"], {"window": (0, 0), "scale": None}),
        (["--window=96x320"], {"window": (96, 320), "scale": None}),
    ],
)
def test_windows_and_scale_reach_the_predictor(
    trained, images, monkeypatch, options, expected
):
    def note(*_, **options):
        raise UserError(str(options))

    monkeypatch.setattr(DepthPredictor, "load", note)
    with pytest.raises(UserError) as noted:
        run(trained, images, images.parent / "out", *options)
    assert str(noted.value) == str(expected)


def test_a_point_cloud_needs_a_focal_length(trained, images, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "deepdepth_jax.inference.saved_network.training_camera",
        lambda *_: TrainingCamera(),
    )
    with pytest.raises(UserError, match="training is unknown too: give --focal_px"):
        run(trained, images / "a.png", tmp_path / "out", "--save=pointcloud")
    option = ["--save=pointcloud", "--focal_px=100"]
    run(trained, images / "a.png", tmp_path / "out", *option)
    assert files_below(tmp_path / "out") == {"a_points.ply"}


def photo(path, mm35, height=33, width=47):
    """Saves an image with the tag of a camera."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = mm35
    Image.fromarray(sample(0, height, width)).save(path, exif=exif)


def test_focal_lengths_come_from_exif_tags(trained, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, mm35 in {"a": 26, "b": 26, "c": 52, "d": 0}.items():
        photo(folder / f"{name}.png", mm35)
    run(trained, folder, tmp_path / "out", "--save=npy,pointcloud")
    predictor = DepthPredictor.load(trained / "run")
    wide_px = 26 * np.hypot(33, 47) / np.hypot(36, 24)
    told = capsys.readouterr().out
    for line in (
        f"focal length of 2 files: {wide_px:.1f} px (EXIF), in training 37.2 px:",
        f"focal length of 1 file: {2 * wide_px:.1f} px (EXIF), in training 37.2 px:",
        "focal length of 1 file: unknown, assumed to be 37.2 px, as in training",
        f"EXIF tags ignored: {folder / 'd.png'} (FocalLengthIn35mmFilm leads to no",
    ):
        assert line in told
    for name, focal_px in {"a": wide_px, "c": 2 * wide_px, "d": 0}.items():
        expected = predictor(sample(), focal_px=float(focal_px))
        depth_m = np.load(tmp_path / "out" / f"{name}_depth.npy")
        np.testing.assert_allclose(depth_m, expected.depth_m, rtol=1e-4)
        _, comments = read_ply(tmp_path / "out" / f"{name}_points.ply")
        assert any(f"focal length {focal_px or 37.1807:g} px" in c for c in comments)


@pytest.mark.parametrize(
    ("option", "focal_px"),
    [("--focal_px=50", 50.0), ("--focal_mm35=52", 52 * 57.4282 / 43.26662)],
)
def test_an_option_wins_over_exif_tags(trained, tmp_path, capsys, option, focal_px):
    photo(tmp_path / "a.png", 26)
    run(trained, tmp_path / "a.png", tmp_path / "out", "--save=npy", option)
    told = capsys.readouterr().out
    assert f": {focal_px:.1f} px" in told
    assert f"px ({option.split('=')[0]}), in training" in told
    assert "EXIF" not in told
    expected = DepthPredictor.load(trained / "run")(sample(), focal_px=focal_px)
    depth_m = np.load(tmp_path / "out" / "a_depth.npy")
    np.testing.assert_allclose(depth_m, expected.depth_m, rtol=1e-3)


def test_an_image_that_cannot_be_scaled_by_its_tags_stops_no_other(
    trained, tmp_path, capsys
):
    folder = tmp_path / "in"
    folder.mkdir()
    photo(folder / "a.png", 3000)
    photo(folder / "b.png", 26)
    assert run(trained, folder, tmp_path / "out") == 1
    told = capsys.readouterr()
    assert f"error: {folder / 'a.png'}: an image of 47 x 33 pixels would be" in told.err
    assert "predicted 1 of 2 files" in told.out


def test_one_focal_length_is_given(trained, images, tmp_path):
    with pytest.raises(UserError, match=r"--focal_mm35: not allowed with .*--focal_px"):
        run(trained, images, tmp_path / "out", "--focal_px=9", "--focal_mm35=9")


def test_an_assumed_focal_length_is_said(trained, tmp_path, capsys, monkeypatch):
    def load(*_, **__):
        predictor = plain_load(trained / "run")
        config = with_fields(predictor.config, {"data.canonical_focal_px": 40.0})
        return DepthPredictor(config, predictor._trained)

    plain_load = DepthPredictor.load
    monkeypatch.setattr(DepthPredictor, "load", load)
    folder = tmp_path / "in"
    folder.mkdir()
    photo(folder / "a.png", 26)
    Image.fromarray(sample(0)).save(folder / "b.png")
    assert run(trained, folder, tmp_path / "out", "--save=npy") == 0
    told = capsys.readouterr().out
    assert "(EXIF), in training 40.0 px" in told
    assert "(assumed, 26 mm as 35 mm equivalent; depth is proportional to it: " in told
    assumed_px = 26 * np.hypot(*sample(0).shape[:2]) / np.hypot(36, 24)
    expected = load()(sample(0), focal_px=assumed_px)
    found = np.load(tmp_path / "out" / "b_depth.npy")
    np.testing.assert_allclose(found, expected.depth_m, rtol=1e-5)


def test_a_folder_without_a_run_is_refused(tmp_path, images):
    with pytest.raises(UserError, match="train first"):
        run(tmp_path, images, tmp_path / "out")
