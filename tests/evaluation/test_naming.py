import pytest

from deepdepth_jax.evaluation.naming import stems_of


def test_an_images_suffix_is_left_out_where_that_is_unambiguous():
    stems = stems_of(["day/a.png", "day/b.jpg", "night/b.jpg"])
    assert stems["day/a.png"] == ["day/a", "day_a", "day/a.png", "day_a.png"]
    assert stems["night/b.jpg"][:2] == ["night/b", "night_b"]
    alike = stems_of(["a.png", "a.jpg", "b.v2"])
    assert alike["a.png"] == ["a.png"]
    assert alike["b.v2"] == ["b.v2"]


def test_first_folders_are_left_out_where_all_images_stay_apart():
    stems = stems_of(["set/x/1.png", "set/y/2.png"])
    assert {"set/x/1", "x/1", "x_1", "1", "1.png"} <= set(stems["set/x/1.png"])
    assert "1" not in stems_of(["x/1.png", "y/1.png"])["x/1.png"]


def test_a_stem_of_two_images_belongs_to_the_one_whose_whole_name_it_is():
    stems = stems_of(["a/b", "b"])
    assert stems["b"] == ["b"]
    assert stems["a/b"] == ["a/b", "a_b"]


@pytest.mark.parametrize("name", ["/data/a.png", "../data/a.png"])
def test_names_stay_below_the_folder(name):
    """Of an absolute path the file itself, the image, would be taken."""
    assert stems_of([name])[name][0] == "data/a"


def test_frames_of_kitti_in_a_manifest_have_their_names_too():
    name = "raw/2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000006.png"
    assert "2011_09_26_drive_0002_sync_0000000006" in stems_of([name])[name]
