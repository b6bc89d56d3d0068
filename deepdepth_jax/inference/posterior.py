"""The per-pixel predictive distribution of a network, averaged over views."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped, UInt8

from deepdepth_jax.config import Config
from deepdepth_jax.models.build import build_network
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Head
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.layers import Extent
from deepdepth_jax.models.resampling import (
    mirrored,
    resize_bilinear_at,
    scaled,
    scaled_extent,
)
from deepdepth_jax.types import Tree


@dataclasses.dataclass(frozen=True)
class Views:
    """The views of an image whose distributions are averaged, as probabilities.

    Attributes:
      flip: whether the mirrored image is a view too, at each scale.
      scales: by which factors the image is enlarged.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)


OWN = Views()
"""The image as it is."""

MOST_STACKED_PX = 2**17
"""Up to so many pixels, a view and its mirrored one run as one batch: the program is
half as large. Others run one after the other, in the memory of one."""


class ViewScores(NamedTuple):
    """The network's scores of one view of a batch of images.

    Attributes:
      scores: see `heads.Head.scores`. At the network's output stride.
      size: height and width of the scores that belong to the view, at their top left.
    """

    scores: Float[Array, "b _ _ m"]
    size: tuple[Any, ...]


class ImageScores(NamedTuple):
    """The network's scores of all views of a batch of images.

    Attributes:
      views: first the views of each scale, then their mirrored ones, if any.
      shape: batch size, height and width of the images, padding included.
      extent: of the images.
    """

    views: list[ViewScores]
    shape: tuple[Any, ...]
    extent: Extent

    @property
    def size(self) -> tuple[Any, ...]:
        """Height and width of the images, without their padding."""
        return _size(self.shape, self.extent)

    def places(self, axis: int) -> Int[Array, " n"]:
        """Returns all places along an axis, the last one within for those beyond."""
        at = jnp.arange(self.shape[axis])
        if self.extent is None:
            return at
        return jnp.minimum(at, self.extent[axis - 1] - 1)


