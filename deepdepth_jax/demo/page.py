"""The page: its components and event handlers. Needs Gradio."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gradio as gr

from deepdepth_jax.demo.answers import Answer, ask, read_pixel, save_depth, save_points
from deepdepth_jax.demo.drawings import (
    draw_mistake,
    draw_points,
    draw_reading,
    draw_views,
)
from deepdepth_jax.demo.input_images import LARGEST_FILE_BYTES, InputImage, read_upload
from deepdepth_jax.demo.storage import Storage
from deepdepth_jax.errors import UserError
from deepdepth_jax.geometry import FocalLength
from deepdepth_jax.inference.predictor import DepthPredictor

HERE = Path(__file__).parent
BYTES_OF_PIXEL = 20
"""Upper bound of the files written per pixel of an image."""

PIXELS = "pixels of the file"
UNITS: Mapping[str, Callable[[float | int], FocalLength]] = MappingProxyType(
    {
        PIXELS: lambda number: FocalLength(px=number),
        "mm (35 mm equivalent)": lambda number: FocalLength.given(mm35=number),
    }
)
"""The units in which visitors may enter a focal length."""

_HINT = "<p>Click in an image to read the depth there.</p>"
_MAKE_FREE = """() => {
  const { dataset } = document.getElementById("views");
  if (dataset.busy > 1) dataset.busy -= 1;
  else delete dataset.busy;
}"""
"""JavaScript that accepts clicks again."""
_NO_POINTS = "Enter the focal length of the camera to see the point cloud."

Changes = dict[Any, Any]
"""New values of components."""
Typed = float | int | None
"""The value of a number field."""


class Page:
    """The components of the page and their handlers. Built within `gr.Blocks`."""

    def __init__(
        self,
        predictor: DepthPredictor,
        examples: Sequence[InputImage],
        run: str,
        folder: Path,
    ) -> None:
        self._predictor = predictor
        self._examples = examples
        self._place_components(run)
        self.storage = Storage(folder)  # now that the examples are in it

    def _place_components(self, run: str) -> None:
        self.answer = gr.State(None)
        gr.Markdown(
            "# Depth from a single image\nMetric depth, predicted by the network "
            f"`{run}`.",
            elem_id="title",
        )
        with gr.Row():
            with gr.Column(min_width=280):
                self._place_inputs()
            with gr.Column(scale=2, min_width=320):
                self._place_examples()
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                self.reading = gr.HTML(_HINT, elem_id="reading")
                self.views = gr.HTML(js_on_load=_script("pick.js"), elem_id="views")
            with gr.Column(scale=2, min_width=320):
                self._place_results()

    def _place_inputs(self) -> None:
        self.file = gr.File(
            label=f"Your image, up to {LARGEST_FILE_BYTES // 2**20} MB",
            height=150,
            elem_id="upload",
        )

    def _place_examples(self) -> None:
        self.gallery = gr.Gallery(
            [(image.image, None) for image in self._examples],
            label="Examples: rendered streets",
            columns=len(self._examples),
            height=150,
            allow_preview=False,
            object_fit="cover",
            buttons=[],
            interactive=False,
            elem_id="examples",
        )

    def _place_results(self) -> None:
        self.points = gr.HTML(
            html_template=(
                "<figure><figcaption><b>Point cloud</b><small>drag to turn, scroll to "
                f"zoom</small></figcaption><p hidden>{_NO_POINTS}</p><canvas "
                'tabindex="0" aria-label="Point cloud"></canvas></figure>'
            ),
            js_on_load=_script("points.js"),
            elem_id="points",
        )
        self.depth_png = gr.DownloadButton("Depth as 16-bit PNG (metres x 256)")
        self.points_ply = gr.DownloadButton("Point cloud as PLY (metres)")
        self.focal = gr.Number(
            value=0,
            minimum=0,
            label="Focal length of your camera",
            info=self._focal_note(),
            elem_id="focal",
        )
        self.unit = gr.Radio(
            [*UNITS], value=PIXELS, label="Unit", show_label=False, elem_id="unit"
        )
        for field in (self.focal, self.unit):
            _refuse_quietly(field)

    def _focal_note(self) -> str:
        canonical = self._predictor.config.data.canonical_focal_px
        assumed = "a phone's main camera" if canonical else "the training camera"
        return f"0: read from the EXIF tags of the image. Without tags: {assumed}."

    def connect(self, blocks: gr.Blocks) -> None:
        """Connects the components to their handlers.

        Args:
          blocks: the application of the page.
        """
        shown = [
            self.file,
            self.answer,
            self.views,
            self.reading,
            self.points,
            self.depth_png,
            self.points_ply,
        ]
        # One prediction at a time, whoever asks for it.
        network = dict(
            outputs=shown,
            concurrency_limit=1,
            concurrency_id="network",
            show_progress_on=self.views,
            api_visibility="private",
        )
        upload = self.file.upload(
            self._on_upload,
            [self.file, self.focal, self.unit],
            js=_make_busy(3),
            **network,
        )
        select = self.gallery.select(self._on_select, js=_make_busy(0), **network)
        for event in (upload, select):
            event.then(None, js=_MAKE_FREE)
        # The image stays the same, and may be clicked meanwhile.
        gr.on(
            [self.focal.submit, self.focal.blur, self.unit.input],
            self._on_focal_length,
            [self.answer, self.focal, self.unit],
            **network,
        )
        blocks.load(self._on_load, **network)
        self.views.pick(
            self._read_pixel,
            self.answer,
            self.reading,
            show_progress="hidden",
            api_visibility="private",
        )

    def _on_upload(self, path: str, focal: Typed, unit: str) -> Changes:
        def show() -> Changes:
            try:
                image = read_upload(Path(path))
            finally:
                Path(path).unlink(missing_ok=True)
            return self._show(image, _asked(focal, unit))

        return self._try(show) | {self.file: None}  # the field accepts the next file

    def _on_select(self, chosen: gr.SelectData) -> Changes:
        return self._show(self._examples[chosen.index])

    def _on_load(self) -> Changes:
        return self._show(self._examples[0])

    def _on_focal_length(
        self, answer: Answer | None, focal: Typed, unit: str | None
    ) -> Changes:
        """Predicts again if the focal length has changed."""

        def show() -> Changes:
            asked = _asked(focal, unit)
            if not answer or answer.input.is_rendered or answer.asked == asked:
                return {self.answer: gr.skip()}
            return self._show(answer.input, asked)

        return self._try(show)

    def _try(self, show: Callable[[], Changes]) -> Changes:
        try:
            return show()
        except UserError as error:
            return {self.reading: draw_mistake(str(error))}

    def _show(self, image: InputImage, asked: FocalLength | None = None) -> Changes:
        answer = ask(self._predictor, image, asked or FocalLength())
        self.storage.make_room(BYTES_OF_PIXEL * image.image[..., 0].size)
        folder = Path(tempfile.mkdtemp(dir=self.storage.folder))
        points = draw_points(answer)
        return {
            self.answer: answer,
            self.views: draw_views(answer),
            self.reading: _HINT,
            self.points: points,
            self.depth_png: save_depth(answer, folder),
            self.points_ply: gr.DownloadButton(
                value=save_points(answer, folder) if points else None,
                interactive=bool(points),
            ),
        }

    def _read_pixel(self, answer: Answer | None, pixel: gr.EventData) -> str:
        try:
            if answer is None:
                raise UserError("This image is no longer stored: choose it again.")
            return draw_reading(read_pixel(answer, pixel.column, pixel.row))
        except UserError as error:
            return draw_mistake(str(error))


def _asked(focal: Typed, unit: str | None) -> FocalLength:
    """Returns the focal length that a visitor has entered. No unit is a mistake."""
    if unit is None or unit not in UNITS:
        raise UserError(f"{unit!r}: must be one of {', '.join(UNITS)}")
    try:
        return UNITS[unit](focal or 0)
    except ValueError as error:
        raise UserError(str(error)) from error


def _refuse_quietly(field: Any) -> None:
    """Lets a component refuse a value without a traceback, as that is no bug."""
    preprocess = field.preprocess

    def quiet(payload: Any) -> Any:
        try:
            return preprocess(payload)
        except gr.Error as error:
            error.print_exception = False
            raise

    field.preprocess = quiet


def _make_busy(num_inputs: int) -> str:
    """Returns JavaScript that ignores clicks from now on, and passes the inputs on.

    Args:
      num_inputs: number of the event's inputs, without those that Gradio adds.
    """
    return (
        "(...values) => { const { dataset } = document.getElementById('views');"
        "dataset.busy = Number(dataset.busy ?? 0) + 1;"
        f"return values.slice(0, {num_inputs}); }}"
    )


def _script(name: str) -> str:
    return (HERE / name).read_text()
