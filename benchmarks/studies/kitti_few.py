"""The four heads on the few frames of KITTI that one drive's sample has.

    python -m benchmarks.study --config=benchmarks/studies/kitti_few.py \
        --config.data.root=ROOT

Twelve frames of drive 2011_09_26_0001 (5 to 10, both cameras) to learn from, from
random weights. Two of drive 0052 to test on. They show that every head reads, learns
and evaluates the real files. They are far too few to rank anything by.
"""

from pathlib import Path

from benchmarks.study.grid import Fields, Study, Variant

LEARNT: dict[str, Fields] = {
    "learnt": {"eval.split": "train", "eval.ground_truth": "improved"}
}
"""Read off the frames that were learnt from."""


def get_study() -> Study:
    """Builds the study."""
    heads: dict[str, Fields] = {
        "classification": {},
        "soft_labels": {"train.loss": "soft_labels", "train.soft_label_std": 0.1},
        "ordinal": {"model.head": "ordinal"},
        "regression": {"model.head": "regression"},
    }
    return Study(
        reference="classification",
        base=Path("configs/kitti.py"),
        fields={
            "data.kitti.cameras": (2, 3),
            "model.backbone": "resnet18",
            "model.width": 32,
            "model.output_stride": 16,
            "model.pretrained": "",
            "model.norm": "trained",
            "train.crop": (192, 640),
            "train.batch_size": 4,
            "train.num_steps": 400,
            "train.optimizer": "adamw",
            "train.learning_rate": 1e-3,
            "train.weight_decay": 0.01,
            "train.head_lr_mult": 1.0,
            "augment.preset": "flip",
            "eval.ground_truth": "lidar",
            "eval.decode": "expectation",
            "eval.figures": 0,
        },
        variants={name: Variant(fields, LEARNT) for name, fields in heads.items()},
        seeds=(0,),
    )
