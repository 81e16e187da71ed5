"""One compiled scene for all simulated robots of these tests: compiling takes 0.2 s."""

import pytest

from hal.robots.dclaw import DCLAW
from hal.robots.dkitty import DKITTY
from sim.scene import Scene, build_scene


@pytest.fixture(scope="session")
def dclaw_scene() -> Scene:
    return build_scene(DCLAW)


@pytest.fixture(scope="session")
def dkitty_scene() -> Scene:
    return build_scene(DKITTY)
