"""mbctl episode: run, list, watch."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbctl.cli import connect, printer
from mbctl.cli.failures import reported
from mbctl.cli.options import (
    CONTROLLER_TARGET,
    ControllerTarget,
    Json,
    LeaseToken,
    Take,
    Tls,
    Yes,
)

if TYPE_CHECKING:
    from services.client import ControllerClient, HeldLease
    from services.client.controller import Purpose

app = typer.Typer(help="Run, list and watch episodes.")

Count = Annotated[int, typer.Option("--count", min=1, max=100_000, help="How many.")]
Evaluate = Annotated[
    bool, typer.Option("--evaluate", help="Rows are stored and train nothing; mean policy.")
]
Explore = Annotated[
    bool | None, typer.Option("--explore/--mean", help="Sample actions, or act on their mean.")
]
FirstIndex = Annotated[
    int | None,
    typer.Option(
        "--first-index",
        min=0,
        help="Place in the seeded sequence, none run before; default: go on.",
    ),
]
STOPPING = (
    "stopping: the episode is cut short and the robot comes to rest; "
    "Ctrl-C again: end without waiting for it"
)
HEADINGS = ("episode", "purpose", "policy", "steps", "return", "success", "end", "clipped")


@app.command()
def run(
    target: ControllerTarget = CONTROLLER_TARGET,
    count: Count = 1,
    evaluate: Evaluate = False,
    explore: Explore = None,
    first_index: FirstIndex = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show each as it ends.")] = False,
    lease_token: LeaseToken = "",
    take: Take = False,
    yes: Yes = False,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Run episodes on the robot; activates it first and brings it to rest after the last."""
    from services.client import as_plain

    purpose: Purpose = "evaluate" if evaluate else "train"
    with reported(as_json), connect.controller(target, tls) as client:
        connect.confirm_motion(client, f"runs {_batch(count, evaluate)}", yes)
        with (
            connect.commanding(client, "episode run", lease_token, take) as lease,
            _active(client, lease),
        ):
            sample = not evaluate if explore is None else explore
            operation = client.run_episodes(lease, count, purpose, sample, first_index)
            response = _wait(operation, lease, watch)
        connect.answer(client, as_plain(response), _table(response.episodes), as_json)


def _batch(count: int, evaluate: bool) -> str:
    kind = "evaluation" if evaluate else "training"
    return f"{count} {kind} episode{'' if count == 1 else 's'}"


@app.command("list")
def list_episodes(
    target: ControllerTarget = CONTROLLER_TARGET,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """List the newest finished episodes, the latest last."""
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        found = client.episodes(limit)[::-1]
    connect.answer(client, [as_plain(episode) for episode in found], _table(found), as_json)


@app.command()
def watch(
    target: ControllerTarget = CONTROLLER_TARGET,
    after_event: Annotated[int, typer.Option(min=0, help="Resume after this event.")] = 0,
    tls: Tls = None,
    as_json: Json = False,
) -> None:
    """Follow episodes as they start and finish, until Ctrl-C."""
    from services.client import as_plain

    with reported(as_json), connect.controller(target, tls) as client:
        client.status()  # tells whose they are
        for event in client.watch_episodes(after_event):
            connect.answer(client, as_plain(event), _event_line(event), as_json)


@contextlib.contextmanager
def _active(client: "ControllerClient", lease: "HeldLease") -> Iterator[None]:
    if _lifecycle(client) == "ACTIVE":
        yield
        return
    client.activate(lease)
    yield
    client.deactivate(lease)  # where the block raises, the lease's end brings the robot to rest


def _wait(operation: Any, lease: "HeldLease", watch: bool) -> Any:
    # An exception from a signal handler can vanish in a callback of the RPC library, and the robot
    # would go on; a flag cannot.
    from services.up.stop import StopNow, StopSignals

    shown: set[str] = set()
    is_cancelled = False
    try:
        with StopSignals(lambda: printer.note(STOPPING)) as signals:
            for metadata in operation.updates():
                lease.check()
                _note_finished(metadata, shown if watch else None)
                if signals.requested and not is_cancelled:
                    operation.cancel()
                    is_cancelled = True
    except StopNow:
        raise KeyboardInterrupt from None
    return operation.result()


def _note_finished(metadata: Any, shown: set[str] | None) -> None:
    if shown is None:
        return
    for episode in metadata.episodes:
        if episode.episode_id not in shown:
            shown.add(episode.episode_id)
            printer.note(f"{len(shown)}/{metadata.requested} {_episode_line(episode)}")


def _lifecycle(client: "ControllerClient") -> str:
    from services.client.plain import enum_word

    return enum_word(client.status(), "lifecycle")


def _row(episode: Any) -> tuple[object, ...]:
    from services.client.plain import enum_word

    return (
        episode.episode_id,
        enum_word(episode, "purpose"),
        episode.policy_version,
        episode.steps,
        episode.episode_return,
        episode.success,
        episode.end_reason,
        episode.clipped_steps,
    )


def _table(episodes: Any) -> str:
    if not episodes:
        return "no episodes"
    successes = sum(episode.success for episode in episodes)
    total = f"{len(episodes)} episodes, success {printer.percent(successes / len(episodes))}"
    return f"{printer.table(HEADINGS, [_row(e) for e in episodes])}\n{total}"


def _episode_line(episode: Any) -> str:
    success = "success" if episode.success else "no success"
    return (
        f"{episode.episode_id} {success}, return {episode.episode_return:.1f}, "
        f"{episode.steps} steps, policy {episode.policy_version}, {episode.end_reason}"
    )


def _event_line(event: Any) -> str:
    skipped = f"({event.skipped} events skipped) " if event.skipped else ""
    kind = event.WhichOneof("kind")
    if kind == "finished":
        return f"{event.event} {skipped}finished {_episode_line(event.finished)}"
    return f"{event.event} {skipped}started {event.started.episode_id}"
