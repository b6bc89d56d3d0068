import dataclasses

import jax
import jax.numpy as jnp
import pytest
from street_views import see

from deepdepth_jax.datasets.streets.scene import Camera, look, random_scene


@pytest.fixture(scope="session")
def views():
    """Four scenes as they are seen."""
    return [see(random_scene(jax.random.key(number))) for number in range(4)]


@pytest.fixture(scope="session")
def empty_scene():
    """The bare ground under a level camera, 1.6 m above it."""
    scene = random_scene(jax.random.key(0))
    boxes, cylinders, ellipsoids = scene.boxes, scene.cylinders, scene.ellipsoids
    return dataclasses.replace(
        scene,
        boxes=dataclasses.replace(boxes, height=0 * boxes.height),
        cylinders=dataclasses.replace(cylinders, radius=0 * cylinders.radius),
        ellipsoids=dataclasses.replace(ellipsoids, radii=0 * ellipsoids.radii),
        camera=Camera(
            position=jnp.array([0.0, 1.6, 0.0]),
            axes=look(jnp.zeros(()), jnp.zeros(())),
        ),
    )
