"""Options that many verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
ControllerTarget = Annotated[
    str,
    typer.Option(
        "--target",
        envvar="MBCTL_TARGET",
        help="Controller, host:port or unix:PATH; without one, the one that runs on this machine, "
        "or else 127.0.0.1:50051.",
    ),
]
TrainerTarget = Annotated[
    str,
    typer.Option(
        "--target",
        envvar="MBCTL_MODEL_TARGET",
        help="Trainer, host:port or unix:PATH; without one, the one that runs on this machine, "
        "or else 127.0.0.1:50052.",
    ),
]
Tls = Annotated[
    Path | None,
    typer.Option(
        "--tls", help="Directory with certificate.pem, key.pem and ca.pem for a TLS daemon."
    ),
]
LeaseToken = Annotated[
    str, typer.Option("--lease", help="Token of a lease that is already held, from activate.")
]
Take = Annotated[bool, typer.Option("--take", help="Take the lease from its present owner.")]
StopReason = Annotated[str, typer.Option("--reason", help="Kept with the fault.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a real robot moves.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key: a.b=value; repeatable.")
]
CheckConfig = Annotated[
    bool, typer.Option("--check-config", help="Check everything that can be checked, and exit.")
]

CONTROLLER_TARGET = ""  # which one that is, connect.py finds out
TRAINER_TARGET = ""
