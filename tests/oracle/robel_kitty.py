"""ROBEL's own D'Kitty tasks, driven with given actions: a program of its own, for its shims.

    python tests/oracle/robel_kitty.py PACKAGE_COPY TASK ACTIONS.npy OUT.npz

PACKAGE_COPY as for robel_turn.py beside it, TASK such as StandRandom, ACTIONS float64 [episodes,
steps, 12]. Writes what the environment said, and the state behind it: first the steps that were
made before the robot fell, then, as `placed_...`, states that were drawn so that some are near the
goal.
"""

import collections
import sys
from pathlib import Path

import numpy as np
from robel_turn import install_shims

PLACED = 300


def main(package: Path, task: str, actions_path: Path, out: Path) -> None:
    install_shims(package)
    from robel.dkitty import orient, stand, walk  # pyright: ignore[reportMissingImports]
    from robel.simulation.sim_scene import SimBackend  # pyright: ignore[reportMissingImports]

    module = next(m for m in (orient, stand, walk) if hasattr(m, f"DKitty{task}"))
    env = getattr(module, f"DKitty{task}")(sim_backend=SimBackend.DM_CONTROL)
    env.seed(0)
    said = collections.defaultdict(list)
    for number, episode in enumerate(np.load(actions_path)):
        observation = env.reset()
        data = env.sim.data
        for step in range(len(episode) + 1):
            said["episode"].append(number)
            said["observation"].append(observation)
            said["position"].append(np.array(data.qpos))
            said["velocity"].append(np.array(data.qvel))
            said["goal"].append(said_goal(env))
            if step == len(episode) or (step and said["done"][-1]):
                break
            observation, reward, done, info = env.step(episode[step])
            said["action"].append(episode[step])
            said["reward"].append(reward)
            said["done"].append(bool(np.squeeze(done)))
            said["success"].append(bool(np.squeeze(info["score/success"])))
        for name in ("action", "reward", "done", "success"):  # one for each state, the last unused
            said[name].append(np.zeros(12) if name == "action" else np.nan)
    said |= place(env)
    np.savez(out, **{k: np.array(v) for k, v in said.items()})


def place(env) -> dict[str, list]:
    """What the environment says to states that it did not step to."""
    rng = np.random.default_rng(1)
    data = env.sim.data
    said = collections.defaultdict(list)
    env.reset()
    target = np.append(said_goal(env), [0.0, 0.0])[:2]

    def step(_: np.ndarray) -> None:
        offset = rng.normal(size=2) * 0.5
        position = rng.normal(size=18) * [*[0.1] * 3, *[0.2] * 3, *[0.35] * 12]
        if "Walk" in type(env).__name__:
            position[:2] = target - offset
        away = target - position[:2]
        position[5] = np.arctan2(-away[0], away[1]) + rng.normal() * rng.choice([0.1, 1.0])
        data.qpos[:], data.qvel[:] = position, rng.normal(size=18)
        env.sim.forward()

    env._step = step
    for _ in range(PLACED):
        observation, reward, done, info = env.step(np.zeros(12))
        said["placed_observation"].append(observation)
        said["placed_position"].append(np.array(data.qpos))
        said["placed_velocity"].append(np.array(data.qvel))
        said["placed_goal"].append(said_goal(env))
        said["placed_reward"].append(reward)
        said["placed_done"].append(bool(np.squeeze(done)))
        said["placed_success"].append(bool(np.squeeze(info["score/success"])))
    return said


def said_goal(env) -> list[float]:
    """Where the environment has its goal on the ground; empty for a task without one."""
    if hasattr(env, "_initial_target_pos"):
        return list(env._initial_target_pos[:2])
    if hasattr(env, "_target_angle"):
        angle = env._target_angle + np.pi / 2
        return [np.cos(angle), np.sin(angle)]
    return []


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
