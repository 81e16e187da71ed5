"""`mbctl bench micro`: the pieces of learning and of acting, one at a time, in one process."""

from dataclasses import dataclass, field

from mbctl.algorithms.game.settings import PalSettings
from mbctl.algorithms.model_data import transition_data
from mbctl.tasks.registry import make_task
from services.bench.act import ActSizes, measure_act
from services.bench.host import measure_host
from services.bench.model_step import ModelSizes, measure_model_step
from services.bench.npg import NpgSizes, measure_npg
from services.bench.planning import PlanningSizes, measure_planning
from services.bench.probabilistic_step import ProbabilisticSizes, measure_probabilistic_step
from services.bench.report import Report, Say
from services.bench.rollout import RolloutSizes, measure_rollout
from services.bench.rows import fill_replay, simulated_rows
from services.bench.sac import SacSizes, measure_sac
from services.bench.start_up import StartUpSizes, measure_start_up
from services.bench.yardstick import measure_yardstick

TASK = "dclaw-turn-random"
NOTES = (
    "One torch thread. Times are processor time, medians over rounds in which figure and baseline "
    "take turns; start-up, policy calls and what two threads take are as their names say.",
    "Every member scores every sequence of a plan, but where it says otherwise; its FLOPs are "
    "those of the models alone.",
    "FLOPs of a model step are 3 x 2 x weights x rows, which counts the gradient of the first "
    "layer's input although nobody computes it.",
)


@dataclass(frozen=True)
class MicroSizes:
    """How much of everything."""

    npg: NpgSizes = field(default_factory=NpgSizes)
    model: ModelSizes = field(default_factory=ModelSizes)
    rollout: RolloutSizes = field(default_factory=RolloutSizes)
    sac: SacSizes = field(default_factory=SacSizes)
    probabilistic: ProbabilisticSizes = field(default_factory=ProbabilisticSizes)
    planning: PlanningSizes = field(default_factory=PlanningSizes)
    act: ActSizes = field(default_factory=ActSizes)
    start_up: StartUpSizes = field(default_factory=StartUpSizes)
    replay_rows: int = 2500
    episodes: int = 10


QUICK = MicroSizes(
    NpgSizes(rounds=1),
    ModelSizes(steps=10, rounds=2),
    RolloutSizes(rounds=2),
    SacSizes(updates=5, rounds=2),
    ProbabilisticSizes(steps=5, rounds=2),
    PlanningSizes(population=50, iterations=2, rounds=1),
    ActSizes(calls=500, rounds=2),
    StartUpSizes(rounds=1),
    replay_rows=800,
    episodes=4,
)


def run_micro(sizes: MicroSizes, say: Say, quick: bool = False) -> Report:
    """Measure everything; tells `say` what comes next."""
    before = measure_host()
    task = make_task(TASK)
    say("yardstick")
    yardstick = measure_yardstick()
    say("natural policy gradient step")
    npg, details = measure_npg(sizes.npg)
    say("model step")
    rows = simulated_rows(task, sizes.replay_rows, sizes.episodes)
    replay = fill_replay(task, rows)
    data = transition_data(task, replay, PalSettings.model_validate({}))
    model, losses = measure_model_step(task, data, sizes.model)
    say("imagined rollout step")
    rollout = measure_rollout(task, replay, sizes.rollout)
    say("soft actor-critic update")
    sac, differences = measure_sac(task, replay, sizes.sac)
    say("probabilistic model step")
    nll, nll_losses = measure_probabilistic_step(task, data, sizes.probabilistic)
    say("planning")
    planning, values = measure_planning(task, data, sizes.planning)
    say("policy at batch 1")
    act, percentiles = measure_act(task, sizes.act)
    say("start-up")
    start_up = measure_start_up(sizes.start_up)
    return Report(
        "micro",
        quick,
        [*npg, *model, *nll, *rollout, *planning, *sac, *act, *start_up],
        yardstick,
        before,
        measure_host(),
        NOTES,
        {**details, **losses, **nll_losses, **values, **differences, **percentiles},
    )
