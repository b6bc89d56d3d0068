"""A tiny target: images of streets, with depth that only tests may read."""

import json

import numpy as np
from PIL import Image
from tiny_runs import OVERRIDES

from deepdepth_jax.datasets.streets.streets_source import StreetsSource

TRAIN, TEST = 5, 2


def write_target(folder, count=TRAIN + TEST, focal_px=None):
    """Writes images of other streets than the tiny run's, and a manifest of them."""
    source = StreetsSource("train", count, 32, 64, seed=9)
    lines = []
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        example = source.read(index)
        Image.fromarray(example.image).save(folder / f"{index}.png")
        np.save(folder / f"{index}.npy", example.depth_m)
        line = {"image": f"{index}.png", "depth": f"{index}.npy"}
        line |= {"focal_px": focal_px or example.focal_px}
        lines.append(line | {"split": "train" if index < TRAIN else "test"})
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "pairs.jsonl"


def adapt_arguments(trained, workdir, **overrides):
    """The command line of a tiny adaptation of the tiny run."""
    fields = {
        **OVERRIDES,
        "model.norm": "trained",
        "adapt.rounds": 2,
        "adapt.source_portion": 0.5,
        "adapt.source_portion_max": 0.5,
        "eval.figures": 0,
        "eval.crop": "none",
        "train.schedule": "constant",
    } | {name.replace("__", "."): value for name, value in overrides.items()}
    return [
        f"--from={trained / 'run'}",
        "--config=configs/streets.py",
        f"--workdir={workdir}",
        *(f"--config.{field}={value}" for field, value in fields.items()),
    ]


def on_pairs(manifest, **overrides):
    """The fields that make the pairs the target and streets the source."""
    return {
        "data__dataset": "pairs",
        "data__pairs__manifest": manifest,
        "data__mixture__streets": 1,
    } | overrides
