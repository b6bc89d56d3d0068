"""Reads manifests: which image and which depth file belong together."""

import csv
import dataclasses
import io
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepdepth_jax.datasets.files import read_bytes
from deepdepth_jax.datasets.pairs.depth_files import DEPTH_SUFFIXES
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FOCAL_RANGE_PX, is_focal_length
from deepdepth_jax.runtime.paths import expand_home

SPLITS = ("train", "val", "test")
REQUIRED_FIELDS = ("image", "depth")
FIELDS = (*REQUIRED_FIELDS, "focal_px", "split", "sha256")
EXAMPLES = {
    ".csv": "a header line 'image,depth' and lines such as 'a.jpg,a.png'",
    ".jsonl": """lines such as '{"image": "a.jpg", "depth": "a.png"}'""",
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image and its depth, as a line of a manifest has them.

    Attributes:
      name: the path of the image, as written in the manifest.
      image: the image.
      depth: its depth file.
      focal_px: horizontal focal length in pixels of the image. 0 = unknown.
      split: "train", "val" or "test".
      sha256: of the depth file, in lower case. Empty = not given.
      origin: file and line, for people to read.
    """

    name: str
    image: Path
    depth: Path
    focal_px: float
    split: str
    sha256: str
    origin: str


def split_of(index: int) -> str:
    """Returns the split of line `index`, from 0, of a manifest without splits."""
    return {0: "test", 5: "val"}.get(index % 10, "train")


def read_manifest(path: str | Path) -> list[Pair]:
    """Reads a manifest, in the order of its lines.

    It is JSONL (`.jsonl`, one object a line) or CSV (`.csv`, with a header line), in
    UTF-8. Blank lines are passed over.

    - `image`: the image. Paths are relative to the folder of the manifest,
      absolute, or begin with `~`.
    - `depth`: its depth. One of the files that `depth_files.read_depth` reads.
    - `focal_px` (optional): horizontal focal length in pixels of the image.
    - `split` (optional): "train", "val" or "test".
    - `sha256` (optional): of the depth file. A file of the same size and other content
      is then noticed.

    Every line names its split, or none does. If none does, of the lines counted from 0
    every tenth tests (0, 10, 20...), 5, 15, 25... validate, and the others train. Where
    neighbouring lines are frames of one video that is no fair test, as the network has
    learnt from almost the same image: give whole videos a split then.

    Raises:
      UserError: the file cannot be read, is of another format, or lists nothing. Or one
        of its lines is not as above, or lists an image again. Names line and field.
    """
    path = Path(path)
    rows = _read_rows(path)
    pairs = [_make_pair(values, origin, path.parent) for origin, values in rows]
    if not pairs:
        raise UserError(
            f"{path}: lists no pairs; write {EXAMPLES[path.suffix.lower()]}"
        )
    _require_each_image_once(pairs)
    return _complete_splits(pairs)


def _read_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the origin of each line and its unchecked values by field."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _csv_rows(_read_text(path), path)
    if suffix == ".jsonl":
        return _jsonl_rows(_read_text(path), path)
    raise UserError(f"data.pairs.manifest = {path}: must be a .jsonl or a .csv file")


def _read_text(path: Path) -> str:
    data = read_bytes(path)
    try:
        # Excel begins its UTF-8 with a byte order mark.
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: is not UTF-8; save the file as UTF-8"
        ) from error


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), skipinitialspace=True, strict=True
    )
    header: list[str] = []
    try:
        for row in reader:
            origin = f"{path}, line {reader.line_num}"
            values = [value.strip() for value in row]
            if not any(values):
                continue
            if header:
                _require_as_many(values, header, origin)
                yield origin, dict(zip(header, values, strict=True))
            else:
                header = values
                _require_known_fields(header, origin, EXAMPLES[".csv"])
    except csv.Error as error:
        raise UserError(
            f"{path}, line {reader.line_num}: is no CSV ({error}); check the quotes "
            "there and before"
        ) from error


def _jsonl_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Not splitlines(): it also cuts at characters that may stand within JSON's strings.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            origin = f"{path}, line {number}"
            yield origin, _parse_object(line, origin)


def _parse_object(line: str, origin: str) -> Mapping[str, Any]:
    try:
        # Objects come as tuples of name and value, so that a name given twice shows.
        parsed = json.loads(line, object_pairs_hook=tuple, parse_int=float)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{origin}: is no JSON ({error.msg}, column {error.colno}); write "
            f"{EXAMPLES['.jsonl']}"
        ) from error
    except RecursionError as error:
        raise UserError(
            f"{origin}: is nested too deeply; write {EXAMPLES['.jsonl']}"
        ) from error
    if not isinstance(parsed, tuple):
        raise UserError(f"{origin}: is no JSON object; write {EXAMPLES['.jsonl']}")
    _require_known_fields([name for name, _ in parsed], origin, EXAMPLES[".jsonl"])
    return dict(parsed)


def _require_as_many(values: Sequence, header: Sequence, origin: str) -> None:
    if len(values) != len(header):
        raise UserError(
            f"{origin}: has {len(values)} values for the {len(header)} fields of the "
            "header; add or delete commas, and quote paths with commas"
        )


def _require_known_fields(names: Sequence[str], origin: str, example: str) -> None:
    for name in names:
        if name not in FIELDS:
            raise UserError(
                f"{origin}: has an unknown field {name!r}; the fields are "
                f"{', '.join(FIELDS)}: write {example}"
            )
        if names.count(name) > 1:
            raise UserError(f"{origin}: has the field {name!r} twice; delete one")
    for name in REQUIRED_FIELDS:
        if name not in names:
            raise UserError(f"{origin}: has no field {name!r}; write {example}")


def _make_pair(values: Mapping[str, Any], origin: str, folder: Path) -> Pair:
    image, depth = (_check_path(values[name], name, origin) for name in REQUIRED_FIELDS)
    if Path(depth).suffix.lower() not in DEPTH_SUFFIXES:
        raise UserError(
            f"{origin}: depth {depth!r} has an unknown format; convert it to one of "
            f"{', '.join(DEPTH_SUFFIXES)}"
        )
    return Pair(
        name=image,
        image=folder / expand_home(image),
        depth=folder / expand_home(depth),
        focal_px=_parse_focal_px(values.get("focal_px"), origin),
        split=_check_split(values.get("split"), origin),
        sha256=_check_sha256(values.get("sha256"), origin),
        origin=origin,
    )


def _check_path(value: Any, name: str, origin: str) -> str:
    if not isinstance(value, str) or not value:
        raise UserError(f"{origin}: {name} is {value!r}; write the path of a file")
    return value


def _parse_focal_px(value: Any, origin: str) -> float:
    if value is None or value == "":
        return 0.0
    try:
        focal_px = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError):
        focal_px = math.nan
    if not is_focal_length(focal_px):
        least, most = FOCAL_RANGE_PX
        raise UserError(
            f"{origin}: focal_px is {value!r}; write a number of pixels from {least:g} "
            f"to {most:g}, such as 721.5, or nothing if it is unknown"
        )
    return focal_px


def _check_split(value: Any, origin: str) -> str:
    if value is None or value == "":
        return ""
    if value not in SPLITS:
        raise UserError(
            f"{origin}: split is {value!r}; write one of {', '.join(SPLITS)}"
        )
    return value


def _check_sha256(value: Any, origin: str) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise UserError(
            f"{origin}: sha256 is {value!r}; write the 64 hexadecimal digits of "
            "sha256sum, or nothing"
        )
    return value


def _require_each_image_once(pairs: Sequence[Pair]) -> None:
    seen: dict[str, Pair] = {}
    for pair in pairs:
        earlier = seen.setdefault(os.path.normpath(pair.image.absolute()), pair)
        if earlier is not pair:
            raise UserError(
                f"{pair.origin}: repeats image {pair.name!r} of {earlier.origin}; "
                "delete one of the two lines"
            )


def _complete_splits(pairs: Sequence[Pair]) -> list[Pair]:
    with_split = [pair for pair in pairs if pair.split]
    if not with_split:
        return [
            dataclasses.replace(pair, split=split_of(index))
            for index, pair in enumerate(pairs)
        ]
    for pair in pairs:
        if not pair.split:
            raise UserError(
                f"{pair.origin}: has no split, but {with_split[0].origin} has one; "
                f"write one of {', '.join(SPLITS)} in every line, or in none"
            )
    return list(pairs)
