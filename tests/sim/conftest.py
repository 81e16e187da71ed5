"""One compiled scene for all simulated robots of these tests: compiling takes 0.2 s."""

import pytest

from hal.robots.dclaw import DCLAW
from sim.scene import Scene, build_scene

pytest.register_assert_rewrite("tests.conformance.robot")


@pytest.fixture(scope="session")
def dclaw_scene() -> Scene:
    return build_scene(DCLAW)
