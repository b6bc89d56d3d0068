"""Which frames a split has: Eigen's, or those of the user's own lists."""

from collections.abc import Collection, Sequence

from deepdepth_jax.datasets.kitti.eigen import (
    frames,
    require_drives,
    require_split,
)
from deepdepth_jax.datasets.kitti.lists import ListedFrame, read_list
from deepdepth_jax.errors import UserError

EIGEN = "the Eigen split"


def choose_frames(
    split: str,
    cameras: Sequence[int],
    validation_drives: Sequence[str],
    *,
    train_list: str = "",
    val_list: str = "",
    test_list: str = "",
    learned: bool = True,
) -> list[ListedFrame]:
    """Chooses the frames of a split, ordered by drive, camera and index.

    The training pool has Eigen's training frames or those of `train_list`. `val` has
    the held-out drives of the pool, or the frames of `val_list`. `train` has the rest
    of the pool.

    Args:
      split: "train", "val" or "test".
      cameras: 2, 3 or both, where no list tells the frames.
      validation_drives: drives of the pool to hold out. Not read with a `val_list`.
      train_list: a file for `read_list`, and so are the other two. Empty for none.
      val_list: frames to validate on, of the pool or not.
      test_list: frames to test on, in place of Eigen's 697.
      learned: whether a network learns from the pool. If not, any frames may be tested.

    Returns:
      The frames in order, each with its origin.

    Raises:
      UserError: a field has no such value, a list is not as it must be, or a frame is
        to be learnt from, or validated on, and tested on.
    """
    if not (train_list or val_list or test_list):
        return _list_eigen(split, cameras, validation_drives)
    require_split(split)
    pool = read_list(train_list) if train_list else _list_eigen("train", cameras)
    test = read_list(test_list) if test_list else _list_eigen("test", cameras)
    if val_list:
        val = read_list(val_list)
    else:
        drives = {entry.frame.drive_name for entry in pool}
        require_drives(validation_drives, drives, train_list or EIGEN)
        val = [entry for entry in pool if entry.frame.drive_name in validation_drives]
    if learned:
        _require_untested(pool, test, "data.kitti.train_list")
        _require_untested(val, test, "data.kitti.val_list")
    held_out = {entry.frame for entry in val}
    train = [entry for entry in pool if entry.frame not in held_out]
    chosen = {"train": train, "val": val, "test": test}[split]
    return sorted(chosen, key=lambda entry: entry.frame)


def _list_eigen(
    split: str, cameras: Sequence[int], validation_drives: Sequence[str] = ()
) -> list[ListedFrame]:
    chosen = frames(split, cameras, validation_drives)
    return [ListedFrame(frame, EIGEN) for frame in chosen]


def _require_untested(
    chosen: Collection[ListedFrame], test: Collection[ListedFrame], field: str
) -> None:
    """Checks that nothing is learnt from test frames, and no checkpoint chosen on them.

    The other camera's image of a tested moment shows nearly the same.
    """
    tested = {_moment(entry): entry for entry in test}
    clashes = [entry for entry in chosen if _moment(entry) in tested]
    if clashes:
        first, as_tested = clashes[0], tested[_moment(clashes[0])]
        raise UserError(
            f"{field}: {len(clashes)} of its frames are test frames, the first is "
            f"{first.frame.name} ({first.origin}), tested as {as_tested.frame.name} "
            f"({as_tested.origin}); remove each frame from this list or from "
            "data.kitti.test_list"
        )


def _moment(entry: ListedFrame) -> tuple[str, str, int]:
    return entry.frame.date, entry.frame.drive, entry.frame.index
