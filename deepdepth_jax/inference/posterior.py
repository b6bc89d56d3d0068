"""What a network believes of each pixel of a picture, averaged over views."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped, UInt8

from deepdepth_jax.inference.views import OWN, Views, mirrored, scaled
from deepdepth_jax.models.deeplab import DeepLabV2
from deepdepth_jax.models.heads import Head
from deepdepth_jax.models.input_convention import InputConvention
from deepdepth_jax.models.layers import Extent, bilinear_taps
from deepdepth_jax.models.resnet import last_extent
from deepdepth_jax.types import Tree


class Look(NamedTuple):
    """What the network says of one view.

    Attributes:
      scores: see `heads.Head.scores`; as small as the network's output.
      size: height and width of what is said of the picture, at their top left.
    """

    scores: Float[Array, "b _ _ m"]
    size: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Belief:
    """What the network believes of each pixel of a picture; see `heads.Head.belief`.

    Distributions of all pixels at once are by far the largest array of a prediction.
    What is read off them is therefore read off some rows at a time; see `read`.

    In a picture enlarged s times everything looks s times nearer: what the network says
    of it is moved to depths s times larger (see `Head.moved`).

    Pictures may be filled up, of which their `extent` tells: within it the belief is
    that of the picture alone, beyond it that of the nearest pixel within.

    Attributes:
      model: the network.
      head: what its output stands for.
      convention: its input.
      views: what is averaged.
      band_px: how many pixels are read off at a time, or all of a row; None: all, also
        where the size of the picture is not known before the program runs.
    """

    model: DeepLabV2
    head: Head
    convention: InputConvention
    views: Views = OWN
    band_px: int | None = 2**15

    def __call__(
        self,
        variables: dict[str, Tree],
        image: UInt8[Array, "b h w 3"],
        extent: Extent = None,
    ) -> Float[Array, "b h w m"]:
        """Computes it at all pixels."""
        looks, size = self._look(variables, image, extent), _size(image, extent)
        rows, columns = (_places(image, extent, axis) for axis in (1, 2))
        return self._at(looks, rows, columns, size)

    def read(
        self,
        what: Callable[..., Tree],
        variables: dict[str, Tree],
        image: UInt8[Array, "b h w 3"],
        *arrays: Shaped[Array, "b h w"],
        extent: Extent = None,
    ) -> Tree:
        """Reads something off it, a band of rows at a time.

        Args:
          what: from the belief (b, rows, w, m), and from the same rows of the arrays,
            to a tree of arrays.
          variables: of the network.
          image: RGB.
          *arrays: of the picture's size. Below its last row there are rows of zeros in
            them, with the belief of the last row: the bands are all the same size.
          extent: of the pictures.

        Returns:
          The results of all bands, with an axis of bands in front; see `whole`.
        """
        looks, size = self._look(variables, image, extent), _size(image, extent)
        columns = _places(image, extent, 2)
        if self.band_px is None:
            at = _places(image, extent, 1)
            found = what(self._at(looks, at, columns, size), *arrays)
            return jax.tree.map(lambda x: x[None], found)
        batch, height, width, _ = image.shape
        rows = min(max(1, self.band_px // (batch * width)), height)
        at = jnp.arange(-(-height // rows) * rows)
        bands = [_in_bands(array, rows) for array in arrays]
        return jax.lax.map(
            lambda band: what(self._at(looks, band[0], columns, size), *band[1:]),
            (jnp.minimum(at, size[0] - 1).reshape(-1, rows), *bands),
        )

    def _look(
        self,
        variables: dict[str, Tree],
        image: UInt8[Array, "b h w 3"],
        extent: Extent,
    ) -> list[Look]:
        """Computes the scores of each view."""

        def look(image: Float[Array, "b y x 3"], extent: Extent) -> Look:
            outputs = self.model.apply(
                variables, self.convention(image), train=False, extent=extent
            )
            of_outputs = last_extent(extent, self.model.output_stride)
            scores = self.head.scores(cast(Array, outputs))
            return Look(scores, _size(scores, of_outputs))

        pixels = image.astype(jnp.float32)
        views = [scaled(pixels, extent, scale) for scale in self.views.scales]
        if self.views.flip:
            views += [(mirrored(*view), view[1]) for view in views]
        return [look(*view) for view in views]

    def _at(
        self,
        looks: list[Look],
        rows: Int[Array, " r"],
        columns: Int[Array, " q"],
        size: tuple[Any, ...],
    ) -> Float[Array, "b r q m"]:
        """Computes it at some rows and columns of a picture of a size (h, w)."""
        count, parts = len(self.views.scales), []
        for index, (scores, (height, width)) in enumerate(looks):
            seen = columns if index < count else size[1] - 1 - columns
            x = _resized(scores, 1, rows, height, size[0])
            part = self.head.belief(_resized(x, 2, seen, width, size[1]))
            scale = self.views.scales[index % count]
            parts.append(part if scale == 1 else self.head.moved(part, scale))
        return sum(parts[1:], parts[0]) / len(parts)


def _size(image: Shaped[Array, "b h w c"], extent: Extent) -> tuple[Any, ...]:
    return image.shape[1:3] if extent is None else (extent[0], extent[1])


def _places(
    image: Shaped[Array, "b h w 3"], extent: Extent, axis: int
) -> Int[Array, " n"]:
    """Gives the places along an axis, for those beyond the extent its last."""
    at = jnp.arange(image.shape[axis])
    return at if extent is None else jnp.minimum(at, extent[axis - 1] - 1)


def _resized(
    x: Float[Array, "..."], axis: int, at: Int[Array, " n"], size: Any, new_size: Any
) -> Float[Array, "..."]:
    """Computes `resize_bilinear` along an axis, at some of the new places."""
    shape = [-1 if each == axis else 1 for each in range(x.ndim)]
    first, second = (
        jnp.take(x, old, axis, mode="clip") * weight.reshape(shape)
        for old, weight in bilinear_taps(at, size, new_size)
    )
    return first + second


def _in_bands(
    array: Shaped[Array, "b h w"], rows: int
) -> Shaped[Array, "bands b rows w"]:
    batch, height, width = array.shape
    array = jnp.pad(array, ((0, 0), (0, -height % rows), (0, 0)))
    return array.reshape(batch, -1, rows, width).swapaxes(0, 1)


def whole(bands: Tree, height: Any) -> Tree:
    """Puts arrays (bands, b, rows, w) together to (b, height, w)."""

    def joined(x: Shaped[Array, "bands b rows w"]) -> Shaped[Array, "b h w"]:
        count, batch, rows, width = x.shape
        return x.swapaxes(0, 1).reshape(batch, count * rows, width)[:, :height]

    return jax.tree.map(joined, bands)
