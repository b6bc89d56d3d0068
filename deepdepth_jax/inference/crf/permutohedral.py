"""Builds the permutohedral lattice of an image's pixels, on the host.

Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral
lattice", 2010, sections 3 and 4. Which vertices there are depends on the points. Here
each vertex has a number, one sort of the numbers brings equal ones together, and a
neighbour is another number, looked up in the sorted ones: there is no hash table.
"""

import numpy as np
from jaxtyping import Float, Float32, Int32, Int64

from deepdepth_jax.inference.crf.lattice import GROUP_SIZE, Lattice

_LARGEST_KEY = 2**62


def build_lattice(features: Float32[np.ndarray, "d n"]) -> Lattice:
    """Finds the lattice of some points, on the host.

    Args:
      features: coordinates in units of the Gaussian's standard deviation.

    Returns:
      Arrays whose sizes are rounded up, so that few programs serve many images.

    Raises:
      ValueError: the coordinates span more of the lattice than 64 bits can number.
    """
    elevated = _elevate(features)
    origin, coordinate_at = _enclosing_simplex(elevated)
    weights = _barycentric(elevated - origin, coordinate_at)
    strides = _strides(origin)
    keys = _corner_keys(origin, coordinate_at, strides)
    order = np.argsort(keys, axis=None)
    in_order = keys.ravel()[order]
    starts = np.flatnonzero(np.diff(in_order, prepend=-1))
    counts = np.diff(starts, append=len(in_order))
    vertex = np.repeat(np.arange(1, len(starts) + 1, dtype=np.int32), counts)
    corners = np.empty(keys.size, np.int32)
    corners[order] = vertex
    num_vertices = _rounded_up(len(starts) + 1)
    return Lattice(
        corners.reshape(keys.shape).T,
        weights.T,
        *_groups(
            order % features.shape[1], weights.ravel()[order], counts, num_vertices
        ),
        _neighbours(in_order[starts], strides, num_vertices),
    )


def _elevate(features: Float32[np.ndarray, "d n"]) -> Float32[np.ndarray, "corners n"]:
    """Embeds the points in the hyperplane of d + 1 coordinates whose sum is zero.

    The scale is the one at which the blur has a standard deviation of 1.
    """
    d = len(features)
    basis = np.triu(np.ones((d + 1, d))) - np.diag(np.arange(1.0, d + 1), -1)[:, :d]
    index = np.arange(d)
    scale = np.sqrt(2 / 3) * (d + 1) / np.sqrt((index + 1) * (index + 2))
    return (basis * scale).astype(np.float32) @ features


def _enclosing_simplex(
    elevated: Float32[np.ndarray, "corners n"],
) -> tuple[Int32[np.ndarray, "corners n"], Int64[np.ndarray, "corners n"]]:
    """Finds each point's simplex.

    Returns:
      Its corner of remainder 0, and which coordinate differs from it the most, the
      second most, and so on.
    """
    corners, n = elevated.shape
    rounded = np.rint(elevated / corners).astype(np.int32)
    difference = elevated - rounded * np.float32(corners)
    rank = np.repeat(rounded.sum(0, keepdims=True), corners, axis=0)
    for i in range(corners):
        for j in range(i + 1, corners):
            behind = difference[i] < difference[j]
            rank[i] += behind
            rank[j] += ~behind
    # Rounding may leave the hyperplane: the coordinates that it moved furthest go back.
    back = (rank < 0).astype(np.int32) - (rank >= corners)
    rank += back * corners
    coordinate_at = np.empty((corners, n), np.int64)
    np.put_along_axis(coordinate_at, rank, np.arange(corners)[:, None], axis=0)
    return (rounded + back) * corners, coordinate_at


def _barycentric(
    difference: Float[np.ndarray, "corners n"],
    coordinate_at: Int64[np.ndarray, "corners n"],
) -> Float32[np.ndarray, "corners n"]:
    """Returns each point's weights for the corners of remainder 0, 1, ..., d."""
    corners = len(difference)
    falling = np.take_along_axis(difference, coordinate_at, axis=0) / corners
    first = 1 - (falling[:1] - falling[-1:])
    return np.concatenate([first, -np.diff(falling, axis=0)[::-1]]).astype(np.float32)


def _strides(origin: Int32[np.ndarray, "corners n"]) -> Int64[np.ndarray, " corners"]:
    """Returns the stride of each coordinate in a vertex's key, 0 for the last."""
    corners = len(origin)
    # Room for the other corners of the outermost simplices and for their neighbours.
    spans = [int(np.ptp(row)) + 4 * corners for row in origin[:-1]]
    strides = [1]
    for span in spans:
        strides.append(strides[-1] * span)
    if strides[-1] > _LARGEST_KEY:
        raise ValueError("the points are too far apart: the lattice has too many cells")
    return np.array([*strides[:-1], 0])


def _corner_keys(
    origin: Int32[np.ndarray, "corners n"],
    coordinate_at: Int64[np.ndarray, "corners n"],
    strides: Int64[np.ndarray, " corners"],
) -> Int64[np.ndarray, "corners n"]:
    """Numbers the corners of each point's simplex, of remainder 0, 1, ..., d.

    The corner of remainder k lies at origin + k, less d + 1 in the k coordinates in
    which the point differs least from the origin.
    """
    corners = len(origin)
    lowest = origin.min(axis=1) - 2 * corners
    first = strides @ (origin - lowest[:, None])
    steps = strides.sum() - corners * strides[coordinate_at[:0:-1]]
    return np.concatenate([first[None], first + np.cumsum(steps, axis=0)])


def _groups(
    points: Int64[np.ndarray, " touches"],
    weights: Float32[np.ndarray, " touches"],
    counts: Int64[np.ndarray, " touched"],
    num_vertices: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cuts the points that touch each vertex into groups. They come in its order."""
    groups = -(-counts // GROUP_SIZE)
    skipped = np.cumsum(groups * GROUP_SIZE - counts) - (groups * GROUP_SIZE - counts)
    slots = np.arange(len(points)) + np.repeat(skipped, counts)
    # There are at most so many, whatever the points are.
    num_groups = num_vertices + -(-len(points) // GROUP_SIZE)
    group_points = np.zeros((num_groups, GROUP_SIZE), np.int32)
    group_weights = np.zeros((num_groups, GROUP_SIZE), np.float32)
    group_points.put(slots, points)
    group_weights.put(slots, weights)
    group_vertex = np.full(num_groups, num_vertices - 1, np.int32)
    group_vertex[: groups.sum()] = np.repeat(np.arange(1, len(counts) + 1), groups)
    return group_points, group_weights, group_vertex


def _neighbours(
    keys: Int64[np.ndarray, " touched"],
    strides: Int64[np.ndarray, " corners"],
    num_vertices: int,
) -> Int32[np.ndarray, "corners 2 vertices"]:
    """Looks up the next and the previous vertex of each along every direction."""
    neighbours = np.zeros((len(strides), 2, num_vertices), np.int32)
    vertex = np.arange(1, len(keys) + 1)
    for direction, stride in enumerate(strides):
        wanted = keys + len(strides) * stride - strides.sum()
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        there = keys[place] == wanted
        neighbours[direction, 0, vertex[there]] = place[there] + 1
        neighbours[direction, 1, place[there] + 1] = vertex[there]
    return neighbours


def _rounded_up(count: int) -> int:
    """Rounds up by at most an eighth."""
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step
