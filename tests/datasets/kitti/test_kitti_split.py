import pytest

from deepdepth_jax.datasets.kitti.eigen import VALIDATION_DRIVES, Frame, frames
from deepdepth_jax.datasets.kitti.split import choose_frames
from deepdepth_jax.errors import UserError

POOL = [
    *(Frame("2011_09_26", "0001", 2, index) for index in (5, 6, 7)),
    *(
        Frame("2011_09_26", "0005", camera, index)
        for camera in (2, 3)
        for index in (8, 9)
    ),
    # Drives that the Eigen split does not have.
    *(Frame("2011_09_26", "9998", 3, index) for index in (1, 2)),
    *(Frame("2011_09_26", "9999", 2, index) for index in (0, 1)),
]
TESTED = Frame("2011_09_26", "0002", 2, 3)  # by Eigen


@pytest.fixture
def write_list(tmp_path):
    def write(name, listed):
        lines = [
            f"{f.date}/{f.drive_folder} {f.index} {'l' if f.camera == 2 else 'r'}"
            for f in listed
        ]
        path = tmp_path / name
        path.write_text("\n".join(lines))
        return str(path)

    return write


def choose(split, cameras=(2,), drives=VALIDATION_DRIVES, **lists):
    return [entry.frame for entry in choose_frames(split, cameras, drives, **lists)]


def refuse(*problems, split="train", drives=VALIDATION_DRIVES, **lists):
    with pytest.raises(UserError) as raised:
        choose(split, drives=drives, **lists)
    message = str(raised.value)
    assert "\n" not in message
    for problem in problems:
        assert problem in message
    return message


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_without_lists_it_is_the_eigen_split(split):
    drives = VALIDATION_DRIVES[:2]
    assert choose(split, (3,), drives) == frames(split, (3,), drives)


def test_lists_of_eigens_frames_are_the_eigen_split(write_list):
    train_list = write_list("train.txt", frames("train", validation_drives=()))
    test_list = write_list("test.txt", frames("test"))
    lists = {"train_list": train_list, "test_list": test_list}
    assert choose("train", **lists) == frames("train")
    assert choose("val", (3,), train_list=train_list) == frames("val")
    assert choose("test", (3,), test_list=test_list) == frames("test")


def test_a_train_list_is_the_pool_that_drives_are_held_out_of(write_list):
    train_list = write_list("train.txt", reversed(POOL))
    chosen = {
        split: choose(split, drives=["2011_09_26_drive_0005"], train_list=train_list)
        for split in ("train", "val", "test")
    }
    held_out = [frame for frame in POOL if frame.drive == "0005"]
    assert chosen["val"] == held_out
    assert chosen["train"] == [frame for frame in POOL if frame.drive != "0005"]
    assert chosen["test"] == frames("test")
    assert choose("train", drives=(), train_list=train_list) == POOL
    assert choose("val", drives=(), train_list=train_list) == []


def test_a_val_list_takes_its_frames_out_of_training_and_no_drives(write_list):
    of_pool = Frame("2011_09_26", "0005", 2, 20)
    elsewhere = Frame("2011_09_26", "9999", 2, 0)
    val_list = write_list("val.txt", [elsewhere, of_pool])
    assert choose("val", val_list=val_list) == [of_pool, elsewhere]
    train = choose("train", (2, 3), val_list=val_list)
    everything = frames("train", (2, 3), ())
    assert train == [frame for frame in everything if frame != of_pool]
    assert len(train) == 2 * 23_488 - 1


def test_with_both_lists_drives_are_not_read(write_list):
    train_list = write_list("train.txt", POOL)
    val_list = write_list("val.txt", POOL[1:3])
    lists = {"train_list": train_list, "val_list": val_list}
    for cameras in ((2,), (3,)):
        assert choose("train", cameras, ("none",), **lists) == [POOL[0], *POOL[3:]]
        assert choose("val", cameras, ("none",), **lists) == POOL[1:3]


def test_a_test_list_is_tested_in_place_of_eigens(write_list):
    tested = [TESTED, Frame("2011_09_26", "9999", 3, 4)]
    test_list = write_list("test.txt", reversed(tested))
    assert choose("test", test_list=test_list) == tested
    assert choose("train", test_list=test_list) == frames("train")
    # Eigen's other test frames are then free to be learnt from.
    other = Frame("2011_09_26", "0002", 2, 6)
    train_list = write_list("train.txt", [other])
    lists = {"train_list": train_list, "test_list": test_list}
    assert choose("train", drives=(), **lists) == [other]


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("camera", [2, 3])
def test_a_test_frame_in_a_train_list_is_named(write_list, split, camera):
    other_camera = Frame(TESTED.date, TESTED.drive, camera, TESTED.index)
    neighbour = Frame(TESTED.date, TESTED.drive, camera, TESTED.index + 1)
    path = write_list("train.txt", [neighbour, other_camera])
    message = refuse(
        f"{other_camera.name} ({path}, line 2)",
        f"tested as {TESTED.name} (the Eigen split)",
        split=split,
        drives=(),
        train_list=path,
    )
    assert message.startswith("data.kitti.train_list: 1 of its frames")
    assert choose(
        "train", drives=(), train_list=write_list("train.txt", [neighbour])
    ) == [neighbour]


@pytest.mark.parametrize("drive", ["0001", "0005"])
def test_training_frames_in_a_test_list_are_counted(write_list, drive):
    """Those of the drives held out too, as long as no list says what is learnt."""
    tested = [Frame("2011_09_26", drive, 2, index) for index in (30, 31)]
    path = write_list("test.txt", [TESTED, *tested])
    refuse(
        "data.kitti.train_list: 2 of its frames",
        f"{tested[0].name} (the Eigen split), tested as",
        f"({path}, line 2)",
        test_list=path,
    )


def test_no_checkpoint_is_chosen_on_test_frames(write_list):
    path = write_list("val.txt", [TESTED])
    message = refuse(TESTED.name, f"{path}, line 1", val_list=path)
    assert message.startswith("data.kitti.val_list: 1 of its frames")


def test_drives_to_hold_out_must_be_in_the_pool(write_list):
    path = write_list("train.txt", POOL)
    refuse(
        "data.kitti.validation_drives: '2011_09_26_drive_0022' is not",
        f"a training drive of {path}",
        "'2011_09_26_drive_0001'",
        train_list=path,
    )
    refuse(
        "'2011_09_26_drive_9999' is not a training drive of the Eigen split",
        drives=["2011_09_26_drive_9999"],
    )


def test_splits_that_do_not_exist_are_refused(write_list):
    refuse("split 'validation'", split="validation")
    path = write_list("train.txt", POOL)
    refuse("split 'validation'", split="validation", drives=(), train_list=path)
