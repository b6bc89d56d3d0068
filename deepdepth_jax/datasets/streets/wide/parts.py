"""Collects the solids of a scene on the host, then packs them for rendering."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from deepdepth_jax.datasets.streets.solids import Surface
from deepdepth_jax.datasets.streets.wide.finishes import (
    Fields,
    Finish,
    is_each,
    table_of,
)
from deepdepth_jax.datasets.streets.wide.solids import (
    KINDS,
    Perforation,
    Solids,
    bounding_spheres,
    on_device,
)

CAPACITY = {"boxes": 512, "hulls": 96, "cylinders": 384, "ellipsoids": 640}
UP = np.array([0.0, 1.0, 0.0])
NO_BEVEL = (0.001,) * 7
BEHIND_M = -30.0  # what ends before is left out
SPACE_M = 0.45  # about the camera, in which nothing stands


def _standing(base: Any, size: tuple[Any, Any, Any], yaw: Any) -> Fields:
    half_width, height, half_length = size
    return ((base, 3), (half_width, 1), (half_length, 1), (height, 1), (yaw, 1))


def _count(fields: Fields) -> int:
    """Counts the solids that fields are given for."""
    counts = {len(value) for value, width in fields if is_each(value, width)}
    return 0 if 0 in counts else max(counts, default=1)


def _on_device(
    rows: dict[str, Any], finishes: np.ndarray, spheres: np.ndarray
) -> tuple[Solids, Surface]:
    """Packs the rows of all kinds, and the surfaces of land and solids."""
    columns = np.split(finishes.T, [1, 4, 7, 11, 12, 13])
    names = ("material", "color", "accent", "pattern", "kind", "size", "share")
    fields = {
        n: c.T if len(c) > 1 else c[0] for n, c in zip(names, columns, strict=True)
    }
    perforation = {name: fields.pop(name)[1:] for name in names[4:]}
    fields["material"] = fields["material"].astype(int)
    solids = on_device(**rows, sphere=spheres)
    return Solids(
        **solids, perforation=Perforation(**on_device(**perforation))
    ), Surface(**on_device(**fields))


class Parts:
    """Collects solids. A single value holds for all solids of a call.

    Solids of one group, such as those of a car, are left out together.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list] = {kind.name: [] for kind in KINDS}
        self._finishes: dict[str, list] = {kind.name: [] for kind in KINDS}
        self._groups: dict[str, list] = {kind.name: [] for kind in KINDS}
        self._next_group = 0

    def groups(self, count: int) -> np.ndarray:
        """Numbers new groups."""
        self._next_group += count
        return np.arange(self._next_group - count, self._next_group)

    def boxes(
        self,
        base: Any,
        size: tuple[Any, Any, Any],
        finish: Finish,
        *,
        yaw: Any = 0.0,
        lean: Any = (0.0, 0.0, 0.0),
        group: Any = None,
    ) -> None:
        """Adds boxes by base and size. See `streets.solids.Boxes`.

        Args:
          base: middles of the bottom faces.
          size: half width, height and half length.
          finish: of the surface.
          yaw: headings.
          lean: of the side, front and back faces.
          group: numbers of their groups. Each is its own unless given.
        """
        fields = (*_standing(base, size, yaw), (lean, 3))
        self._add("boxes", fields, finish, group)

    def hulls(
        self,
        base: Any,
        size: tuple[Any, Any, Any],
        finish: Finish,
        *,
        yaw: Any = 0.0,
        lean: Any = (0.0, 0.0, 0.0),
        bevel: Any = NO_BEVEL,
        group: Any = None,
    ) -> None:
        """Adds hulls, as boxes are. See `Hulls` for the bevel.

        Args:
          base: centres of the bottom faces, metres.
          size: sizes, metres.
          finish: surface of the solids.
          yaw: headings, radians.
          lean: inclination of the side, front and back faces.
          bevel: see `Hulls`.
          group: numbers of groups. Solids of one group are left out together.
        """
        fields = (*_standing(base, size, yaw), (lean, 3))
        fields += ((np.maximum(bevel, NO_BEVEL), 7),)
        self._add("hulls", fields, finish, group)

    def cylinders(
        self,
        center: Any,
        axis: Any,
        size: tuple[Any, Any],
        finish: Finish,
        *,
        group: Any = None,
    ) -> None:
        """Adds cylinders by centre, axis and size (radius and half length).

        Args:
          center: centres, metres.
          axis: unit vectors.
          size: sizes, metres.
          finish: surface of the solids.
          group: numbers of groups. Solids of one group are left out together.
        """
        axis = np.asarray(axis, float)
        axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
        fields = ((center, 3), (axis, 3), (size[0], 1), (size[1], 1))
        self._add("cylinders", fields, finish, group)

    def posts(
        self, foot: Any, height: Any, radius: Any, finish: Finish, group: Any = None
    ) -> None:
        """Adds upright cylinders by their feet."""
        foot, height = np.asarray(foot, float), np.asarray(height, float)
        center = foot + height[..., None] / 2 * np.array([0.0, 1.0, 0.0])
        self.cylinders(
            center, (0.0, 1.0, 0.0), (radius, height / 2), finish, group=group
        )

    def bars(
        self, start: Any, stop: Any, radius: Any, finish: Finish, group: Any = None
    ) -> None:
        """Adds cylinders by both their ends."""
        start, stop = np.asarray(start, float), np.asarray(stop, float)
        length = np.linalg.norm(stop - start, axis=-1)
        middle = (start + stop) / 2
        self.cylinders(middle, stop - start, (radius, length / 2), finish, group=group)

    def ellipsoids(
        self, center: Any, radii: Any, finish: Finish, group: Any = None
    ) -> None:
        """Adds ellipsoids. See `streets.solids.Ellipsoids`."""
        self._add("ellipsoids", ((center, 3), (radii, 3)), finish, group)

    def _add(self, name: str, fields: Any, finish: Finish, group: Any) -> None:
        count = _count(fields)
        self._rows[name].append(table_of(fields, count))
        self._finishes[name].append(finish.columns(count))
        self._groups[name].append(
            self.groups(count)
            if group is None
            else table_of(((group, 1),), count)[:, 0]
        )

    def packed(self, camera: Any, ground: Finish) -> tuple[Solids, Surface]:
        """Packs the solids outside the camera, the nearest first.

        Args:
          camera: position of the camera, metres.
          ground: strips of the ground.

        Returns:
          The solids and their surfaces, the ground first.
        """
        blocked = self._groups_at(camera)
        rows: dict[str, Any] = {}
        finishes, spheres = [ground.columns(1)], []
        for kind in KINDS:
            table, finish, sphere = self._chosen(kind.name, camera, blocked)
            room = CAPACITY[kind.name]
            rows[kind.name] = _padded(table, room)
            finishes.append(_padded(finish, room))
            spheres.append(_padded(sphere, room, -1.0))
        return _on_device(rows, np.concatenate(finishes), np.concatenate(spheres))

    def _joined(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        kinds = (self._rows[name], self._finishes[name], self._groups[name])
        width = {kind.name: kind.width for kind in KINDS}[name]
        empty = (np.zeros((0, width)), np.zeros((0, 14)), np.zeros(0))
        rows, finishes, groups = (
            np.concatenate([*lists, none])
            for lists, none in zip(kinds, empty, strict=True)
        )
        return rows, finishes, groups

    def _groups_at(self, camera: Float[np.ndarray, "3"]) -> set[float]:
        """Finds the groups that stand in the camera."""
        found: set[float] = set()
        for kind in KINDS:
            rows, _, groups = self._joined(kind.name)
            found |= set(groups[_holds(kind.name, rows, camera)])
        return found

    def _chosen(
        self, name: str, camera: Float[np.ndarray, "3"], blocked: set[float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, finishes, groups = self._joined(name)
        sphere = bounding_spheres(name, rows)
        away = np.linalg.norm(sphere[:, :3] - camera, axis=1) - sphere[:, 3]
        stays = ~np.isin(groups, list(blocked)) & (
            sphere[:, 2] + sphere[:, 3] > BEHIND_M
        )
        order = np.argsort(np.where(stays, away, np.inf), kind="stable")
        order = order[: min(CAPACITY[name], np.sum(stays))]
        return rows[order], finishes[order], sphere[order]


def _padded(
    rows: Float[np.ndarray, "n w"], count: int, value: float = 0.0
) -> Float[np.ndarray, "count w"]:
    padding = np.full((count - len(rows), rows.shape[1]), value)
    return np.concatenate([rows, padding])


def _holds(
    name: str, rows: Float[np.ndarray, "n w"], point: Float[np.ndarray, "3"]
) -> Bool[np.ndarray, " n"]:
    """Finds solids that come within `SPACE_M` of a point."""
    offset = point - rows[:, :3]
    if name in ("boxes", "hulls"):
        cos, sin = np.cos(rows[:, 6]), np.sin(rows[:, 6])
        x, y, z = offset.T
        local = np.abs([cos * x - sin * z, y - rows[:, 5] / 2, sin * x + cos * z])
        return np.all(local < rows[:, [3, 5, 4]].T * [[1], [0.5], [1]] + SPACE_M, 0)
    if name == "cylinders":
        along = np.sum(offset * rows[:, 3:6], 1)
        across = np.linalg.norm(offset - along[:, None] * rows[:, 3:6], axis=1)
        return (across < rows[:, 6] + SPACE_M) & (np.abs(along) < rows[:, 7] + SPACE_M)
    return np.linalg.norm(offset / (rows[:, 3:6] + SPACE_M), axis=1) < 1
