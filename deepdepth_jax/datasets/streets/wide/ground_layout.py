"""Random strips of ground along a road, and random lane markings."""

import numpy as np

from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.ground import LINES, STRIPS, Ground
from deepdepth_jax.datasets.streets.wide.ground_materials import GroundMaterial
from deepdepth_jax.datasets.streets.wide.plan import Plan, Side
from deepdepth_jax.datasets.streets.wide.solids import on_device

GROUND_COLORS = {
    GroundMaterial.ASPHALT: [
        [0.13, 0.13, 0.135],
        [0.20, 0.20, 0.205],
        [0.28, 0.28, 0.275],
        [0.26, 0.25, 0.23],
    ],
    GroundMaterial.CONCRETE: [[0.33, 0.32, 0.30], [0.27, 0.265, 0.25]],
    GroundMaterial.COBBLES: [
        [0.20, 0.19, 0.18],
        [0.25, 0.22, 0.19],
        [0.16, 0.16, 0.16],
    ],
    GroundMaterial.SLABS: [[0.32, 0.31, 0.29], [0.27, 0.26, 0.255], [0.35, 0.24, 0.19]],
    GroundMaterial.GRAVEL: [[0.28, 0.24, 0.19], [0.22, 0.19, 0.15], [0.36, 0.32, 0.26]],
    GroundMaterial.GRASS: [
        [0.07, 0.12, 0.025],
        [0.10, 0.14, 0.04],
        [0.14, 0.14, 0.05],
        [0.20, 0.17, 0.08],
    ],
    GroundMaterial.LEAVES: [[0.16, 0.11, 0.06], [0.20, 0.14, 0.06], [0.11, 0.08, 0.05]],
    GroundMaterial.BALLAST: [[0.16, 0.14, 0.12], [0.20, 0.18, 0.16]],
    GroundMaterial.CROPS: [[0.10, 0.13, 0.04], [0.26, 0.21, 0.09], [0.13, 0.10, 0.07]],
}


def random_ground(draws: Draws, plan: Plan) -> Ground:
    """Draws the strips of ground of a plan, from left to right.

    Args:
      draws: source of random numbers.
      plan: plan of the road and its sides.

    Returns:
      The strips.
    """
    road = draws.pick(plan.place.road)
    left, right = (_strips(draws, side) for side in (plan.left, plan.right))
    middle = STRIPS // 2
    materials = np.full(STRIPS, road)
    widths = [np.zeros(STRIPS - 1 - middle), np.zeros(STRIPS - 1 - middle)]
    for side, strips, step in ((0, left, -1), (1, right, 1)):
        for i, (material, width) in enumerate(strips):
            materials[middle + step * (i + 1)] = material
            widths[side][i] = width
        outermost = middle + step * (len(strips) + 1)
        rest = slice(outermost, None) if step > 0 else slice(0, outermost + 1)
        materials[rest] = draws.pick(plan.side(float(step)).place.land)
    right_edges = plan.right.kerb_m + np.cumsum([0, *widths[1][: STRIPS - 2 - middle]])
    left_edges = -plan.left.kerb_m - np.cumsum([0, *widths[0]])[:middle]
    edges = np.concatenate([left_edges[::-1], right_edges])
    is_soft = np.isin(
        materials,
        [
            GroundMaterial.GRASS,
            GroundMaterial.GRAVEL,
            GroundMaterial.LEAVES,
            GroundMaterial.CROPS,
        ],
    )
    ragged = 0.35 * (is_soft[:-1] | is_soft[1:]) * draws.uniform(0.2, 1.0)
    color_of = {
        material: draws.colors(GROUND_COLORS[material], spread=0.3)
        for material in GroundMaterial
    }
    fields = on_device(
        edges=edges,
        materials=materials,
        colors=np.stack([color_of[GroundMaterial(material)] for material in materials]),
        ragged=ragged,
        lines=random_lines(draws, plan),
        crossings=plan.crossings,
        road_color=color_of[GroundMaterial.ASPHALT],
        age=draws.uniform(),
    )
    return Ground(**fields)


def _strips(draws: Draws, side: Side) -> list[tuple[GroundMaterial, float]]:
    """Lists materials and widths from the kerb outwards."""
    strips = []
    if side.track_m:
        strips.append((GroundMaterial.BALLAST, side.track_m))
    if side.verge_m:
        strips.append((draws.pick(side.place.land), side.verge_m))
    if side.walk_m:
        kinds = {
            GroundMaterial.SLABS: 0.5,
            GroundMaterial.ASPHALT: 0.25,
            GroundMaterial.GRAVEL: 0.1,
            GroundMaterial.COBBLES: 0.15,
        }
        strips.append((draws.pick(kinds), side.walk_m))
    strips.append((draws.pick(side.place.land), max(side.front_m - side.edge_m, 0.3)))
    return strips


def random_lines(draws: Draws, plan: Plan) -> np.ndarray:
    """Draws lane markings: dashed and solid, fresh and worn.

    Args:
      draws: source of random numbers.
      plan: plan of the road and its sides.

    Returns:
      The rows of `Ground.lines`.
    """
    lines = np.zeros((LINES, 5))
    if draws.chance(0.2):
        return lines
    strength, width = draws.uniform(0.35, 1.0), draws.uniform(0.1, 0.2)
    period = draws.uniform(5.0, 13.0)
    rows = []
    for sign, side in ((-1, plan.left), (1, plan.right)):
        for lane in range(1, side.lanes):
            rows.append((sign * (plan.median_m + lane * plan.lane_m), period))
        if draws.chance(0.6):
            end = plan.median_m + side.lanes * plan.lane_m - 0.05
            rows.append((sign * end, 0.0))
    if plan.median_m:
        rows += [(-plan.median_m, 0.0), (plan.median_m, 0.0)]
    elif draws.chance(0.75):
        rows.append((0.0, period if draws.chance(0.7) else 0.0))
    for i, (offset, dashes) in enumerate(rows[:LINES]):
        lines[i] = offset, width, dashes, draws.uniform(0.3, 0.6), strength
    return lines
