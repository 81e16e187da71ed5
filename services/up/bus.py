"""The virtual servo bus beside a run: simulated servos on a port of its own."""

from types import TracebackType
from typing import Self

from mbctl.config import ControllerConfig
from services.up.process import DaemonDiedError
from sim.servo_bus.client import RunningBus, VirtualBusError, start_virtual_bus

VIRTUAL = "virtual-bus"


class BusProcess:
    """The bus behind a controller's port, for the length of a block.

    Raises:
        DaemonDiedError: on entering, it did not start.
    """

    name = "virtual bus"

    def __init__(self, config: ControllerConfig) -> None:
        self._config = config
        self._bus: RunningBus | None = None

    @property
    def pid(self) -> int:
        return self._bus.pid if self._bus else 0

    def __enter__(self) -> Self:
        robot = self._config.robot
        try:
            self._bus = start_virtual_bus(
                robot.model,
                port_link=robot.port,
                baud=robot.baud_rate,
                actuator=robot.actuator,
                seed=self._config.seed,
                tracker_udp=robot.tracker.listen if robot.tracker else "",
                record=None,
            )
        except VirtualBusError as error:
            raise DaemonDiedError(f"the {self.name} did not start: {error}", None) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bus is not None:
            self._bus.close()

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            DaemonDiedError: it has.
        """
        if self._bus is not None and not self._bus.is_running:
            raise DaemonDiedError(f"the {self.name} (process {self.pid}) has ended", None)
