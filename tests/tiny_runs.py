"""The smallest run that does everything: what the end-to-end tests train."""

import os
from pathlib import Path

PREPARED = Path(os.environ.get("DEEPDEPTH_TESTS", ""), "prepared")
"""Records that the tests of a session share, those of rendered scenes above all."""
OVERRIDES = {
    "data.prepared_dir": PREPARED,
    "data.streets.train_scenes": 6,
    "data.streets.val_scenes": 2,
    "data.streets.test_scenes": 3,
    "data.streets.height": 32,
    "data.streets.width": 64,
    "model.backbone": "tiny",
    "model.width": 4,
    "model.aspp_rates": "(1,6)",
    "bins.num_bins": 12,
    "train.crop": "(32,48)",
    "train.batch_size": 4,
    "train.num_steps": 4,
    "train.log_every": 1,
    "train.checkpoint_every": 1,
    "eval.every": 2,
    "eval.batch_size": 2,
    "eval.figures": 2,
}


def arguments(folder: Path, **overrides: object) -> list[str]:
    """Gives the command line of a tiny run below a folder.

    Overrides are written `data__root=...` for data.root. Tests share the records of
    rendered scenes. Runs on files have a folder of their own, because records are found
    by the names and sizes of files, not by their content.
    """
    fields = OVERRIDES | {
        name.replace("__", "."): value for name, value in overrides.items()
    }
    of_files = any(x.startswith("data__") and "streets" not in x for x in overrides)
    if of_files and "data__prepared_dir" not in overrides:
        fields["data.prepared_dir"] = folder / "prepared"
    return [
        "--config=configs/streets.py",
        f"--workdir={folder / 'run'}",
        *(f"--config.{field}={value}" for field, value in fields.items()),
    ]
