"""What helps on street scenes, at the demo's size.

    python -m benchmarks.study --config=benchmarks/studies/streets.py

Each variant changes the paper's recipe in one thing: the bins, the labels, the head or
the loss. All are read as configs/streets.py has it, by the expectation where there is a
distribution. The paper's and the ordinal one also in other ways, with and without the
CRF. What seeds change is initial weights, the order of batches and augmentation: all
see the same scenes.
"""

from benchmarks.study.grid import Fields, Study, Variant

CRF: Fields = {"crf.enabled": True}


def get_study() -> Study:
    """Builds the study."""
    return Study(
        reference="paper",
        fields={"eval.figures": 0},
        variants={
            "paper": Variant(
                readings={
                    "argmax": {"eval.decode": "argmax"},
                    "median": {"eval.decode": "median"},
                    "flip": {"eval.flip": True},
                    "crf": CRF,
                    "argmax+crf": {"eval.decode": "argmax", **CRF},
                }
            ),
            "ud": Variant({"bins.kind": "ud"}),
            "k24": Variant({"bins.num_bins": 24}),
            "k142": Variant({"bins.num_bins": 142}),
            "alpha0.5": Variant({"bins.min_depth_m": 0.5}),
            "alpha4.66": Variant({"bins.min_depth_m": 4.66}),
            # As wide as in SORD's paper, and about two bins wide.
            "soft_labels": Variant({"train.loss": "soft_labels"}),
            "soft_labels0.1": Variant(
                {"train.loss": "soft_labels", "train.soft_label_std": 0.1}
            ),
            "label_smoothing": Variant({"train.loss": "label_smoothing"}),
            "silog_term": Variant({"train.silog_weight": 0.1}),
            "ordinal": Variant(
                {"model.head": "ordinal", "train.loss": "ordinal"},
                # DORN's own reading counts thresholds.
                {"count": {"eval.decode": "count"}, "crf": CRF},
            ),
            "regression_silog": Variant(
                {"model.head": "regression", "train.loss": "silog"}
            ),
            "regression_berhu": Variant(
                {"model.head": "regression", "train.loss": "berhu"}
            ),
        },
    )
