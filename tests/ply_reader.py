"""Reads point clouds by nothing but what their header says."""

import re
import struct

SIZES = {"float": ("f", 4), "uchar": ("B", 1)}


def read_ply(path):
    """Reads any binary little-endian PLY that only has vertices, point by point."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    [count] = re.findall(r"^element vertex (\d+)$", header.decode(), re.MULTILINE)
    properties = [line.split()[1:] for line in lines if line.startswith("property")]
    point = struct.Struct("<" + "".join(SIZES[kind][0] for kind, _ in properties))
    assert len(body) == int(count) * point.size
    names = [name for _, name in properties]
    points = [dict(zip(names, p, strict=True)) for p in point.iter_unpack(body)]
    return points, [line for line in lines if line.startswith("comment")]