@dataclasses.dataclass(frozen=True)
class PixelPosterior:
    """Computes the predictive distribution of each pixel. See `heads.Head.posterior`.

    The distributions of all pixels at once are by far the largest array of a
    prediction. Results are therefore read off the distributions of some rows at a time.
    See `read`.

    In an image enlarged s times everything looks s times nearer. The distributions of
    such a view are moved to depths s times larger (see `Head.rescaled`).

    Images may be padded. Their `extent` is their size without padding. Within it the
    distributions are those of the image alone, beyond it those of the nearest pixel
    within.

    Attributes:
      model: the network.
      head: interprets its output.
      convention: its input.
      views: the views that are averaged.
      band_px: how many pixels are read at a time, or all of a row. None: all pixels,
        also where the image's size is not known before the program runs.
    """

    model: DeepLabV2
    head: Head
    convention: InputConvention
    views: Views = OWN
    band_px: int | None = 2**15

    @classmethod
    def of(cls, config: Config, views: Views | None = None) -> "PixelPosterior":
        """Builds the network of a completed config.

        Args:
          config: completed.
          views: None for those of the section `eval`.
        """
        if views is None:
            views = Views(config.eval.flip, config.eval.scales)
        network = build_network(config)
        return cls(network.model, network.head, network.convention, views)

    def __call__(
        self,
        variables: dict[str, Tree],
        image: UInt8[Array, "b h w 3"],
        extent: Extent = None,
    ) -> Float[Array, "b h w m"]:
        """Computes the distributions of all pixels."""
        return self.whole_images(self.scores(variables, image, extent))

    def scores(
        self,
        variables: dict[str, Tree],
        image: UInt8[Array, "b h w 3"],
        extent: Extent = None,
    ) -> ImageScores:
        """Runs the network on each view.

        Args:
          variables: of the network.
          image: RGB.
          extent: of the images, see `layers.Extent`.

        Returns:
          The scores of each view.
        """
        pixels = image.astype(jnp.float32)
        views = [
            (pixels, extent) if scale == 1 else scaled(pixels, extent, scale)
            for scale in self.views.scales
        ]
        if self.views.flip:
            views = self._with_mirrored(views)
        found = []
        for pixels, view_extent in views:
            outputs = self.model.apply(
                variables, self.convention(pixels), train=False, extent=view_extent
            )
            scores = self.head.scores(cast(Array, outputs))
            is_stacked = pixels.shape[0] != image.shape[0]
            found += jnp.split(scores, 2) if is_stacked else [scores]
        if self.views.flip:
            found = found[::2] + found[1::2]
        return self.describe_scores(found, image.shape[:3], extent)

    def _with_mirrored(
        self, views: Sequence[tuple[Float[Array, "b _ _ 3"], Extent]]
    ) -> list[tuple[Float[Array, "_ _ _ 3"], Extent]]:
        """Adds the mirrored views, each in the batch of its view or after it."""
        batches = []
        for pixels, extent in views:
            both = [pixels, mirrored(pixels, extent)]
            is_size_known = self.band_px is not None
            if is_size_known and 2 * pixels.size <= 3 * MOST_STACKED_PX:
                both = [jnp.concatenate(both)]
            batches += [(each, extent) for each in both]
        return batches

    def describe_scores(
        self,
        scores: Sequence[Float[Array, "b _ _ m"]],
        shape: tuple[Any, ...],
        extent: Extent,
    ) -> ImageScores:
        """Adds the sizes to the arrays of `ImageScores.views`.

        Args:
          scores: the array of each view.
          shape: batch size, height and width of the images, padding included.
          extent: of the images.

        Returns:
          The same as `scores` returned.
        """
        views = []
        for index, array in enumerate(scores):
            scale = self.views.scales[index % len(self.views.scales)]
            seen = scaled_extent(shape[1:], extent, scale)
            of_outputs = self.model.output_extent(seen)
            views.append(ViewScores(array, _size(array.shape, of_outputs)))
        return ImageScores(views, shape, extent)

    def read(
        self,
        readout: Callable[..., Tree],
        scores: ImageScores,
        *maps: Shaped[Array, "b h w"],
    ) -> Tree:
        """Reads results off the distributions, a band of rows at a time.

        Args:
          readout: from the distributions (b, rows, w, m), and from the same rows of the
            maps, to a tree of arrays.
          scores: of the images.
          *maps: of the images' size. The bands are all of one size: below the last row
            the maps are padded with zeros, and have the distributions of the last row.

        Returns:
          The results of all bands, with an axis of bands in front. See `whole`.
        """
        if self.band_px is None:
            found = readout(self.whole_images(scores), *maps)
            return jax.tree.map(lambda x: x[None], found)
        batch, height, width = scores.shape
        rows = min(max(1, self.band_px // (batch * width)), height)
        at = jnp.arange(-(-height // rows) * rows)
        bands = [_in_bands(array, rows) for array in maps]
        return jax.lax.map(
            lambda band: readout(self._at(scores, band[0]), *band[1:]),
            (jnp.minimum(at, scores.size[0] - 1).reshape(-1, rows), *bands),
        )

    def whole_images(self, scores: ImageScores) -> Float[Array, "b h w m"]:
        """Computes the distributions of all pixels from the network's scores."""
        return self._at(scores, scores.places(1))

    def _at(
        self, scores: ImageScores, rows: Int[Array, " r"]
    ) -> Float[Array, "b r w m"]:
        """Computes the distributions of some rows."""
        height, width = scores.size
        columns = scores.places(2)
        count, parts = len(self.views.scales), []
        for index, view in enumerate(scores.views):
            seen = columns if index < count else width - 1 - columns
            x = resize_bilinear_at(view.scores, 1, rows, view.size[0], height)
            x = resize_bilinear_at(x, 2, seen, view.size[1], width)
            part = self.head.posterior(x)
            scale = self.views.scales[index % count]
            parts.append(part if scale == 1 else self.head.rescaled(part, scale))
        return sum(parts[1:], parts[0]) / len(parts)


def _size(shape: tuple[Any, ...], extent: Extent) -> tuple[Any, ...]:
    return shape[1:3] if extent is None else (extent[0], extent[1])


def _in_bands(
    array: Shaped[Array, "b h w"], rows: int
) -> Shaped[Array, "bands b rows w"]:
    batch, height, width = array.shape
    array = jnp.pad(array, ((0, 0), (0, -height % rows), (0, 0)))
    return array.reshape(batch, -1, rows, width).swapaxes(0, 1)


def whole(bands: Tree, height: Any) -> Tree:
    """Joins arrays (bands, b, rows, w) to arrays (b, height, w)."""

    def joined(x: Shaped[Array, "bands b rows w"]) -> Shaped[Array, "b h w"]:
        count, batch, rows, width = x.shape
        return x.swapaxes(0, 1).reshape(batch, count * rows, width)[:, :height]

    return jax.tree.map(joined, bands)
