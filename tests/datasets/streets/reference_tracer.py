"""Ray casting once more, plainly: float64 NumPy, one ray and one solid at a time."""

import math

import numpy as np


def first_hit(origin, direction, scene):
    """Gives distance and number of the solid that a ray meets first, or inf and -1."""
    hits = [(ground_entry(origin, direction), 0)]
    solids = [
        *((box_entry, box) for box in unstack(scene.boxes)),
        *((cylinder_entry, cylinder) for cylinder in unstack(scene.cylinders)),
        *((ellipsoid_entry, ellipsoid) for ellipsoid in unstack(scene.ellipsoids)),
    ]
    for number, (entry, solid) in enumerate(solids, start=1):
        hits.append((entry(origin, direction, solid), number))
    distance, number = min(hits)
    return distance, number if math.isfinite(distance) else -1


def unstack(solids):
    fields = {
        name: np.asarray(value, np.float64)
        for name, value in vars(solids).items()
        if name != "surface"
    }
    count = len(next(iter(fields.values())))
    return [{name: value[i] for name, value in fields.items()} for i in range(count)]


def ground_entry(origin, direction):
    return -origin[1] / direction[1] if direction[1] < 0 else math.inf


def box_entry(origin, direction, box):
    """Tries the faces one by one: a hit must lie behind all the others."""
    if box["height"] == 0:
        return math.inf
    sin, cos = math.sin(box["yaw"]), math.cos(box["yaw"])
    across, along = np.array([cos, 0, -sin]), np.array([sin, 0, cos])
    up = np.array([0.0, 1.0, 0.0])
    side, front, back = box["lean"]
    faces = [
        (across + side * up, box["half_width"]),
        (-across + side * up, box["half_width"]),
        (up, box["height"]),
        (-up, 0.0),
        (along + front * up, box["half_length"]),
        (-along + back * up, box["half_length"]),
    ]
    entries = [math.inf]
    for i, (normal, limit) in enumerate(faces):
        speed = normal @ direction
        if speed >= 0:
            continue
        distance = (limit - normal @ (origin - box["base"])) / speed
        point = origin + distance * direction - box["base"]
        others = faces[:i] + faces[i + 1 :]
        if distance > 0 and all(other @ point <= end for other, end in others):
            entries.append(distance)
    return min(entries)


def cylinder_entry(origin, direction, cylinder):
    """Solves the tube's quadratic equation and tries both caps."""
    axis, radius = cylinder["axis"], cylinder["radius"]
    if radius == 0:
        return math.inf
    offset = origin - cylinder["center"]
    entries = [math.inf]
    flat = np.eye(3) - np.outer(axis, axis)
    for distance in roots(flat @ direction, flat @ offset, radius):
        along = (offset + distance * direction) @ axis
        if distance > 0 and abs(along) <= cylinder["half_length"]:
            entries.append(distance)
    for end in (-1, 1):
        cap = cylinder["center"] + end * cylinder["half_length"] * axis
        speed = direction @ axis
        if speed != 0:
            distance = (cap - origin) @ axis / speed
            point = origin + distance * direction - cap
            if distance > 0 and point @ point <= radius**2:
                entries.append(distance)
    return min(entries)


def ellipsoid_entry(origin, direction, ellipsoid):
    radii = ellipsoid["radii"]
    if radii[0] == 0:
        return math.inf
    offset = (origin - ellipsoid["center"]) / radii
    found = roots(direction / radii, offset, 1.0)
    return min([math.inf, *(distance for distance in found if distance > 0)])


def roots(direction, offset, radius):
    """Solves |offset + t direction| = radius."""
    a, b = direction @ direction, direction @ offset
    discriminant = b * b - a * (offset @ offset - radius**2)
    if discriminant < 0 or a == 0:
        return []
    root = math.sqrt(discriminant)
    return [(-b - root) / a, (-b + root) / a]
