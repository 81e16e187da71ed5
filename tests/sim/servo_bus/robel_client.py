"""ROBEL's own DynamixelClient on a port: a program of its own, as the package needs an old gym.

    python tests/sim/servo_bus/robel_client.py PORT

Its one module is loaded by path; the parent package is not imported. Prints as
JSON the positions before and after a motion, and the goals.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np

IDS = [10, 11, 12, 20, 21, 22, 30, 31, 32]


def load_client() -> type:
    package = importlib.util.find_spec("robel")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "components/robot/dynamixel_client.py"
    spec = importlib.util.spec_from_file_location("dynamixel_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DynamixelClient


def main(port: str) -> None:
    with load_client()(IDS, port=port) as client:  # which turns all torques on
        before, _, _ = client.read_pos_vel_cur()
        goals = np.array([np.pi / 2, np.pi, np.pi] * 3) + 0.3
        client.write_desired_pos(IDS, goals)
        time.sleep(1.5)
        after, velocities, currents = client.read_pos_vel_cur()
    result = {"before": before, "after": after, "goals": goals, "velocities": velocities}
    result["currents"] = currents
    sys.stdout.write(json.dumps({key: value.tolist() for key, value in result.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
