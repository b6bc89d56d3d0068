"""A whole scene of the wide world from a few integers."""

import numpy as np
from flax import struct
from jaxtyping import Array, Float

from deepdepth_jax.datasets.streets.scene import Light
from deepdepth_jax.datasets.streets.solids import Surface
from deepdepth_jax.datasets.streets.wide.barriers import add_edge, pieces
from deepdepth_jax.datasets.streets.wide.cameras import WideCamera, random_camera
from deepdepth_jax.datasets.streets.wide.course import Course
from deepdepth_jax.datasets.streets.wide.draws import Draws
from deepdepth_jax.datasets.streets.wide.finishes import Finish
from deepdepth_jax.datasets.streets.wide.furniture import add_furniture
from deepdepth_jax.datasets.streets.wide.ground import Ground
from deepdepth_jax.datasets.streets.wide.ground_layout import random_ground
from deepdepth_jax.datasets.streets.wide.overhead import add_overhead
from deepdepth_jax.datasets.streets.wide.parts import UP, Parts
from deepdepth_jax.datasets.streets.wide.plan import Plan, random_plan
from deepdepth_jax.datasets.streets.wide.sensor import Sensor
from deepdepth_jax.datasets.streets.wide.solids import Material, Solids, on_device
from deepdepth_jax.datasets.streets.wide.surroundings import add_afar, add_behind
from deepdepth_jax.datasets.streets.wide.traffic import add_traffic
from deepdepth_jax.datasets.streets.wide.weather import random_light, random_sensor

PAVINGS = [[0.30, 0.29, 0.27], [0.24, 0.235, 0.23], [0.34, 0.30, 0.26]]
KERB_M = 0.12
BOUNCED = np.array([1.0, 0.93, 0.82])  # tint of what the ground reflects


@struct.dataclass
class WideScene:
    """A scene and its camera.

    Attributes:
      solids: all solids.
      surface: surfaces of the land, then of the solids in the order of their numbers.
      ground: strips of ground on the land.
      course: course of the road and height of the land.
      camera: pose and intrinsics.
      light: sun, sky and haze.
      skylight: share of the sky's brightness that an open surface receives.
      bounce: share of incoming light that the ground reflects.
      sensor: the camera's response to light.
    """

    solids: Solids
    surface: Surface
    ground: Ground
    course: Course
    camera: WideCamera
    light: Light
    skylight: Float[Array, ""]
    bounce: Float[Array, "3"]
    sensor: Sensor


def random_scene(*seed: int) -> WideScene:
    """Draws a scene. The same integers give the same scene.

    Returns:
      The scene.
    """
    draws = Draws(*seed)
    plan = random_plan(draws)
    own_lane = draws.integers(0, plan.right.lanes - 1)
    camera = _random_view(draws, plan, int(own_lane))
    parts = Parts()
    _build(draws, parts, plan, int(own_lane))
    light, (skylight, bounce) = random_light(draws)
    solids, surface = parts.packed(
        np.asarray(camera.position), Finish(Material.GROUND, (0.2, 0.2, 0.2))
    )
    return WideScene(
        solids=solids,
        surface=surface,
        ground=random_ground(draws, plan),
        course=Course(**on_device(**vars(plan.course))),
        camera=camera,
        light=light,
        sensor=random_sensor(draws),
        **on_device(skylight=skylight, bounce=bounce * BOUNCED),
    )


def _build(draws: Draws, parts: Parts, plan: Plan, own_lane: int) -> None:
    add_traffic(draws, parts, plan, own_lane)
    for sign in (-1.0, 1.0):
        _add_pavement(draws, parts, plan, sign)
        add_edge(draws, parts, plan, sign)
        add_behind(draws, parts, plan, sign)
    add_furniture(draws, parts, plan)
    add_overhead(draws, parts, plan)
    add_afar(draws, parts, plan)


def _add_pavement(draws: Draws, parts: Parts, plan: Plan, sign: float) -> None:
    """Raises the pavement above the road, for most of those that there are."""
    side = plan.side(sign)
    if not side.walk_m or draws.chance(0.3):
        return
    start = side.kerb_m + side.track_m + side.verge_m
    foot, half, yaw = pieces(plan, sign * (start + side.walk_m / 2))
    finish = Finish(Material.PAVING, draws.colors(PAVINGS))
    parts.boxes(foot - 0.4 * UP, (side.walk_m / 2, 0.4 + KERB_M, half), finish, yaw=yaw)


def _random_view(draws: Draws, plan: Plan, own_lane: int) -> WideCamera:
    """Puts the camera in a lane for most scenes, else anywhere between the edges."""
    beside = plan.median_m + (own_lane + 0.5) * plan.lane_m + draws.normal(0.3)
    if draws.chance(0.12):
        beside = draws.uniform(-plan.left.edge_m + 1, plan.right.edge_m - 1)
    yaw = draws.normal(0.04) if draws.chance(0.8) else draws.normal(0.3)
    return random_camera(draws, beside, yaw)
