"""Each loss once more: its equation in plain Python numbers, one by one, on made-up inputs.

`python tests/mbctl/losses/golden_losses.py` writes golden.json: for each function its inputs and
its result. Nothing here is shared with the tensors' code, and nothing is random: another machine
writes the same file.
"""

import json
import math
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).with_name("golden.json")
ROWS = 5
GAMMA, ALPHA = 0.97, 0.3

Case = dict[str, Any]


def wave(count: int, speed: float, size: float = 1.0) -> list[float]:
    """Numbers that look like nothing in particular."""
    return [round(size * math.sin(1.0 + speed * k * k + k), 6) for k in range(count)]


def nested(flat: list[float], *shape: int) -> Any:
    if len(shape) == 1:
        return flat
    size = len(flat) // shape[0]
    return [nested(flat[k * size : (k + 1) * size], *shape[1:]) for k in range(shape[0])]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def soft_actor_critic() -> dict[str, Case]:
    q = nested(wave(2 * ROWS, 0.7, 3.0), 2, ROWS)
    log_prob, reward, value = wave(ROWS, 0.3, 2.0), wave(ROWS, 1.1), wave(ROWS, 0.9, 10.0)
    ended = [0.0, 1.0, 0.0, 0.0, 1.0]
    smaller = [min(pair) for pair in zip(*q, strict=True)]
    target = [r + GAMMA * (1 - d) * v for r, d, v in zip(reward, ended, value, strict=True)]
    errors = [(x - y) ** 2 / 2 for row in q for x, y in zip(row, target, strict=True)]
    pairs = list(zip(smaller, log_prob, strict=True))
    soft = {"q_min": smaller, "log_prob": log_prob, "alpha": ALPHA}
    return {
        "soft_value": {"in": soft, "out": [x - ALPHA * p for x, p in pairs]},
        "critic_target": {
            "in": {"reward": reward, "terminated": ended, "next_value": value, "gamma": GAMMA},
            "out": target,
        },
        "critic_loss": {"in": {"q": q, "target": target}, "out": math.fsum(errors) / ROWS},
        "actor_loss": {"in": soft, "out": mean([ALPHA * p - x for x, p in pairs])},
        "temperature_loss": {
            "in": {"log_alpha": math.log(ALPHA), "log_prob": log_prob, "target_entropy": -1.5},
            "out": mean([-math.log(ALPHA) * (p - 1.5) for p in log_prob]),
        },
    }


