"""Self-training from streets to evening streets, whose depth it does not read.

    python -m benchmarks.study --config=benchmarks/studies/adapt_streets.py \
        --seeds=0 --only=supervised,continued,statistics,class_balanced,ordered,global

The demo's network learns from the world `streets` and is adapted to the world
`evening`: another palette, light, haze, sensor, lens and height of the camera. The
reference is that network before it is adapted. The ceiling, `supervised`, trains it
further as the rounds do, on the true depth of the same images. All are evaluated on the
target's test images, by their last checkpoint.

Three controls show what needs no pseudo-labels. `continued` trains on the source alone
for as many steps as three rounds take, `continued_alike` does so with the averaged
weights and colours of `ordered`. `statistics` is a round that changes nothing but the
running means and variances of normalisation. `global`, `class_balanced` and `mrkld`
are the authors' methods. `median`, `window11`, `averaged` and `augmented` change one
thing each, and `ordered` changes all four. `a_to_a` adapts to other images of the
network's own world, and is to be compared with `source_on_a`.

The target's images have the size of the crops. With crops of 64 x 192 and images of
65 x 197 the same network was .08 higher in ln depth in the whole images than in their
crops. Labels are made in the one and learned in the other, so each round moved all
depths up by as much.

Time: see docs/studies.md.
"""

from pathlib import Path

from benchmarks.study.grid import STUDY, Fields, Study, Variant

IMAGES = 600  # of which every tenth tests, every tenth validates, 480 are labelled
EXPORT = "deepdepth_jax.datasets.streets.export"
CROP = (65, 193)
HEIGHT, WIDTH = 81, 251
OF_A = ("--layout=pairs", f"--count={IMAGES}", f"--height={HEIGHT}", f"--width={WIDTH}")
# A lens 1.3 times as long has the same focal length in pixels at this size.
OF_B = (
    "--layout=pairs",
    f"--count={IMAGES}",
    f"--height={CROP[0]}",
    f"--width={CROP[1]}",
)

ADAPTING: Fields = {
    "train.learning_rate": 1e-4,
    "train.schedule": "constant",
    "adapt.source_portion": 0.25,
    "adapt.source_portion_max": 0.25,
}
MEDIAN: Fields = {"adapt.label": "median"}
WINDOW: Fields = {"adapt.window_bins": 11}  # about the width of a distribution
AVERAGED: Fields = {"train.ema": 0.99}
AUGMENTED: Fields = {"augment.gamma_range": 0.3, "augment.brightness_range": 0.3}
# Images of A are larger than the crop.
ON_A: Fields = {
    "data.pairs.manifest": f"{STUDY}/a/pairs.jsonl",
    "eval.window": CROP,
}
TRAINED_ON: Fields = {
    "train.learning_rate": 1e-4,
    "train.schedule": "constant",
    "train.num_steps": 945,  # as many as in three rounds
}


def _adapted(fields: Fields, start: str = "source_only") -> Variant:
    return Variant({**ADAPTING, **fields}, adapts=start)


def get_study() -> Study:
    """Builds the study."""
    return Study(
        reference="source_only",
        base=Path("configs/streets.py"),
        fields={
            "data.dataset": "pairs",
            "data.pairs.manifest": f"{STUDY}/b/pairs.jsonl",
            "data.pairs.depth_unit_m": 1 / 256,
            "data.mixture.streets": 1.0,
            "data.streets.height": HEIGHT,
            "data.streets.width": WIDTH,
            # Where the sky has no class, its pixels get labels of other far bins.
            "data.streets.sky_m": 1000.0,
            "train.beyond": "last_bin",
            "train.crop": CROP,
            "model.aspp_rates": (1, 2, 4, 8),  # its feature map has 5 x 13 places
            "eval.every": 0,  # no checkpoint is chosen by depth of the target
            "eval.decode": "median",
            "eval.figures": 5,
        },
        variants={
            "source_only": Variant(),
            "supervised": Variant(
                {
                    **TRAINED_ON,
                    "data.mixture.streets": 150.0,
                    "data.mixture.pairs": 480.0,  # in the proportion of a round
                },
                continues="source_only",
            ),
            "continued": Variant(TRAINED_ON, continues="source_only"),
            "continued_alike": Variant(
                {**TRAINED_ON, **AVERAGED, **AUGMENTED}, continues="source_only"
            ),
            "statistics": _adapted({"train.learning_rate": 0.0, "adapt.rounds": 1}),
            "source_on_a": Variant(ON_A),
            "global": _adapted({"adapt.policy": "global"}),
            "class_balanced": _adapted({}),
            "mrkld": _adapted({"train.mrkld": 0.1}),
            "median": _adapted(MEDIAN),
            "window11": _adapted(WINDOW),
            "averaged": _adapted(AVERAGED),
            "augmented": _adapted(AUGMENTED),
            "ordered": _adapted({**MEDIAN, **WINDOW, **AVERAGED, **AUGMENTED}),
            "soft": _adapted({"adapt.label": "soft"}),
            "row_prior": _adapted({"adapt.row_prior": True}),
            "window1": _adapted({"adapt.window_bins": 1}),
            "unsmoothed": _adapted({"adapt.smoothing_bins": 1}),
            "reweighted": _adapted({"adapt.label": "reweighted"}),
            "a_to_a": _adapted(ON_A, "source_on_a"),
        },
        seeds=(0, 1, 2, 3, 4),
        folders={
            "a": (EXPORT, *OF_A, "--seed=1"),
            "b": (EXPORT, *OF_B, "--seed=2", "--world=evening"),
        },
    )
