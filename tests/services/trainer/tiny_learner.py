"""A learner process with a small real algorithm: a linear policy learned by stochastic gradient.

Every part of its state matters to the next move: weights, Adam's moments, the generator.
"""

import os
import sys
import time
from types import SimpleNamespace

import torch

from services.trainer.learner_process import main


class Tiny:
    """Regresses actions on observations; settings pace it and make it fail on demand."""

    def __init__(self, settings, task, seed):
        self.settings = SimpleNamespace(**{"buffer_rows": None, **settings})
        self.steps = settings.get("steps", 20)
        self.step_s = settings.get("step_s", 0.0)
        self.die = settings.get("die", "")
        self.generator = torch.Generator().manual_seed(seed)
        inputs, outputs = len(task.observation_names), len(task.robot.joints)
        shape = (outputs, inputs)
        self.weight = torch.randn(shape, generator=self.generator).mul_(0.01).requires_grad_()
        self.bias = torch.zeros(outputs, requires_grad=True)
        self.optimizer = torch.optim.Adam([self.weight, self.bias], lr=1e-2)

    def refit(self, replay, progress):
        deadline = time.monotonic()
        for step in range(self.steps):
            progress("refit", step / self.steps, {"epoch": step, "epochs": self.steps})
            loss = self._step(replay)
            if self.die == "refit":
                os._exit(9)
            deadline += self.step_s
            time.sleep(max(0.0, deadline - time.monotonic()))
        return {"model_loss": loss, "not_finite": float("nan")}

    def improve(self, replay, progress):
        print("stray output on stdout")  # noqa: T201 - it must not disturb the messages
        for step in range(3):
            progress("improve", step / 3, {"improve_step": step})
            loss = self._step(replay)
        return {"policy_loss": loss}

    def _step(self, replay):
        index = torch.randint(len(replay), (32,), generator=self.generator)
        rows = torch.from_numpy(replay.rows)[index]
        observation = rows[:, replay.layout.observation]
        wanted = rows[:, replay.layout.action]
        loss = torch.nn.functional.mse_loss(observation @ self.weight.T + self.bias, wanted)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def snapshot(self):
        outputs, inputs = self.weight.shape
        weights = {
            "layers.0.weight": self.weight.detach().numpy().copy(),
            "layers.0.bias": self.bias.detach().numpy().copy(),
            "log_std": torch.full((outputs,), -1.0).numpy(),
            "input_shift": torch.zeros(inputs).numpy(),
            "input_scale": torch.ones(inputs).numpy(),
        }
        return {"kind": "gaussian_mlp", "hidden": [], "activation": "tanh"}, weights

    def state(self):
        state = {
            "weight": self.weight.detach().clone(),
            "bias": self.bias.detach().clone(),
            "generator": self.generator.get_state(),
        }
        for i, entry in self.optimizer.state_dict()["state"].items():
            state |= {f"adam.{i}.{name}": value.clone() for name, value in entry.items()}
        return state

    def load_state(self, state):
        with torch.no_grad():
            self.weight.copy_(state["weight"])
            self.bias.copy_(state["bias"])
        self.generator.set_state(state["generator"])
        loaded = self.optimizer.state_dict()
        moments = {}
        for key, value in state.items():
            if key.startswith("adam."):
                _, i, name = key.split(".")
                moments.setdefault(int(i), {})[name] = value.clone()
        loaded["state"] = moments
        self.optimizer.load_state_dict(loaded)


def build(name, settings, task, seed, device):
    if name != "tiny":
        raise ValueError(f"unknown algorithm {name!r}; there is only 'tiny'")
    if settings.get("die") == "start":
        sys.stderr.write("cannot think\n")
        os._exit(9)
    return Tiny(settings, task, seed)


if __name__ == "__main__":
    sys.exit(main(build))
