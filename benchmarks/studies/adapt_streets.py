"""Self-training from streets to evening streets, whose depth it does not read.

    python -m benchmarks.study --config=benchmarks/studies/adapt_streets.py \
        --seeds=0 --only=supervised,global,class_balanced,mrkld

The demo's network learns from the world `streets` and is adapted to the world
`evening`: another palette, light, haze, sensor, lens and height of the camera. The
reference is that network before it is adapted. The ceiling, `supervised`, trains it
further as the rounds do, on the true depth of the same images. All are evaluated on the
target's test images, by their last checkpoint. `a_to_a` adapts to other images of the
network's own world, and is to be compared with `source_on_a`.

Time: about 15 minutes for a seed's rows named above on two idle cores, estimated from
an hour beside other load. The ablations take as long again.
"""

from pathlib import Path

from benchmarks.study.grid import STUDY, Fields, Study, Variant

IMAGES = 600  # of which every tenth tests, every tenth validates, 480 are labelled
EXPORT = "deepdepth_jax.datasets.streets.export"
HEIGHT, WIDTH = 84, 256
OF_A = ("--layout=pairs", f"--count={IMAGES}", f"--height={HEIGHT}", f"--width={WIDTH}")
# A lens 1.3 times as long has the same focal length in pixels at this size.
OF_B = ("--layout=pairs", f"--count={IMAGES}", "--height=65", "--width=197")

ADAPTING: Fields = {
    "train.learning_rate": 1e-4,
    "train.schedule": "constant",
    "adapt.source_portion": 0.25,
    "adapt.source_portion_max": 0.25,
}
ON_A: Fields = {"data.pairs.manifest": f"{STUDY}/a/pairs.jsonl"}


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
            "train.crop": (64, 192),  # no larger than any image
            "model.aspp_rates": (1, 2, 4, 8),  # its feature map has 4 x 12 places
            "eval.every": 0,  # no checkpoint is chosen by depth of the target
            "eval.decode": "median",
            "eval.figures": 5,
        },
        variants={
            "source_only": Variant(),
            "supervised": Variant(
                {
                    "train.learning_rate": 1e-4,
                    "train.schedule": "constant",
                    "train.num_steps": 945,  # as many as in three rounds, on as many
                    "data.mixture.streets": 150.0,
                    "data.mixture.pairs": 480.0,
                },
                continues="source_only",
            ),
            "source_on_a": Variant(ON_A),
            "global": _adapted({"adapt.policy": "global"}),
            "class_balanced": _adapted({}),
            "mrkld": _adapted({"train.mrkld": 0.1}),
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
