"""A policy at batch one in NumPy: what the control process runs, because torch stays out of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mbctl.policies.manifest import LOG_STD_RANGE
from mbctl.policies.snapshot import Snapshot

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Reflected:
    """A task's mirror image as index and sign arrays."""

    selector: int
    observation_order: NDArray[np.intp]
    observation_sign: Floats
    action_order: NDArray[np.intp]
    action_sign: Floats

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Reflected | None":
        reflection = snapshot.manifest.policy.reflection
        if reflection is None:
            return None
        return cls(
            reflection.selector,
            np.array(reflection.observation_order, dtype=np.intp),
            np.array(reflection.observation_sign, dtype=np.float32),
            np.array(reflection.action_order, dtype=np.intp),
            np.array(reflection.action_sign, dtype=np.float32),
        )


class NumpyPolicy:
    """The network of a snapshot, with every intermediate in a buffer of its own.

    Attributes:
        version: the snapshot's.
        planner: what the snapshot says of a planner around the network; it is not used here.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        """Take the weights of a snapshot whose shapes have been checked."""
        weights = snapshot.weights
        self.version = snapshot.manifest.version
        architecture = snapshot.manifest.policy
        self.planner = architecture.planner
        layers = len(architecture.hidden) + 1
        self._squashed = architecture.kind == "squashed_gaussian_mlp"
        self._rectified = architecture.activation == "relu"
        self._reflection = _Reflected.of(snapshot)
        self._layers = [
            (
                np.ascontiguousarray(weights[f"layers.{i}.weight"], dtype=np.float32),
                np.ascontiguousarray(weights[f"layers.{i}.bias"], dtype=np.float32),
                np.empty(weights[f"layers.{i}.bias"].shape, dtype=np.float32),
            )
            for i in range(layers)
        ]
        self._shift = weights["input_shift"].astype(np.float32)
        self._scale = weights["input_scale"].astype(np.float32)
        self._input = np.empty_like(self._shift)
        if not self._squashed:
            with np.errstate(over="ignore"):
                self._deviation = np.exp(weights["log_std"].astype(np.float32))

    def act(self, observation: Floats, rng: np.random.Generator | None = None) -> Floats:
        """The action [A] for one observation [O], both float32; a new array.

        Args:
            rng: draws a sample, unclipped where the architecture does not squash; None gives the
                mean, or what the mean is squashed to.
        """
        # A weight can overflow on an input nobody foresaw; the safety gate catches the result.
        mirror = self._reflection
        flipped = mirror is not None and observation[mirror.selector] < 0
        if mirror is not None and flipped:
            observation = observation[mirror.observation_order] * mirror.observation_sign
        with np.errstate(all="ignore"):
            hidden = np.subtract(observation, self._shift, out=self._input)
            np.divide(hidden, self._scale, out=hidden)
            last = len(self._layers) - 1
            for i, (weight, bias, out) in enumerate(self._layers):
                np.dot(weight, hidden, out=out)
                np.add(out, bias, out=out)
                hidden = self._activate(out) if i < last else out
            action = self._squash(hidden, rng) if self._squashed else self._draw(hidden, rng)
        if mirror is not None and flipped:
            return action[mirror.action_order] * mirror.action_sign
        return action

    def _activate(self, hidden: Floats) -> Floats:
        if self._rectified:
            return np.maximum(hidden, 0.0, out=hidden)
        return np.tanh(hidden, out=hidden)

    def _draw(self, mean: Floats, rng: np.random.Generator | None) -> Floats:
        action = mean.copy()
        if rng is not None:
            noise = rng.standard_normal(self._deviation.shape, dtype=np.float32)
            action += self._deviation * noise
        return action

    @staticmethod
    def _squash(output: Floats, rng: np.random.Generator | None) -> Floats:
        actions = output.shape[0] // 2
        before = output[:actions].copy()
        # tanh and the cut would turn an overflow into a sound number; 0 * inf keeps it to be seen.
        overflow = 0.0 * (before + output[actions:])
        if rng is not None:
            log_deviation = np.minimum(
                np.maximum(output[actions:], LOG_STD_RANGE[0]), LOG_STD_RANGE[1]
            )
            before += np.exp(log_deviation) * rng.standard_normal(actions, dtype=np.float32)
        return np.tanh(before, out=before) + overflow
