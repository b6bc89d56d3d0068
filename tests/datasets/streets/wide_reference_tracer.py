"""The wide world's ray casting once more: float64 NumPy, one ray and solid at a time.

Beside the solids of `reference_tracer`: land that rises, boxes whose edges are planed
off, and shells with holes.
"""

import math

import jax
import numpy as np
from reference_tracer import roots

LEAVES, SLATS, MESH = 1, 2, 3
MASK = 0xFFFFFFFF
WALK = 0.05 * 1.01 ** np.arange(1338)
"""Distances up to 30 km, each 1 % further."""


def first_hit(origin, direction, scene):
    """Finds distance and number of what a ray meets first, or inf and -1."""
    hits = [(land_entry(origin, direction, scene.course), 0)]
    solids = scene.solids
    is_there = np.asarray(solids.sphere)[:, 3] > 0
    perforation = [np.asarray(v, np.float64) for v in vars(solids.perforation).values()]
    number = 0
    for rows, ends in (
        (solids.boxes, box_ends),
        (solids.hulls, box_ends),
        (solids.cylinders, cylinder_ends),
        (solids.ellipsoids, ellipsoid_ends),
    ):
        for row in np.asarray(rows, np.float64):
            number += 1
            if is_there[number - 1]:
                holes = [values[number - 1] for values in perforation]
                hits.append(
                    (
                        entry(origin, direction, ends(origin, direction, row), holes),
                        number,
                    )
                )
    distance, number = min(hits)
    return distance, number if math.isfinite(distance) else -1


def entry(origin, direction, ends, holes):
    """Takes the first of both ends that is before the camera and not in a hole."""
    kind = holes[0]
    ends = ends if kind else ends[:1]
    for end in ends:
        if 1e-3 < end < math.inf and not (
            kind and is_hole(origin + end * direction, *holes)
        ):
            return end
    return math.inf


def is_hole(point, kind, size, share):
    if kind == LEAVES:
        return is_between_leaves(*(point / size), share)
    across = ((point[0] + point[2]) / size) % 1 < share
    if kind == MESH:
        return across and (point[1] / size) % 1 < share
    return across


def is_between_leaves(x, y, z, share):
    x = x + 0.6 * wave(0.37 * y)
    y = y + 0.6 * wave(0.41 * z)
    z = z + wave(0.33 * x)
    leaf, bough = (cell_level(*(round(v / n) for v in (x, y, z))) for n in (1, 6))
    return 0.55 * leaf + 0.45 * bough < share


def wave(x):
    return abs(2 * (x % 1) - 1)


def cell_level(*cell):
    """Hashes a cell: 0x4B400000 is 1.5 x 2^23 in float32, whose low bits count."""
    bits = 0
    for index, factor in zip(cell, (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D), strict=True):
        bits ^= (0x4B400000 + index) * factor & MASK
    bits = (bits ^ (bits >> 15)) * 0x846CA68B & MASK
    bits = (bits ^ (bits >> 13)) * 0x9E3779B1 & MASK
    return (bits >> 8) / 2**24


def land_entry(origin, direction, course):
    """Walks along the ray to the first sign change, then halves the step."""
    course = jax.tree.map(np.float64, course)

    def above(t):
        return (
            origin[1] + t * direction[1] - course.height(origin[2] + t * direction[2])
        )

    below = np.flatnonzero(above(WALK) <= 0)
    if not len(below):
        return math.inf
    low, high = WALK[below[0] - 1] if below[0] else 0.0, WALK[below[0]]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > 0 else (low, middle)
    return high


def box_ends(origin, direction, row):
    """Clips the ray by all faces: those of a hull after those of its box."""
    half_width, half_length, height, yaw, side, front, back = row[3:10]
    cos, sin = math.cos(yaw), math.sin(yaw)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    start, ray = turn @ (origin - row[:3]), turn @ direction
    planes = [
        ((1, side, 0), half_width),
        ((-1, side, 0), half_width),
        ((0, 1, 0), height),
        ((0, -1, 0), 0),
        ((0, front, 1), half_length),
        ((0, back, -1), half_length),
        *bevel_planes(row),
    ]
    enter, leave = -math.inf, math.inf
    for normal, limit in planes:
        speed, room = np.dot(normal, ray), limit - np.dot(normal, start)
        if speed < 0:
            enter = max(enter, room / speed)
        elif speed > 0:
            leave = min(leave, room / speed)
        elif room < 0:
            return math.inf, math.inf
    return (enter, leave) if enter < leave else (math.inf, math.inf)


def bevel_planes(row):
    """Lists each plane by two points of its trace on the faces that it cuts."""
    if len(row) < 17:
        return []
    half_width, half_length, height, _, side, front, back = row[3:10]
    runs, drops, corner = row[[10, 12, 14]], row[[11, 13, 15]], row[16]
    tops = [
        half_width - side * height,
        half_length - front * height,
        half_length - back * height,
    ]
    axes = [((1, 0), 0), ((-1, 0), 0), ((0, 1), 1), ((0, -1), 2)]
    planes = []
    for (x, z), i in axes:
        normal = np.array([drops[i] * x, runs[i], drops[i] * z])
        on_top = np.array([x * (tops[i] - runs[i]), height, z * (tops[i] - runs[i])])
        planes.append((normal, normal @ on_top))
    for x in (-1, 1):
        for z in (-1, 1):
            edge = np.array([x * (half_width - corner), 0, z * half_length])
            planes.append((np.array([x, 0, z]), np.array([x, 0, z]) @ edge))
    return planes


def cylinder_ends(origin, direction, row):
    axis, radius, half_length = row[3:6], row[6], row[7]
    offset = origin - row[:3]
    flat = np.eye(3) - np.outer(axis, axis)
    tube = roots(flat @ direction, flat @ offset, radius)
    if len(tube) < 2:
        return math.inf, math.inf
    along, speed = offset @ axis, direction @ axis
    caps = sorted((end * half_length - along) / speed for end in (-1, 1))
    enter, leave = max(tube[0], caps[0]), min(tube[1], caps[1])
    return (enter, leave) if enter < leave else (math.inf, math.inf)


def ellipsoid_ends(origin, direction, row):
    found = roots(direction / row[3:6], (origin - row[:3]) / row[3:6], 1.0)
    return tuple(found) if found else (math.inf, math.inf)
