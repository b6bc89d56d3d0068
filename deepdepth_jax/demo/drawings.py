"""HTML of what is found: pictures in colours, their scales, and a pixel in words."""

import base64
import html
import io
import math
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from PIL import Image

from deepdepth_jax.demo.answers import Answer, Reading, save_points
from deepdepth_jax.drawing.colors import ColourScale, round_ticks
from deepdepth_jax.types import AnyArray

MOST_POINTS = 100_000
"""That are turned in the browser; the file to download has all."""
COLOUR_STOPS = 32


def draw_views(answer: Answer) -> str:
    """Draws the picture, and its depth and confidence (if any) with their scales."""
    image, said = answer.photo.image, answer.prediction
    height, width = image.shape[:2]
    views = [
        _view("Picture", _size_note(answer), _picture(image, "JPEG")),
        _coloured("Depth", _depth_note(answer), said.depth_m, answer.depth),
    ]
    if said.confidence is not None:
        note = "probability of the most probable depth bin"
        views.append(_coloured("Confidence", note, said.confidence, answer.confidence))
    return f'<div style="--aspect:{width / height:.4f}">{"".join(views)}</div>'


def draw_reading(reading: Reading) -> str:
    """Says what was read at a pixel."""
    depth, place = (
        _metres(reading.depth_m),
        f"Column {reading.column}, row {reading.row}",
    )
    certainty = reading.certainty
    if certainty is None:
        return (
            f'<p class="depth">{depth}</p><p>This network does not say how sure it is. '
            f"<small>{place}</small></p>"
        )
    low_m, high_m = _metres(certainty.low_m), _metres(certainty.high_m)
    return (
        f'<p class="depth">{depth}</p>'
        f"<p>9 times out of 10 between <b>{low_m}</b> and <b>{high_m}</b>, says the "
        f"network. It is <b>{certainty.in_words}</b> here: it expects to be off by "
        f"about {certainty.relative_error:.0%}. <small>{place}; most probable depth "
        f"bin: {certainty.confidence:.1%}</small></p>"
    )


def draw_mistake(message: str) -> str:
    """Says what does not work."""
    return f'<p class="mistake" role="alert">{html.escape(message)}</p>'


def draw_points(answer: Answer) -> dict[str, str | float] | None:
    """Gives what the browser turns; None if the focal length is not known."""
    if not answer.camera.focal_px:
        return None
    height, width = answer.photo.image.shape[:2]
    step = math.ceil(math.sqrt(height * width / MOST_POINTS))
    with tempfile.TemporaryDirectory() as folder:
        points = save_points(answer, Path(folder), step).read_bytes()
    return {
        "ply": base64.b64encode(points).decode(),
        "focal_px": answer.camera.focal_px / step,
        "width_px": width / step,
        "height_px": height / step,
    }


def draw_scale(scale: ColourScale) -> str:
    """Draws a scale: its colours, round numbers under them, and what the ends mean."""
    numbers = np.geomspace(scale.low, scale.high, COLOUR_STOPS)
    colours = ",".join(f"rgb({r} {g} {b})" for r, g, b in scale.paint(numbers[None])[0])
    axis = Figure().add_subplot().xaxis
    round_ticks(axis, scale.low, scale.high, scale.unit)
    values = axis.get_majorticklocs().tolist()
    labels = axis.get_major_formatter().format_ticks(values)
    whole = math.log(scale.high / scale.low)
    ticks = "".join(
        f'<i style="left:{math.log(value / scale.low) / whole:.2%}">{label}</i>'
        for value, label in zip(values, labels, strict=True)
    )
    return (
        f'<div class="scale"><span>{scale.low_word}</span>'
        f'<div><div style="background:linear-gradient(to right,{colours})"></div>'
        f"{ticks}</div><span>{scale.high_word}</span></div>"
    )


def _coloured(title: str, note: str, values: AnyArray, scale: ColourScale) -> str:
    return _view(title, note, _picture(scale.paint(values), "PNG"), draw_scale(scale))


def _view(title: str, note: str, picture: str, under: str = "") -> str:
    return (
        f"<figure><figcaption><b>{title}</b><small>{note}</small></figcaption>"
        f'<div class="pixels" tabindex="0"><img src="{picture}" alt="{title}" '
        f'draggable="false"><span class="mark"></span></div>{under}</figure>'
    )


def _picture(image: UInt8[np.ndarray, "h w 3"], file_format: str) -> str:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, file_format, quality=95)
    encoded = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{file_format.lower()};base64,{encoded}"


def _size_note(answer: Answer) -> str:
    photo = answer.photo
    height, width = photo.image.shape[:2]
    note = f"{html.escape(photo.name)}, {width} x {height} pixels"
    if photo.shrunk_by > 1:
        note += f", {photo.shrunk_by:.2g} times smaller than the file"
    return note


def _depth_note(answer: Answer) -> str:
    note = "in the direction that the camera looks in"
    if not answer.assumes_camera:
        return note
    note += "; no focal length was given, so the training camera is assumed"
    focal_px = answer.camera.focal_px * answer.photo.shrunk_by  # in the file's pixels
    return f"{note} ({focal_px:.0f} pixels)" if focal_px else note


def _metres(depth_m: float) -> str:
    return f"{depth_m:.{1 if depth_m < 100 else 0}f} m"
