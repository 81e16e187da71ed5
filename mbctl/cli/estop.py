"""mbctl estop, mbctl robot estop: torque off now, of one robot or of all that are here.

Imports next to nothing, and is asked before anything else is imported: see mbctl/__main__.py.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mbctl.cli import printer
from services.estop.result import StopResult, worst

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_REASON = "operator"
TARGET_VARIABLE = "MBCTL_TARGET"
_NOBODY = (
    "no controller of this user runs on this machine; for one elsewhere: "
    "mbctl robot estop --target HOST:PORT"
)


class StopCommand(NamedTuple):
    """What was typed.

    Attributes:
        target: address of one controller; empty for all of this user on this machine.
        is_local: `mbctl estop`, which calls nobody.
    """

    target: str = ""
    reason: str = DEFAULT_REASON
    tls: Path | None = None
    as_json: bool = False
    is_local: bool = False


def parse(arguments: Sequence[str]) -> StopCommand | None:
    """`estop ...` or `robot estop ...` as typed; None for what the whole command line must read,
    such as --help or a misspelt option."""
    words = list(arguments)
    is_local = words[:1] == ["estop"]
    if not is_local and words[:2] != ["robot", "estop"]:
        return None
    told = "" if is_local else os.environ.get(TARGET_VARIABLE, "")
    found: dict[str, Any] = {"is_local": is_local, "target": told}
    words = words[1 if is_local else 2 :]
    while words:
        name, has_value, value = words.pop(0).partition("=")
        if name == "--json" and not has_value:
            found["as_json"] = True
            continue
        if name not in (("--reason",) if is_local else ("--reason", "--target", "--tls")):
            return None
        if not has_value:
            if not words:
                return None
            value = words.pop(0)
        found[name[2:]] = Path(value) if name == "--tls" else value
    return StopCommand(**found)


def stop_at_once(arguments: Sequence[str]) -> int | None:
    """Stop if that is what was typed; the exit code, None where the whole command line must see."""
    command = parse(arguments)
    if command is None:
        return None
    try:
        return stop(command)
    except KeyboardInterrupt:
        return 130
    except ValueError:  # a target or a directory that cannot be: nothing has been asked yet
        return None


def stop(command: StopCommand) -> int:
    """Stop, then say what was reached; returns the exit code.

    Raises:
        ConfigError: target or files cannot be.
    """
    results: list[StopResult] = []
    for result in _results(command):
        results.append(result)
        if not command.as_json:
            _say(result)
    if command.as_json:
        _say_json(results, as_list=len(results) > 1)
    return worst(results)


def _results(command: StopCommand) -> Iterator[StopResult]:
    from services.local_daemons import CONTROLLER, local_daemons

    here = local_daemons(CONTROLLER)
    meant = [daemon for daemon in here if command.target in ("", daemon.address)]
    if meant:  # by signal even where a target was named: it is sooner, and needs less to be well
        from services.estop.by_signal import stop_by_signal

        yield from stop_by_signal(meant, command.reason)
        return
    if command.is_local:
        yield StopResult("", "", code="NOT_FOUND", reason="NO_CONTROLLER", message=_NOBODY)
        return
    target = command.target or DEFAULT_TARGET
    if not _is_plausible(target):
        from mbctl.cli.connect import check_target

        check_target(target)
    from mbctl.cli.tls_directory import tls_directory
    from services.estop.by_call import stop_by_call

    yield stop_by_call(target, tls_directory(command.tls), command.reason)


def _is_plausible(target: str) -> bool:
    """Whether it needs no closer look, which would take long."""
    host, _, port = target.rpartition(":")
    return bool(host) and (host == "unix" or (port.isascii() and port.isdigit()))


def _say(result: StopResult) -> None:
    if result.reason:
        printer.failure(result.code, result.reason, result.message, False, **_whose(result))
    else:
        took = f"torque off in {result.latency_ms:.1f} ms"
        whose = printer.whose(_whose(result))
        printer.result(None, f"{whose}: {result.lifecycle}: {took}", False)


def _say_json(results: list[StopResult], *, as_list: bool) -> None:
    plain = [_plain(result) for result in results]
    if as_list:
        printer.result(plain, "", True)
        return
    (result,) = results
    if result.lifecycle:
        printer.result(plain[0], "", True)
    if result.reason:
        printer.failure(result.code, result.reason, result.message, True, **_whose(result))


def _plain(result: StopResult) -> dict[str, Any]:
    plain: dict[str, Any] = {
        **_whose(result),
        "lifecycle": result.lifecycle,
        "latency_ms": result.latency_ms,
        "torque_off_failed": list(result.torque_off_failed),
    }
    if result.reason:
        plain["error"] = {
            "code": result.code,
            "reason": result.reason,
            "message": result.message,
        }
    return plain


def _whose(result: StopResult) -> dict[str, str]:
    return {"robot": result.robot, "target": result.target}
