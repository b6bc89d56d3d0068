from pathlib import Path

import pytest

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.media import find_sources


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def targets(inputs, output):
    return {
        str(source.path.name): source.target.relative_to(output).as_posix()
        for source in find_sources(inputs, output).files
    }


def test_images_and_videos_anywhere_below_a_folder(tmp_path):
    touch(
        tmp_path / "in", "b.JPG", "a.png", "deeper/yet/c.MP4", "notes.txt", "d.jpg.bak"
    )
    touch(tmp_path / "in", "drive.mp4/notes.txt")  # a folder
    sources = find_sources([tmp_path / "in"], tmp_path / "out").files
    assert [source.target for source in sources] == [
        tmp_path / "out" / name for name in ("a", "b", "deeper/yet/c")
    ]
    assert [source.is_video for source in sources] == [False, False, True]


def test_single_files_of_any_suffix(tmp_path):
    touch(tmp_path, "a.ppm", "folder/b.png")
    inputs = [tmp_path / "a.ppm", tmp_path / "folder" / "b.png"]
    assert targets(inputs, tmp_path / "out") == {"a.ppm": "a", "b.png": "b"}


def test_results_that_would_share_a_name_keep_their_suffix(tmp_path):
    touch(tmp_path / "in", "a.png", "a.jpg", "a.mp4", "b.png", "deeper/a.png")
    sources = find_sources([tmp_path / "in"], Path("out")).files
    assert [source.target.as_posix() for source in sources] == [
        "out/a.jpg",
        "out/a.mp4",
        "out/a.png",
        "out/b",
        "out/deeper/a",
    ]


def test_results_that_cannot_be_told_apart_are_refused(tmp_path):
    touch(tmp_path, "one/a.png", "two/a.png")
    inputs = [tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"]
    with pytest.raises(UserError, match=r"one/a\.png and .*two/a\.png would write the"):
        find_sources(inputs, tmp_path / "out")


def test_a_name_with_a_suffix_may_be_another_files_whole_name(tmp_path):
    touch(tmp_path / "in", "a.png", "a.jpg", "a.png.jpg")
    with pytest.raises(
        UserError, match=r"a\.png and .*a\.png\.jpg would write the same"
    ):
        find_sources([tmp_path / "in"], tmp_path / "out")


def test_what_is_given_twice_is_predicted_once(tmp_path):
    touch(tmp_path, "a.png")
    path = tmp_path / "a.png"
    assert targets([path, path], tmp_path / "out") == {"a.png": "a"}


def test_results_of_an_earlier_run_are_no_images(tmp_path):
    touch(tmp_path, "a.png", "out/a_color.png", "out/deeper/b_depth.png")
    assert targets([tmp_path], tmp_path / "out") == {"a.png": "a"}
    with pytest.raises(UserError, match="is the folder of the images"):
        find_sources([tmp_path], tmp_path)


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        find_sources([tmp_path / "nowhere"], tmp_path / "out")
    touch(tmp_path, "empty/notes.txt")
    with pytest.raises(UserError, match="has no images or videos"):
        find_sources([tmp_path / "empty"], tmp_path / "out")
