"""3x3 convolutions with 2.25 times fewer multiplications (Lavin and Gray 2015).

F(2x2, 3x3) maps a 4x4 tile of the input to a 2x2 tile of the output. Tiles overlap by
two pixels. Along each axis, with d the input, g the kernel and y the output,

    y = A^T [(G g) * (B^T d)]

         | 1  0 -1  0 |         |  1    0    0  |
    B^T =| 0  1  1  0 |     G = | 1/2  1/2  1/2 |     A^T = | 1  1  1  0 |
         | 0 -1  1  0 |         | 1/2 -1/2  1/2 |           | 0  1 -1 -1 |
         | 0  1  0 -1 |         |  0    0    1  |

and the elementwise product over a tile becomes, for all tiles together, 16 matrix
products over the channels, one per place in the tile. 16 multiplications replace
4 x 9 = 36 per output tile.

A convolution with dilation n is an undilated one on each of the n x n interleaved grids
that hold every n-th row and column.

All divisions are by 2, so that results are as accurate as those of a plain convolution.
Everything is NHWC, with kernels (3, 3, c, d), stride 1 and zero padding.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from deepdepth_jax.models.conv.recompute import recomputed

Grid = list[list[Array]]
"""Arrays by row and column in a tile, or in the kernel."""

# Reversing a kernel permutes its transform G g: rows 0 and 3 of G swap, and rows 1 and
# 2 are each symmetric in the first and last tap.
_REVERSED = (3, 1, 2, 0)


def convolve(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"], dilation: int
) -> Float[Array, "b h w d"]:
    """Computes the convolution.

    Args:
      x: the input.
      kernel: the kernel.
      dilation: step of the kernel's taps, in pixels.

    Returns:
      The output, of the input's height and width.
    """
    tiles, kernels = _input_tiles(x, dilation), _kernel_tiles(kernel)
    products = [
        [jnp.dot(tiles[i][j], kernels[i][j]) for j in range(4)] for i in range(4)
    ]
    return _output(products, x.shape[:3], dilation)


def input_gradient(
    dy: Float[Array, "b h w d"], kernel: Float[Array, "3 3 c d"], dilation: int
) -> Float[Array, "b h w c"]:
    """Computes the gradient with respect to the input.

    This is a convolution of `dy` with the kernel reversed along both axes and its
    channels transposed.

    Args:
      dy: gradient with respect to the output.
      kernel: the kernel.
      dilation: step of the kernel's taps, in pixels.

    Returns:
      The gradient, of the input's shape.
    """
    tiles, kernels = _input_tiles(dy, dilation), _kernel_tiles(kernel)
    products = [
        [
            jnp.einsum("td,cd->tc", tiles[i][j], kernels[_REVERSED[i]][_REVERSED[j]])
            for j in range(4)
        ]
        for i in range(4)
    ]
    return _output(products, dy.shape[:3], dilation)


def kernel_gradient(
    x: Float[Array, "b h w c"], dy: Float[Array, "b h w d"], dilation: int
) -> Float[Array, "3 3 c d"]:
    """Computes the gradient with respect to the kernel.

    With U = G g G^T the transformed kernel, dU = (B^T d B) * (A dy A^T) summed over the
    tiles, and the gradient is G^T dU G. The tiles of the input are four times as large
    as the input and therefore recomputed.

    Args:
      x: the input.
      dy: gradient with respect to the output.
      dilation: step of the kernel's taps, in pixels.

    Returns:
      The gradient, of the kernel's shape.
    """
    tiles = _input_tiles(recomputed(x, dy), dilation)
    of_output = _output_gradient_tiles(dy, dilation)
    products = [
        [jnp.einsum("tc,td->cd", tiles[i][j], of_output[i][j]) for j in range(4)]
        for i in range(4)
    ]
    return jnp.stack([jnp.stack(row) for row in _along_both(_g_transposed, products)])


def _input_tiles(x: Float[Array, "b h w c"], dilation: int) -> Grid:
    """Computes B^T d B: for each place in a tile, a matrix (tiles, channels)."""
    rows, columns = (_tiles_along(size, dilation) for size in x.shape[1:3])
    # A tile begins one pixel of its grid before its output and ends one after it.
    x = _in_pairs(x, dilation, before=dilation, pairs=(rows + 1, columns + 1))
    grid = [
        [
            x[:, i // 2 : i // 2 + rows, i % 2, :, j // 2 : j // 2 + columns, j % 2]
            for j in range(4)
        ]
        for i in range(4)
    ]
    return _flattened(_along_both(_b_transposed, grid))


def _output_gradient_tiles(dy: Float[Array, "b h w d"], dilation: int) -> Grid:
    """Computes A dy A^T, in the form of `_input_tiles`."""
    pairs = tuple(_tiles_along(size, dilation) for size in dy.shape[1:3])
    dy = _in_pairs(dy, dilation, before=0, pairs=pairs)
    grid = [[dy[:, :, i, :, :, j] for j in range(2)] for i in range(2)]
    return _flattened(_along_both(_a, grid))


def _kernel_tiles(kernel: Float[Array, "3 3 c d"]) -> Grid:
    """Computes G g G^T."""
    return _along_both(_g, [[kernel[i, j] for j in range(3)] for i in range(3)])


def _output(
    products: Grid, size: Sequence[int], dilation: int
) -> Float[Array, "b h w d"]:
    """Computes A^T m A and assembles the tiles to images of a size (b, h, w)."""
    batch, height, width = size
    rows, columns = (_tiles_along(side, dilation) for side in (height, width))
    shape = (batch, rows, dilation, columns, dilation, -1)
    pairs = [
        jnp.stack([x.reshape(shape) for x in row], axis=4)
        for row in _along_both(_a_transposed, products)
    ]
    whole = jnp.stack(pairs, axis=2)
    whole = whole.reshape(batch, 2 * dilation * rows, 2 * dilation * columns, -1)
    return whole[:, :height, :width]


def _tiles_along(size: int, dilation: int) -> int:
    """Counts the tiles of each interleaved grid along a side."""
    return -(-size // (2 * dilation))


def _in_pairs(
    x: Float[Array, "b h w c"], dilation: int, *, before: int, pairs: Sequence[int]
) -> Float[Array, "b rows 2 dil columns 2 dil c"]:
    """Cuts both sides into pairs of pixels, for each of the interleaved grids.

    Args:
      x: the array to cut.
      dilation: number of grids along each side.
      before: rows and columns of zeros in front. Zeros are appended as needed.
      pairs: number of pairs along each side.

    Returns:
      The pairs of rows and columns. Axes 3 and 6 number the grids.
    """
    padding = [
        (before, 2 * dilation * count - size - before)
        for size, count in zip(x.shape[1:3], pairs, strict=True)
    ]
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    batch, channels = x.shape[0], x.shape[3]
    rows, columns = pairs
    return x.reshape(batch, rows, 2, dilation, columns, 2, dilation, channels)


def _flattened(grid: Grid) -> Grid:
    return [[x.reshape(-1, x.shape[-1]) for x in row] for row in grid]


def _along_both(transform: Callable[..., list[Array]], grid: Grid) -> Grid:
    """Applies a transform to columns, then to rows."""
    columns = [transform(*column) for column in zip(*grid, strict=True)]
    return [transform(*row) for row in zip(*columns, strict=True)]


def _b_transposed(d0: Array, d1: Array, d2: Array, d3: Array) -> list[Array]:
    return [d0 - d2, d1 + d2, d2 - d1, d1 - d3]


def _g(g0: Array, g1: Array, g2: Array) -> list[Array]:
    return [g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2]


def _g_transposed(u0: Array, u1: Array, u2: Array, u3: Array) -> list[Array]:
    return [u0 + (u1 + u2) / 2, (u1 - u2) / 2, (u1 + u2) / 2 + u3]


def _a(y0: Array, y1: Array) -> list[Array]:
    return [y0, y0 + y1, y0 - y1, -y1]


def _a_transposed(m0: Array, m1: Array, m2: Array, m3: Array) -> list[Array]:
    return [m0 + m1 + m2, m1 - m2 - m3]
