import re
import resource
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from moving_images import RATE, frame, make_video

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.video import VIDEO_SUFFIXES, open_video
from deepdepth_jax.predict.video_writer import VideoWriter
from deepdepth_jax.runtime.installation import install_command

TIMES_MS = [0, 100, 200, 1200, 1300, 2900, 3900]
"""When frames are shown, and when the video ends."""


def read(path):
    with open_video(path) as video:
        return [frame.image for frame in video.frames]


def read_times_ms(path):
    """Reads when each frame is shown, and when the video ends."""
    with open_video(path) as video:
        frames = list(video.frames)
    times_s = [frame.time_s for frame in frames]
    times_s.append(times_s[-1] + frames[-1].duration_s)
    return [round(1000 * time_s) for time_s in times_s]


def copy(path, target):
    """Writes what is read."""
    with (
        open_video(path) as video,
        VideoWriter(target, video.frame_rate, video.tick_s) as writer,
    ):
        for one in video.frames:
            writer.write(one.image, one.time_s, one.duration_s)


def test_frames_come_in_their_order(tmp_path):
    path = make_video(tmp_path / "a.mp4")
    with open_video(path) as video:
        assert video.frame_rate == 12
        assert video.num_frames == 5
        frames = [one.image for one in video.frames]
    assert len(frames) == 5
    for index, image in enumerate(frames):
        assert image.dtype == np.uint8
        difference = np.abs(image.astype(int) - frame(index))
        assert np.median(difference) <= 3


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".3gp", "libx264"),
        (".flv", "libx264"),
        (".m2ts", "libx264"),
        (".mpeg", "mpeg4"),
        (".ts", "libx264"),
        (".wmv", "wmv2"),
    ],
)
def test_the_containers_of_cameras_are_read(tmp_path, suffix, codec):
    options = (("crf", "1"),) if codec == "libx264" else ()
    path = make_video(tmp_path / f"a{suffix}", codec=codec, encoding=options)
    assert suffix in VIDEO_SUFFIXES
    assert len(read(path)) == 5


@pytest.mark.parametrize("name", ["concat:a.mp4", "http:a.mp4", "a%03d.mp4"])
def test_a_name_is_taken_for_nothing_but_a_file(tmp_path, monkeypatch, name):
    """FFmpeg takes some names for addresses, or for others put together."""
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "a.mp4", 2)
    (tmp_path / name).write_bytes(make_video(tmp_path / "b.mp4", 5).read_bytes())
    assert len(read(Path(name))) == 5
    copy(Path("b.mp4"), Path(f"copy-{name}"))
    assert len(read(Path(f"copy-{name}"))) == 5


@pytest.mark.parametrize("turned_deg", [90, -90, 180])
def test_frames_are_turned_as_another_reader_turns_them(tmp_path, turned_deg):
    path = make_video(tmp_path / "a.mp4", 1, display=(turned_deg,))
    capture = cv2.VideoCapture(str(path))
    _, expected = capture.read()
    capture.release()
    [image] = read(path)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected[..., ::-1]).mean() < 4
    assert image.shape == ((48, 64, 3) if turned_deg == 180 else (64, 48, 3))


@pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("left_right", [False, True])
@pytest.mark.parametrize("top_bottom", [False, True])
def test_frames_lie_as_players_show_them(tmp_path, turned_deg, left_right, top_bottom):
    display = (turned_deg, left_right, top_bottom)
    [image] = read(make_video(tmp_path / "a.mp4", 1, display=display))
    expected = np.rot90(frame(0), turned_deg // 90)
    expected = expected[:, ::-1] if left_right else expected
    expected = expected[::-1] if top_bottom else expected
    assert image.shape == expected.shape
    assert np.median(np.abs(image.astype(int) - expected)) <= 3


@pytest.mark.parametrize(
    ("pixel_ratio", "turned_deg", "size"),
    [
        (Fraction(4, 3), 0, (48, 85)),
        (Fraction(1, 2), 0, (96, 64)),
        (Fraction(4, 3), 90, (85, 48)),
    ],
)
def test_pixels_become_square(tmp_path, pixel_ratio, turned_deg, size):
    path = make_video(
        tmp_path / "a.mp4", 1, pixel_ratio=pixel_ratio, display=(turned_deg,)
    )
    [image] = read(path)
    assert image.shape == (*size, 3)
    red = np.all(np.abs(image.astype(int) - (255, 0, 0)) < 20, axis=-1)
    assert red.mean() == pytest.approx(1 / 4, abs=0.04)
    rows, columns = np.nonzero(red)
    assert np.ptp(rows) == pytest.approx(size[0] / 2, abs=4)
    assert np.ptp(columns) == pytest.approx(size[1] / 2, abs=4)


def test_pixels_of_no_sensible_shape_are_refused(tmp_path):
    path = make_video(tmp_path / "a.mp4", 1, pixel_ratio=Fraction(20))
    with pytest.raises(UserError, match=r"a\.mp4: its pixels are 20 times as wide"):
        read(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_frames_keep_their_times(tmp_path, suffix):
    path = make_video(tmp_path / f"a{suffix}", times_ms=TIMES_MS)
    if suffix != ".ts":  # which does not say when the last frame ends
        assert read_times_ms(path) == TIMES_MS
    copy(path, tmp_path / "b.mp4")
    assert read_times_ms(tmp_path / "b.mp4")[:-1] == TIMES_MS[:-1]
    with av.open(str(tmp_path / "b.mp4")) as file:
        stream = file.streams.video[0]
        length_ms = round(1000 * stream.duration * stream.time_base)
        assert length_ms == read_times_ms(path)[-1]
        # The times of decoding too: some players end by them.
        stamps = [(x.pts, x.dts) for x in file.demux(stream) if x.pts is not None]
        assert all(pts == dts for pts, dts in stamps)


@pytest.mark.parametrize("encoding", [{"bf": "3", "crf": "1"}, {"bf": "0"}])
def test_avi_has_even_times_whatever_the_order_of_decoding(tmp_path, encoding):
    path = make_video(tmp_path / "a.avi", 14, encoding=encoding.items())
    expected = [round(1000 * index / RATE) for index in range(15)]
    assert read_times_ms(path) == expected


def test_joined_recordings_follow_each_other(tmp_path):
    parts = [make_video(tmp_path / f"{n}.ts", 3) for n in (1, 2)]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    expected = [round(1000 * index / RATE) for index in range(7)]
    assert read_times_ms(path) == pytest.approx(expected, abs=1)


def test_frames_are_decoded_when_they_are_needed(tmp_path):
    path = make_video(tmp_path / "cut.mp4", 40, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_video(path) as video:
        first = next(video.frames).image
        assert np.median(first[:, 32:] - frame(0)[:, 32:]) <= 3
        with pytest.raises(UserError, match=r"cut\.mp4: breaks off after \d+ frames"):
            list(video.frames)


def test_damaged_frames_are_told_of(tmp_path):
    path = make_video(tmp_path / "damaged.avi", 30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"1 of its \d+ frames are damaged"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"not a video"])
def test_a_file_that_is_no_video_is_named(tmp_path, content):
    (tmp_path / "broken.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.mp4: not a video"):
        read(tmp_path / "broken.mp4")


def test_a_title_in_another_encoding_does_not_matter(tmp_path):
    path = make_video(tmp_path / "a.avi", 1)
    with av.open(str(path)) as file, av.open(str(tmp_path / "b.avi"), "w") as titled:
        titled.metadata["title"] = "XXXX"
        stream = titled.add_stream_from_template(file.streams.video[0])
        for packet in file.demux(file.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                titled.mux(packet)
    content = (tmp_path / "b.avi").read_bytes()
    assert b"XXXX" in content
    path.write_bytes(content.replace(b"XXXX", "Öäüß".encode("latin-1")))
    assert len(read(path)) == 1


def test_a_file_with_nothing_but_sound_is_refused(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        silence.sample_rate = 8000
        file.mux(stream.encode(silence))
        file.mux(stream.encode(None))
    with pytest.raises(UserError, match=r"sound\.mp4: has no images"):
        read(tmp_path / "sound.mp4")


def test_frames_that_change_their_size_are_refused(tmp_path):
    parts = [
        make_video(tmp_path / f"{s[0]}.ts", 2, size=s) for s in ((48, 64), (64, 64))
    ]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(UserError, match=r"both\.mpg: its frames change their size"):
        read(path)


@pytest.mark.parametrize("size", [(48, 64), (33, 47)])
def test_what_is_written_is_read(tmp_path, size):
    path = tmp_path / "written.mp4"
    tick_s = Fraction(1001, 30000)
    with VideoWriter(path, 1 / tick_s, tick_s) as writer:
        for index in range(7):
            writer.write(frame(index, *size), index * tick_s, tick_s)
    with open_video(path) as video:
        assert video.frame_rate == 1 / tick_s
        frames = [one.image for one in video.frames]
    assert len(frames) == 7
    assert frames[0].shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    for index, image in enumerate(frames):
        difference = image[: size[0], : size[1]].astype(int) - frame(index, *size)
        assert np.median(np.abs(difference)) <= 3
    # What browsers play.
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_a_video_without_frames_is_no_file(tmp_path):
    with VideoWriter(tmp_path / "empty.mp4", Fraction(25), Fraction(1, 25)):
        pass
    assert not list(tmp_path.iterdir())


def test_frames_before_an_error_can_be_played(tmp_path):
    with (
        pytest.raises(RuntimeError),
        VideoWriter(tmp_path / "a.mp4", Fraction(25), Fraction(1, 25)) as w,
    ):
        w.write(frame(3), Fraction(0), Fraction(1, 25))
        raise RuntimeError
    assert len(read(tmp_path / "a.mp4")) == 1


def test_a_killed_process_leaves_no_half_of_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("of before")
    with VideoWriter(path, Fraction(25), Fraction(1, 25)) as writer:
        for index in range(60):  # more than the encoder holds back
            writer.write(frame(index), Fraction(index, 25), Fraction(1, 25))
        # A process that is killed here leaves this.
        assert path.read_text() == "of before"
    assert len(read(path)) == 60
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_no_half_of_a_video(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "a.mp4"
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with (
            pytest.raises(UserError, match=rf"{path}: cannot be written \(File too"),
            VideoWriter(path, Fraction(25), Fraction(1, 25)) as writer,
        ):
            for index in range(100):
                noise = rng.integers(0, 256, (64, 64, 3), np.uint8)
                writer.write(noise, Fraction(index, 25), Fraction(1, 25))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for attempt in (
        read,
        lambda path: VideoWriter(path, Fraction(25), Fraction(1, 25)),
    ):
        with pytest.raises(UserError, match=re.escape(install_command("video"))):
            attempt(tmp_path / "a.mp4")
