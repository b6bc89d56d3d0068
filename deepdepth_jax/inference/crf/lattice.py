"""The permutohedral lattice of a set of points, and the Gaussian filter on it.

Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral
lattice", 2010. Each point gives its values to the d + 1 vertices of the simplex that it
lies in, the vertices are blurred along the d + 1 directions of the lattice, and each
point takes its values back from its simplex. Only vertices that a point touches are
there: neither memory nor time depend on how large the space is.

All of it is gathers and sums over arrays that are made once an image
(`permutohedral`), which XLA does fast on every device. Values are gathered into the
vertices in groups because XLA scatters one row at a time on a CPU: a group leaves one
row to scatter for `GROUP_SIZE` that are gathered.
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, Int32

from deepdepth_jax.types import AnyArray

GROUP_SIZE = 16
_POINTS_AT_ONCE = 4096


@flax.struct.dataclass
class Lattice:
    """Which points touch which vertices, how much, and which vertices are neighbours.

    Vertex 0 stands for all that are not there, and holds zeros.

    Attributes:
      corners: the vertices of each point's simplex.
      corner_weights: the point's barycentric coordinates in it.
      group_points: points that touch the same vertex, `GROUP_SIZE` at a time.
      group_weights: how much they do. 0 fills up a group.
      group_vertex: that vertex. Rises.
      neighbours: of each vertex the next and the previous one in each direction.
    """

    corners: Int32[AnyArray, "n corners"]
    corner_weights: Float32[AnyArray, "n corners"]
    group_points: Int32[AnyArray, "groups size"]
    group_weights: Float32[AnyArray, "groups size"]
    group_vertex: Int32[AnyArray, " groups"]
    neighbours: Int32[AnyArray, "corners 2 vertices"]

    def filter(self, values: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """Sums values over all points, weighted by a Gaussian of standard deviation 1.

        The sum includes the point itself, as in the authors' code, not in their paper
        (findings/pydensecrf2_counts_itself.sh), and is scaled by a constant.
        """
        return self._slice(self._blur(self._splat(values)))

    def normalised(self) -> "Lattice":
        """Scales the weights so that `filter` computes D^-1/2 F D^-1/2 values.

        F is the filter before scaling, and D = diag(F 1). This is the symmetric
        normalisation, the default of the CRF's authors' code.
        """
        ones = jnp.ones((self.corners.shape[0], 1), jnp.float32)
        scale = jax.lax.rsqrt(self.filter(ones))
        return dataclasses.replace(
            self,
            corner_weights=self.corner_weights * scale,
            group_weights=self.group_weights * _rows(scale[:, 0], self.group_points),
        )

    def _splat(self, values: Float[Array, "n k"]) -> Float[Array, "vertices k"]:
        sums = _weighted_sum(values, self.group_points, self.group_weights)
        zeros = jnp.zeros((self.neighbours.shape[-1], values.shape[-1]), values.dtype)
        return zeros.at[self.group_vertex].add(
            sums, indices_are_sorted=True, mode="promise_in_bounds"
        )

    def _blur(self, values: Float[Array, "vertices k"]) -> Float[Array, "vertices k"]:
        def along_one(values: Array, neighbours: Array) -> tuple[Array, None]:
            around = _rows(values, neighbours[0]) + _rows(values, neighbours[1])
            return values + around / 2, None

        # A loop, since XLA would fuse the directions and compute each of them again and
        # again. So is the next one: what reads its result would compute it repeatedly.
        return jax.lax.scan(along_one, values, jnp.asarray(self.neighbours))[0]

    def _slice(self, values: Float[Array, "vertices k"]) -> Float[Array, "n k"]:
        return jax.lax.map(
            lambda corners: _weighted_sum(values, *corners),
            (self.corners, self.corner_weights),
            batch_size=_POINTS_AT_ONCE,
        )


def _rows(values: Array, index: AnyArray) -> Array:
    return values.at[index].get(mode="promise_in_bounds")


def _weighted_sum(
    values: Float[Array, "m k"],
    index: Int32[AnyArray, "*n terms"],
    weights: Float[AnyArray, "*n terms"],
) -> Float[Array, "*n k"]:
    # Term by term: the rows of all terms together would be many times the result.
    terms = range(index.shape[-1])
    return sum(
        (_rows(values, index[..., t]) * weights[..., t, None] for t in terms[1:]),
        _rows(values, index[..., 0]) * weights[..., 0, None],
    )
