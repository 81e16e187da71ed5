"""ROBEL's own D'Claw Turn, driven with given actions: a program of its own, because its shims
(an old gym, a moved ABC, XML declarations) must not leak into the tests.

    python tests/oracle/robel_turn.py PACKAGE_COPY ACTIONS.npy OUT.npz

PACKAGE_COPY is a writable copy of the installed package's parent folder, ACTIONS float64
[episodes, steps, 9]. Writes what the environment said, and the state behind it.
"""

import collections
import collections.abc
import sys
import types
from pathlib import Path

import numpy as np


class _Generator(np.random.RandomState):
    """What old gym's seeding returned."""


def _np_random(seed: int | None = None) -> tuple[_Generator, int]:
    return _Generator(seed), int(seed or 0)


def install_shims(package: Path) -> None:
    """Make the package importable: gymnasium under gym's name, and XML that MuJoCo reads."""
    import gymnasium

    collections.Mapping = collections.abc.Mapping  # pyright: ignore[reportAttributeAccessIssue]
    gym = types.ModuleType("gym")
    gym.__dict__.update({k: getattr(gymnasium, k) for k in ("Env", "Space", "spaces", "Wrapper")})
    utils, seeding = types.ModuleType("gym.utils"), types.ModuleType("gym.utils.seeding")
    seeding.__dict__["np_random"] = _np_random
    utils.__dict__["seeding"] = seeding
    registration = types.ModuleType("gym.envs.registration")
    registration.__dict__["register"] = lambda *_, **__: None
    registration.__dict__["registry"] = types.SimpleNamespace(env_specs={})
    envs = types.ModuleType("gym.envs")
    envs.__dict__["registration"] = registration
    gym.__dict__["utils"] = utils
    sys.modules |= {
        "gym": gym,
        "gym.spaces": gymnasium.spaces,
        "gym.utils": utils,
        "gym.utils.seeding": seeding,
        "gym.envs": envs,
        "gym.envs.registration": registration,
    }
    for path in (package / "robel").rglob("*.xml"):
        path.write_text(path.read_text().replace('<?xml version="1.0"?>', ""))
    sys.path.insert(0, str(package))


def main(package: Path, actions_path: Path, out: Path) -> None:
    install_shims(package)
    from robel.dclaw.turn import DClawTurnRandom  # pyright: ignore[reportMissingImports]
    from robel.simulation.sim_scene import SimBackend  # pyright: ignore[reportMissingImports]

    env = DClawTurnRandom(sim_backend=SimBackend.DM_CONTROL)
    env.seed(0)
    said = collections.defaultdict(list)
    for episode in np.load(actions_path):
        said["first_observation"].append(env.reset())
        data = env.sim.data
        said["first_position"].append(np.array(data.qpos))
        said["goal"].append(float(env._target_object_pos))
        for action in episode:
            observation, reward, _, info = env.step(action)
            said["observation"].append(observation)
            said["reward"].append(reward)
            said["success"].append(bool(np.squeeze(info["score/success"])))
            said["position"].append(np.array(data.qpos))
            said["velocity"].append(np.array(data.qvel))
    np.savez(out, **{k: np.array(v) for k, v in said.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
