"""Three drives of KITTI in its official layout, a few frames of each.

drive_0001   both cameras, frames 5 to 10, improved depth
drive_0023   14 frames in a manifest, projected lidar sweeps
drive_0052   camera 2, frames 0 to 3, lidar sweeps
"""

from pathlib import Path

GARG_80_M = {"eval.crop": "garg", "eval.cap_m": 80.0}
LISTS = Path(__file__).parent / "lists"


def get_places(root: Path) -> dict[str, dict[str, object]]:
    """Selects the frames of each drive."""
    return {
        "drive_0001": {
            "data.dataset": "kitti",
            "data.root": root,
            "data.kitti.test_list": LISTS / "drive_0001.txt",
            "eval.ground_truth": "improved",
            **GARG_80_M,
        },
        "drive_0023": {
            "data.dataset": "pairs",
            "data.pairs.manifest": root / "drive_0023" / "manifest.jsonl",
            "data.pairs.depth_unit_m": 1 / 256,
            **GARG_80_M,
        },
        "drive_0052": {
            "data.dataset": "kitti",
            "data.root": root,
            "data.kitti.test_list": LISTS / "drive_0052.txt",
            "eval.ground_truth": "lidar",
            **GARG_80_M,
        },
    }
