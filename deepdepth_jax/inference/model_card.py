"""The page of a published network, written from the metadata of its file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deepdepth_jax.inference.network_details import MEASURED, TITLES, describe_protocol
from deepdepth_jax.runtime.json_files import is_number

LICENCES = frozenset(
    {
        "agpl-3.0",
        "apache-2.0",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "gpl-3.0",
        "lgpl-3.0",
        "mit",
        "mpl-2.0",
    }
)
"""Licences that the hub knows by these names. It calls all others `other`."""


def model_card(fields: Mapping[str, Any], name: str) -> str:
    """Writes the model card of a network, in Markdown with a YAML header.

    Args:
      fields: the metadata of its file. See `network_metadata.read_metadata`.
      name: of the repository, such as `user/name`.

    Returns:
      The card.
    """
    return "\n".join([*_header(fields), *_introduction(fields, name), *_facts(fields)])


def _header(fields: Mapping[str, Any]) -> Iterator[str]:
    from huggingface_hub import ModelCardData

    licence = fields["details"].get("licence")
    known = licence is None or licence.lower() in LICENCES
    data = ModelCardData(
        library_name="deepdepth_jax",
        pipeline_tag="depth-estimation",
        tags=["depth-estimation", "monocular-depth", "jax"],
        license=(licence.lower() if licence else None) if known else "other",
        license_name=None if known else licence,
    )
    yield from ("---", data.to_yaml(), "---")


def _introduction(fields: Mapping[str, Any], name: str) -> Iterator[str]:
    trained_on = ", ".join(fields["details"].get("trained_on", ())) or "unknown data"
    yield f"""
# {name}

Metric depth of single images, in metres, as a classification of each pixel over depth
bins: a network of deepdepth_jax, trained on {trained_on}.

```python
from deepdepth_jax import DepthPredictor

predictor = DepthPredictor.from_pretrained("{name}")
result = predictor(image, focal_px=721.5)  # RGB, uint8 (h, w, 3), any size
result.depth_m, result.confidence  # float32 (h, w)
```
"""


def _facts(fields: Mapping[str, Any]) -> Iterator[str]:
    config, details = fields["config"], fields["details"]
    yield "| network | |\n|---|---|"
    for title, value in (
        ("backbone", f"{config['model.backbone']}, width {config['model.width']}"),
        ("output stride", config["model.output_stride"]),
        ("head", config["model.head"]),
        ("bins", _bins(config)),
        ("focal lengths of training", _camera(config, fields["camera"])),
        ("step", fields["step"]),
        ("licence of the weights", details.get("licence", "not stated")),
        ("SHA-256 of content", f"`{fields['sha256']}`"),
    ):
        yield f"| {title} | {_cell(value)} |"
    yield from _results(details.get("evaluations", ()))


def _results(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not evaluations:
        yield "\nNo results are stored with this network."
        return
    yield f"\n| measured on | {' | '.join(TITLES.values())} |"
    yield f"|---{'|---' * len(TITLES)}|"
    for evaluation in evaluations:
        protocol, metrics = (evaluation[part] for part in MEASURED)
        values = (metrics.get(metric) for metric in TITLES)
        shown = (f"{x:.3f}" if is_number(x) else "" for x in values)
        yield f"| {_cell(describe_protocol(protocol))} | {' | '.join(shown)} |"


def _bins(config: Mapping[str, Any]) -> str:
    kind, count = config["bins.kind"], config["bins.num_bins"]
    near_m, far_m = config["bins.min_depth_m"], config["bins.max_depth_m"]
    return f"{count}, {kind}, {near_m:g} to {far_m:g} m"


def _camera(config: Mapping[str, Any], camera: Mapping[str, Any]) -> str:
    canonical_px = config["data.canonical_focal_px"]
    if canonical_px:
        return f"any, scaled to {canonical_px:g} px"
    median_px = camera.get("median_focal_px")
    return f"{median_px:.4g} px (median)" if median_px else "unknown"


def _cell(value: object) -> str:
    """Keeps a text from ending the cell or the line of a table."""
    return " ".join(str(value).replace("|", "\\|").split())
