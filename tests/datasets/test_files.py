import os

import pytest

from deepdepth_jax.datasets.files import list_files, name_some, read_bytes
from deepdepth_jax.errors import UserError


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "not a file"),
        (os.mkfifo, "not a file"),  # it would be waited for, for ever
        (lambda path: path.touch(), "is empty"),
    ],
)
def test_what_is_no_file_with_content_is_named(tmp_path, make, says):
    path = tmp_path / "0000000005.png"
    make(path)
    with pytest.raises(UserError, match=rf"0000000005\.png: .*{says}"):
        read_bytes(path)


def test_a_folder_lists_files_and_links_to_files_alone(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "c.png").symlink_to("nowhere.png")
    (tmp_path / "d.png").mkdir()
    os.mkfifo(tmp_path / "e.png")
    assert sorted(list_files(tmp_path)) == [tmp_path / "a.png", tmp_path / "b.png"]
    assert list_files(tmp_path / "none") == list_files(tmp_path / "a.png") == []


def test_reports_name_few_files_in_full_and_of_many_the_first():
    assert name_some(["a", "b", "c"]) == "a, b, c"
    assert name_some(["a", "b", "c", "d"]) == "a and so on"
