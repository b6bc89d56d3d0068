import os
from pathlib import Path

import pytest

from deepdepth_jax.errors import UserError
from deepdepth_jax.predict.folders import MOST_NAMED, describe, is_leftover, search
from deepdepth_jax.predict.media import find_sources


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found_below(folder, output="out"):
    files, left_out = search(folder, folder / output)
    named = [path.relative_to(folder).as_posix() for path in files]
    reasons = {o.path.relative_to(folder).as_posix(): o.reason for o in left_out}
    return named, reasons


def test_linked_folders_are_searched(tmp_path):
    folder = tmp_path / "in"
    touch(tmp_path / "disk", "a.png", "deeper/b.jpg")
    touch(folder, "c.png")
    (folder / "link").symlink_to(tmp_path / "disk")
    (folder / "d.png").symlink_to(folder / "c.png")
    assert found_below(folder) == (
        ["c.png", "d.png", "link/a.png", "link/deeper/b.jpg"],
        {},
    )
    assert [file.target for file in find_sources([folder], tmp_path / "out").files][
        -2:
    ] == [tmp_path / "out/link/a", tmp_path / "out/link/deeper/b"]


def test_a_link_to_a_folder_that_holds_it_ends_the_search(tmp_path):
    touch(tmp_path, "deeper/a.png")
    (tmp_path / "deeper/up").symlink_to(tmp_path)
    (tmp_path / "deeper/here").symlink_to(".")
    (tmp_path / "itself").symlink_to("itself")
    assert found_below(tmp_path) == (
        ["deeper/a.png"],
        {
            "deeper/here": "linked to a folder that holds it",
            "deeper/up": "linked to a folder that holds it",
            "itself": "no regular file",
        },
    )


def test_what_systems_and_editors_leave_is_left_out(tmp_path):
    leftovers = [
        ".DS_Store",
        "._a.png",
        "Thumbs.db",
        "desktop.ini",
        "a.png~",
        "#a.png#",
        "~$a.png",
        ".a.png.swp",
    ]
    folders = [".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN"]
    touch(tmp_path, "a.png", *leftovers, *(f"{name}/a.png" for name in folders))
    named, reasons = found_below(tmp_path)
    assert named == ["a.png"]
    assert reasons == dict.fromkeys(leftovers + folders, "of the system or an editor")
    assert not any(map(is_leftover, ("a.png", "thumbs.png", "Icon.jpg", "~a.png")))


def test_a_name_is_taken_for_nothing_but_a_file(tmp_path):
    touch(tmp_path, "frames.mp4/a.png", "notes.txt")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert found_below(tmp_path) == (
        ["frames.mp4/a.png"],
        {
            "gone.jpg": "no regular file",
            "notes.txt": "neither image nor video",
            "pipe.png": "no regular file",
        },
    )
    with pytest.raises(UserError, match=r"pipe\.png: is no regular file"):
        find_sources([tmp_path / "pipe.png"], tmp_path / "out")


def test_results_below_the_folder_are_left_out_also_through_a_link(tmp_path):
    touch(tmp_path, "a.png", "out/a_color.png", "out/deeper/b_depth.png")
    (tmp_path / "link").symlink_to(tmp_path / "out" / "deeper")
    assert found_below(tmp_path) == (
        ["a.png"],
        dict.fromkeys(["link", "out"], "with results of this command"),
    )


def test_results_may_go_to_a_folder_above(tmp_path):
    touch(tmp_path, "in/a.png")
    [file] = find_sources([tmp_path / "in"], tmp_path).files
    assert file.target == tmp_path / "a"


def test_a_folder_that_may_not_be_read_is_left_out(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "locked/b.png")
    list_folder = Path.iterdir

    def locked(path):  # as permissions do for all but root
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return list_folder(path)

    monkeypatch.setattr(Path, "iterdir", locked)
    assert found_below(tmp_path) == (["a.png"], {"locked": "may not be read"})


def test_what_is_left_out_is_listed_by_reason(tmp_path):
    names = [f"{index:02d}.txt" for index in range(MOST_NAMED + 2)]
    touch(tmp_path, "a.png", ".DS_Store", *names)
    lines = describe(search(tmp_path, Path("out"))[1])
    listed = ", ".join(str(tmp_path / name) for name in names[:MOST_NAMED])
    assert lines == [
        f"left out: {MOST_NAMED + 3}",
        f"  {MOST_NAMED + 2} neither image nor video: {listed}, and 2 more",
        f"  1 of the system or an editor: {tmp_path / '.DS_Store'}",
    ]
    assert describe([]) == []
