"""Options that many verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]
ControllerTarget = Annotated[
    str, typer.Option("--target", envvar="MBCTL_TARGET", help="Controller, host:port or unix:PATH.")
]
TrainerTarget = Annotated[
    str,
    typer.Option("--target", envvar="MBCTL_MODEL_TARGET", help="Trainer, host:port or unix:PATH."),
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
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a real robot moves.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key: a.b=value; repeatable.")
]
CheckConfig = Annotated[
    bool, typer.Option("--check-config", help="Check everything that can be checked, and exit.")
]

CONTROLLER_TARGET = "127.0.0.1:50051"
TRAINER_TARGET = "127.0.0.1:50052"