def models() -> dict[str, Case]:
    members, columns, directions = 2, 3, 4
    count = members * ROWS * columns
    centre, log_variance, target = wave(count, 0.2), wave(count, 0.5, 2.0), wave(count, 0.8)
    triples = list(zip(centre, log_variance, target, strict=True))
    terms = [(m - y) ** 2 / math.exp(v) + v for m, v, y in triples]
    likelihood = [mean(terms[k * count // 2 : (k + 1) * count // 2]) for k in range(members)]
    flat = ROWS * columns
    drawn = [m + s * z - y for m, s, z, y in zip(*sampled(flat), strict=True)]
    slopes = members * ROWS * directions * columns
    projected, differences = wave(slopes, 0.4), wave(slopes, 0.6)
    kept = [float(k % 3 != 0) for k in range(members * ROWS * directions)]
    squares = [(p - d) ** 2 for p, d in zip(projected, differences, strict=True)]
    by_direction = [k * mean(squares[columns * i : columns * (i + 1)]) for i, k in enumerate(kept)]
    half = len(by_direction) // members
    gradient = [mean(by_direction[e * half : (e + 1) * half]) for e in range(members)]
    shape = (members, ROWS, columns)
    return {
        "gaussian_nll": {
            "in": {
                "mean": nested(centre, *shape),
                "log_variance": nested(log_variance, *shape),
                "target": nested(target, *shape),
            },
            "out": likelihood,
        },
        "sampled_error": {
            "in": {
                name: nested(values, ROWS, columns)
                for name, values in zip(
                    ("mean", "deviation", "noise", "target"), sampled(flat), strict=True
                )
            },
            "out": mean([e**2 / 2 for e in drawn]),
        },
        "directional_derivative_loss": {
            "in": {
                "projected": nested(projected, members, ROWS, directions, columns),
                "differences": nested(differences, members, ROWS, directions, columns),
                "kept": nested(kept, members, ROWS, directions),
            },
            "out": gradient,
        },
    }


def sampled(count: int) -> list[list[float]]:
    return [wave(count, speed) for speed in (0.25, 0.35, 0.45, 0.55)]


def embedding() -> dict[str, Case]:
    reward, log_prob, value = wave(ROWS, 0.15), wave(ROWS, 0.3, 2.0), wave(ROWS, 0.9, 10.0)
    smaller, alive = wave(ROWS, 0.65, 4.0), [1.0, 0.0, 1.0, 1.0, 0.0]
    errors = [
        (v - (q - ALPHA * p)) ** 2 / 2 for v, q, p in zip(value, smaller, log_prob, strict=True)
    ]
    return {
        "value_loss": {
            "in": {"value": value, "q_min": smaller, "log_prob": log_prob, "alpha": ALPHA},
            "out": mean(errors),
        },
        "embedded_value": {
            "in": {
                "reward": reward,
                "log_prob": log_prob,
                "next_value": value,
                "alive": alive,
                "alpha": ALPHA,
                "gamma": GAMMA,
            },
            "out": [
                r - ALPHA * p + GAMMA * a * v
                for r, p, a, v in zip(reward, log_prob, alive, value, strict=True)
            ],
        },
    }


def expansion() -> dict[str, Case]:
    steps, critics, members = 2, 2, 3
    reward, value = wave(ROWS, 0.1), wave(ROWS, 0.9, 10.0)
    path = nested(wave(steps * ROWS, 0.12), steps, ROWS)
    ends = [[0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]]
    behind, mve = value, []
    for t in reversed(range(steps)):
        behind = [
            r + (0.0 if d else GAMMA * v) for r, d, v in zip(path[t], ends[t], behind, strict=True)
        ]
        mve.insert(0, behind)
    ended = [0.0, 0.0, 1.0, 0.0, 0.0]
    imagined = nested(wave(steps * members * ROWS, 0.22), steps, members, ROWS)
    imagined_end = [
        [[(t + m + b) % 4 == 0 for b in range(ROWS)] for m in range(members)] for t in range(steps)
    ]
    flat = wave((steps + 1) * critics * members * ROWS, 0.32, 8.0)
    values = nested(flat, steps + 1, critics, members, ROWS)

    def candidate(h: int, k: int, m: int, b: int) -> float:
        total, alive = reward[b], ended[b] == 0
        for i in range(h):
            total += GAMMA ** (i + 1) * imagined[i][m][b] * alive
            alive = alive and not imagined_end[i][m][b]
        return total + GAMMA ** (h + 1) * values[h][k][m][b] * alive

    targets = [
        [[[candidate(h, k, m, b) for b in range(ROWS)] for m in range(members)] for k in range(2)]
        for h in range(steps + 1)
    ]
    weighted = [steve([[[row[b] for row in c] for c in t] for t in targets]) for b in range(ROWS)]
    return {
        "mve_targets": {
            "in": {"reward": path, "terminated": ends, "value": value, "gamma": GAMMA},
            "out": mve,
        },
        "expanded_targets": {
            "in": {
                "reward": reward,
                "terminated": ended,
                "imagined_reward": imagined,
                "imagined_end": imagined_end,
                "value": values,
                "gamma": GAMMA,
            },
            "out": targets,
        },
        "steve_target": {"in": {"targets": targets}, "out": weighted},
    }


def steve(targets: list[list[list[float]]]) -> float:
    """Of one transition: targets [h][critic][model], weighed by 1 / their variance."""
    weights, middles = [], []
    for of_horizon in targets:
        every = [x for critic in of_horizon for x in critic]
        centre = mean(every)
        weights.append(1 / (mean([(x - centre) ** 2 for x in every]) + 1e-8))
        middles.append(mean([min(pair) for pair in zip(*of_horizon, strict=True)]))
    return math.fsum(w * m for w, m in zip(weights, middles, strict=True)) / math.fsum(weights)


def all_cases() -> dict[str, Case]:
    return {**soft_actor_critic(), **models(), **embedding(), **expansion()}


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(all_cases(), indent=1) + "\n")
