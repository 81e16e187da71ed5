"""`mbctl bench loop`: how late a 100 Hz loop wakes up while the trainer learns beside it."""

from dataclasses import dataclass, replace

from services.bench.host import measure_host
from services.bench.loop_process import run_in_process
from services.bench.loop_run import LoopRun
from services.bench.loop_thread import run_in_thread
from services.bench.report import Figure, Goal, Report, Say
from services.bench.yardstick import measure_yardstick

FIVE_TIMES = Goal("at least", 5.0)
NOTES = (
    "100 Hz on the wall clock, simulated D'Claw running episodes, PAL refitting and improving "
    "without pause at nice 10 with one torch thread.",
    "Baseline: the same loop as a thread of the process that learns, the learning thread at nice "
    "10, the loop's at nice 0. Both without any real-time measure, then both with all.",
    "Lateness is of the measurement after its deadline, in consecutive steps of episodes.",
)
_COLUMNS = (
    ("p50", "lateness_p50_us"),
    ("p99", "lateness_p99_us"),
    ("p99.9", "lateness_p999_us"),
    ("max", "lateness_max_us"),
)


@dataclass(frozen=True)
class LoopSizes:
    """Attributes: `seconds` of each run; `realtime`: with all real-time measures, or with none."""

    seconds: float = 20.0
    realtime: tuple[bool, ...] = (False, True)

    def lasting(self, seconds: float) -> "LoopSizes":
        return replace(self, seconds=seconds)


QUICK = LoopSizes(seconds=3.0)


def run_loop(sizes: LoopSizes, say: Say, quick: bool = False) -> Report:
    """Measure; tells `say` what comes next."""
    before = measure_host()
    say("yardstick")
    yardstick = measure_yardstick()
    figures: list[Figure] = []
    details: dict[str, object] = {"seconds per run": sizes.seconds}
    for realtime in sizes.realtime:
        words = "with real-time measures" if realtime else "without real-time rights"
        say(f"loop in its own process, {words}")
        process = run_in_process(realtime, sizes.seconds)
        say(f"loop as a thread of the learner, {words}")
        thread = run_in_thread(realtime, sizes.seconds)
        figures += compare(process, thread, words, FIVE_TIMES if not realtime else None)
        details |= {
            f"process {words}": process.model_dump(),
            f"thread {words}": thread.model_dump(),
        }
    return Report("loop", quick, figures, yardstick, before, measure_host(), NOTES, details)


def compare(process: LoopRun, thread: LoopRun, words: str, goal: Goal | None) -> list[Figure]:
    """Lateness and overruns of one way to run, against the other's; the goal is for the p99."""
    figures = [
        Figure(
            f"lateness {name}, own process, {words}",
            getattr(process, field),
            "us",
            "thread in the learner",
            getattr(thread, field),
            goal=goal if name == "p99" else None,
        )
        for name, field in _COLUMNS
    ]
    overruns = f"overruns, own process, {words}"
    return [
        *figures,
        Figure(overruns, process.overruns, "", "thread in the learner", thread.overruns),
    ]
