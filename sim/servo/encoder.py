"""Between the angle of the shaft and the counts of Present Position (132).

The absolute encoder knows one turn only. More turns are counted in memory and lost at power-on, at
torque-on in position mode, on a change to position mode and by the instruction Clear. Source:
e-manual, Homing Offset (20), Drive Mode (10), Torque Enable (64), Clear.
"""

from dataclasses import dataclass
from math import floor

from hal.dynamixel.units import POSITION_RAD, TICKS_PER_TURN

_LARGEST_HOMING_IN_POSITION_MODE = 1024


@dataclass(slots=True)
class Encoder:
    """Angle of one shaft as the servo counts it.

    Attributes:
        shaft_rad: true angle, continuous; 0 is where a servo in factory settings reads 0.
        homing_offset: counts added, as in the register.
        is_reversed: bit 0 of Drive Mode: counts go down as the angle goes up.
        is_single_turn: position mode, in which a homing offset of more than a quarter is ignored.
    """

    shaft_rad: float = 0.0
    homing_offset: int = 0
    is_reversed: bool = False
    is_single_turn: bool = True
    _turns: int = 0

    @property
    def raw(self) -> int:
        """Present Position."""
        return self._direction * round(self.shaft_rad / POSITION_RAD) + self._shift

    def to_shaft_rad(self, raw: float) -> float:
        """Angle at which the servo reads `raw`; fractions allowed."""
        return self._direction * (raw - self._shift) * POSITION_RAD

    def forget_turns(self) -> int:
        """Bring the count without the homing offset into one turn; returns by how much it moved."""
        before = self._turns
        actual = self._direction * round(self.shaft_rad / POSITION_RAD)
        self._turns = -floor(actual / TICKS_PER_TURN)
        return (self._turns - before) * TICKS_PER_TURN

    @property
    def effective_homing_offset(self) -> int:
        """The offset that is applied in this mode."""
        too_large = abs(self.homing_offset) > _LARGEST_HOMING_IN_POSITION_MODE
        return 0 if self.is_single_turn and too_large else self.homing_offset

    @property
    def sign(self) -> int:
        """Direction of velocities, currents and duty cycles: -1 in reverse mode."""
        return self._direction

    @property
    def _direction(self) -> int:
        return -1 if self.is_reversed else 1

    @property
    def _shift(self) -> int:
        return self._turns * TICKS_PER_TURN + self.effective_homing_offset
