"""HTML of a prediction: coloured maps, their scales, and the reading of a pixel."""

import base64
import html
import io
import math
import tempfile
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from deepdepth_jax.demo.answers import Answer, Reading, save_points
from deepdepth_jax.drawing.colors import ColourScale
from deepdepth_jax.types import AnyArray

MOST_POINTS = 100_000
"""Shown in the browser. The downloaded file has all."""
COLOUR_STOPS = 32


def draw_views(answer: Answer) -> str:
    """Draws the image, and its depth and confidence (if any) with their scales.

    Args:
      answer: the image with its prediction.

    Returns:
      HTML.
    """
    image, maps = answer.input.image, answer.prediction
    height, width = image.shape[:2]
    views = [
        _view("Image", _size_note(answer), _data_url(image, "JPEG")),
        _coloured("Depth", _depth_note(answer), maps.depth_m, maps.depth_scale),
    ]
    if maps.confidence is not None:
        note = "probability of the most probable depth bin"
        views.append(
            _coloured("Confidence", note, maps.confidence, maps.confidence_scale)
        )
    return f'<div style="--aspect:{width / height:.4f}">{"".join(views)}</div>'


def draw_reading(reading: Reading) -> str:
    """Formats the reading of a pixel.

    Args:
      reading: the prediction at the pixel.

    Returns:
      HTML.
    """
    depth, place = (
        _metres(reading.depth_m),
        f"Column {reading.column}, row {reading.row}",
    )
    certainty = reading.certainty
    if certainty is None:
        return (
            f'<p class="depth">{depth}</p><p>This network predicts no confidence. '
            f"<small>{place}</small></p>"
        )
    low_m, high_m = _metres(certainty.low_m), _metres(certainty.high_m)
    return (
        f'<p class="depth">{depth}</p>'
        f"<p>90% interval: <b>{low_m}</b> to <b>{high_m}</b>. The network is "
        f"<b>{certainty.in_words}</b> here: it expects a relative error of about "
        f"{certainty.relative_error:.0%}. <small>{place}; probability of the most "
        f"probable bin: {certainty.confidence:.1%}</small></p>"
    )


def draw_mistake(message: str) -> str:
    """Formats an error."""
    return f'<p class="mistake" role="alert">{html.escape(message)}</p>'


def draw_points(answer: Answer) -> dict[str, str | float] | None:
    """Builds the point cloud for the browser.

    Args:
      answer: the image with its prediction.

    Returns:
      Properties of the component, for points.js. None without a focal length.
    """
    if not answer.prediction.camera.focal_px:
        return None
    height, width = answer.input.image.shape[:2]
    step = math.ceil(math.sqrt(height * width / MOST_POINTS))
    with tempfile.TemporaryDirectory() as folder:
        points = save_points(answer, Path(folder), step).read_bytes()
    return {
        "ply": base64.b64encode(points).decode(),
        "focal_px": answer.prediction.camera.focal_px / step,
        "width_px": width / step,
        "height_px": height / step,
    }


def draw_scale(scale: ColourScale) -> str:
    """Draws a colour scale with round ticks and a word at each end.

    Args:
      scale: the colour scale.

    Returns:
      HTML.
    """
    stops = scale.paint(scale.values(COLOUR_STOPS)[None])[0]
    colours = ",".join(f"rgb({r} {g} {b})" for r, g, b in stops)
    ticks = "".join(
        f'<i style="left:{place:.2%}">{number}</i>'
        for place, number in scale.ticks().items()
    )
    return (
        f'<div class="scale"><span>{scale.low_word}</span>'
        f'<div><div style="background:linear-gradient(to right,{colours})"></div>'
        f"{ticks}</div><span>{scale.high_word}</span></div>"
    )


def _coloured(title: str, note: str, values: AnyArray, scale: ColourScale) -> str:
    return _view(title, note, _data_url(scale.paint(values), "PNG"), draw_scale(scale))


def _view(title: str, note: str, source: str, under: str = "") -> str:
    return (
        f"<figure><figcaption><b>{title}</b><small>{note}</small></figcaption>"
        f'<div class="pixels" tabindex="0"><img src="{source}" alt="{title}" '
        f'draggable="false"><span class="mark"></span></div>{under}</figure>'
    )


def _data_url(image: UInt8[np.ndarray, "h w 3"], file_format: str) -> str:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, file_format, quality=95)
    encoded = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{file_format.lower()};base64,{encoded}"


def _size_note(answer: Answer) -> str:
    image = answer.input
    height, width = image.image.shape[:2]
    note = f"{html.escape(image.name)}, {width} x {height} pixels"
    if image.shrunk_by > 1:
        note += f", {image.shrunk_by:.2g} times smaller than the file"
    return note


def _depth_note(answer: Answer) -> str:
    note = "along the optical axis"
    if answer.reads_exif:
        note += "; focal length from the EXIF tags"
    elif answer.assumes_camera:
        note += "; the focal length is unknown and assumed"
    else:
        return note
    focal_px = (
        answer.prediction.camera.focal_px * answer.input.shrunk_by
    )  # in the file's pixels
    return f"{note} ({focal_px:.0f} pixels)" if focal_px else note


def _metres(depth_m: float) -> str:
    return f"{depth_m:.{1 if depth_m < 100 else 0}f} m"
