"""mbctl virtual-bus: servos behind a pseudo-terminal, for whoever has no robot at hand."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hal.child import module_command
from mbctl import exit_codes
from mbctl.cli import printer

Robot = Annotated[str, typer.Option("--robot", help="Robot model.")]
PortLink = Annotated[
    Path | None, typer.Option("--port-link", help="Symbolic link that leads to the port.")
]
Baud = Annotated[int, typer.Option("--baud", help="Line rate that the servos are set to, bit/s.")]
Latency = Annotated[float, typer.Option("--latency-ms", help="Latency timer of the USB adapter.")]
ReturnDelay = Annotated[
    float, typer.Option("--return-delay-us", help="Return delay of each servo; factory: 500.")
]
Turnaround = Annotated[
    float, typer.Option("--turnaround-us", help="What a servo needs before its return delay.")
]
Paced = Annotated[
    bool, typer.Option("--paced/--no-paced", help="Bytes take the time of a real line.")
]
Firmware = Annotated[int, typer.Option("--firmware", help="Firmware version of the servos.")]
Model = Annotated[
    int,
    typer.Option("--model", help="1020, 1030 (XM430), 1060 (XL430); 0: as the robot is built."),
]
Feed = Annotated[
    str, typer.Option("--feed", help="Packets that feed a bus watchdog: any, or its own.")
]
Chain = Annotated[
    str, typer.Option("--chain", help="After a mute servo in a sync read: continue or stop.")
]
Actuator = Annotated[
    str,
    typer.Option(
        "--actuator",
        help="servo: as stiff as P gain and motor make it; robel: MuJoCo's soft actuator.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Of everything random in faults.")]
Faults = Annotated[Path | None, typer.Option("--faults", help="JSON list of faults to begin with.")]
Record = Annotated[
    Path | None, typer.Option("--record", help="Write every byte with its time to this file.")
]
Control = Annotated[
    Path | None, typer.Option("--control", help="Unix socket for faults and the truth.")
]
TrackerUdp = Annotated[
    str, typer.Option("--tracker-udp", help="host:port that gets the bodies' poses.")
]
Initial = Annotated[
    str, typer.Option("--initial", help="Pose at the start, such as a dkitty's stand or lie.")
]


def virtual_bus(
    robot: Robot = "dclaw",
    port_link: PortLink = None,
    baud: Baud = 1_000_000,
    latency_ms: Latency = 1.0,
    return_delay_us: ReturnDelay = 0.0,
    turnaround_us: Turnaround = 0.0,
    paced: Paced = True,
    firmware: Firmware = 45,
    model: Model = 0,
    feed: Feed = "any",
    chain: Chain = "continue",
    actuator: Actuator = "servo",
    seed: Seed = 0,
    faults: Faults = None,
    record: Record = None,
    control: Control = None,
    tracker_udp: TrackerUdp = "",
    initial: Initial = "",
) -> None:
    """Emulate a robot's servos on a pseudo-terminal until SIGTERM; the first line is JSON."""
    _become(
        robot=robot,
        port_link=str(port_link or ""),
        baud=baud,
        latency_ms=latency_ms,
        return_delay_us=return_delay_us,
        turnaround_us=turnaround_us,
        paced=paced,
        firmware=firmware,
        model=model,
        feed=feed,
        chain=chain,
        actuator=actuator,
        seed=seed,
        faults=str(faults or ""),
        record=str(record or ""),
        control=str(control or ""),
        tracker_udp=tracker_udp,
        initial=initial,
    )


def _become(**options: object) -> None:
    """Go on as the process of the bus, so that signals and exit code are its own."""
    from sim.servo_bus.settings import VirtualBusSettings, VirtualBusSettingsError

    try:
        settings = VirtualBusSettings(**options)  # pyright: ignore[reportArgumentType]  # it checks them
    except VirtualBusSettingsError as error:
        printer.failure("CONFIG", error.reason, str(error), False)
        raise typer.Exit(exit_codes.USAGE) from None
    command = module_command("sim.servo_bus", *settings.command_line())
    os.execv(command[0], command)
