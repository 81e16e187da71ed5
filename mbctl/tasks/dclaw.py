"""What D'Claw's tasks share: its physical part, kinematics, observation and symmetry.

Physical part [20]: claw positions 9 (rad), claw velocities 9 (rad/s), valve angle (rad, unwrapped),
valve velocity (rad/s).

Observed, before what a task adds:
    default: claw positions 9, claw velocities 9, valve cos, sin and velocity, last action 9,
        fingertips as seen from the valve's handles 12.
    paper: the same without last action and fingertips (PAL/MAL paper, appendix B.1).
    robel: ROBEL's own columns: claw positions 9, valve cos and sin, last action 9; no velocities.

What moves the valve is a fingertip beside a handle. Told that in coordinates, a dynamics model
needs less data than from joint angles alone. Geometry of ROBEL's model: three fingers of links
67.5, 68 and 76 mm on a ring above the valve.

The symmetry is six-fold: three rotations that hand each finger's part to the next, times a mirror
image that negates the top joints, swaps the first two fingers and turns the valve the other way.
Both hold for the shipped model to a few mrad a step; the base angles of the fingers differ by about
a degree.
"""

from functools import lru_cache
from typing import Any

from hal.arrays import array_namespace
from hal.robots.dclaw import DCLAW
from mbctl.tasks.geometry import limb_tips
from mbctl.tasks.reflection import Block, Reflection, image, joined, kept
from mbctl.tasks.task import Array, BaseTask, last_action_names, measured_names

CLAW, CLAW_VELOCITIES = slice(0, 9), slice(9, 18)  # columns of the physical part
VALVE, VALVE_VELOCITY = 18, 19
HANDLES = 3

_BASE = (
    (0.03, 0.03, -0.06),  # x, m
    (-0.052, 0.052, 0.0),  # y, m
    (0.86782, -0.85689, 0.00080),  # cos of 0.52, 2.6 and -1.57 rad
    (0.49688, 0.51550, -1.00000),  # sin
)
_BASE_HEIGHT_M = 0.335 - 0.003 - 0.01425
_LINKS_M = (0.0675, 0.068, 0.076)

PHYSICAL_NAMES = measured_names(DCLAW)
_TIPS = tuple(
    f"{finger}_tip_{what}"
    for what in ("distance_dm", "height_dm", "handle_cos", "handle_sin")
    for finger in ("first", "second", "third")
)
_VALVE = ("valve_cos", "valve_sin", "valve_velocity_rad_s")
_SHARED_NAMES = {
    "default": (*PHYSICAL_NAMES[:VALVE], *_VALVE, *last_action_names(DCLAW), *_TIPS),
    "paper": (*PHYSICAL_NAMES[:VALVE], *_VALVE),
    "robel": (*PHYSICAL_NAMES[CLAW], *_VALVE[:2], *last_action_names(DCLAW)),
}
_LAST_ACTION_FROM = {"default": 21, "robel": 11}

_SWAPPED: Block = ((3, 4, 5, 0, 1, 2, 6, 7, 8), (-1.0, 1.0, 1.0) * 3)
_TIPS_SWAPPED = tuple(((1, 0, 2), (sign,) * 3) for sign in (1.0, 1.0, 1.0, -1.0))
_PAPER_MIRRORED = (_SWAPPED, _SWAPPED, kept(1.0, -1.0, -1.0))
_SHARED_MIRRORED = {
    "default": joined(*_PAPER_MIRRORED, _SWAPPED, *_TIPS_SWAPPED),
    "paper": joined(*_PAPER_MIRRORED),
}


class DClawTask(BaseTask):
    """A task of D'Claw over its valve.

    ROBEL's own observation lacks velocities: recovered ones read as zero, so an imagined reward
    lacks what they cost.
    """

    observations = ("default", "paper", "robel")
    robot = DCLAW
    physical_names = PHYSICAL_NAMES
    symmetries = 6
    angles = slice(VALVE, VALVE + 1)

    @property
    def shared_names(self) -> tuple[str, ...]:
        return _SHARED_NAMES[self.observation_kind]

    def mirror(self, own: Block) -> Reflection | None:
        """The mirror image chosen by the sign of the last column; None for ROBEL's columns.

        Args:
            own: how the task's own columns mirror.
        """
        shared = _SHARED_MIRRORED.get(self.observation_kind)
        return None if shared is None else Reflection.by_last_column(joined(shared, own), _SWAPPED)

    def observation(self, physical: Array, last_action: Array, goal: Array) -> Array:
        # The own columns first: derivatives are summed in the order in which columns were made, so
        # that another order gives runs that differ from earlier ones in their last bits.
        own = self.own_columns(physical, goal)
        shared = self.shared_columns(physical, last_action)
        return array_namespace(physical).concat([shared, own], axis=-1)

    def shared_columns(self, physical: Array, last_action: Array) -> Array:
        xp = array_namespace(physical)
        valve = physical[..., VALVE : VALVE + 1]
        seen = [xp.cos(valve), xp.sin(valve)]
        if self.observation_kind == "robel":
            return xp.concat([physical[..., CLAW], *seen, last_action], axis=-1)
        parts = [physical[..., :VALVE], *seen, physical[..., VALVE_VELOCITY:]]
        if self.observation_kind == "default":
            parts += [last_action, handle_features(valve, physical[..., CLAW])]
        return xp.concat(parts, axis=-1)

    def physical(self, observation: Array) -> Array:
        """The valve's angle within (-pi, pi]."""
        xp = array_namespace(observation)
        if self.observation_kind == "robel":
            claw, cos, sin = observation[..., :9], observation[..., 9:10], observation[..., 10:11]
            still = xp.zeros_like(claw)
            return xp.concat([claw, still, xp.atan2(sin, cos), xp.zeros_like(cos)], axis=-1)
        valve = xp.atan2(observation[..., 19:20], observation[..., 18:19])
        return xp.concat([observation[..., :18], valve, observation[..., 20:21]], axis=-1)

    def last_action(self, observation: Array) -> Array:
        """Zeros where the observation does not tell."""
        begin = _LAST_ACTION_FROM.get(self.observation_kind)
        if begin is None:
            return array_namespace(observation).zeros_like(observation[..., CLAW])
        return observation[..., begin : begin + 9]

    def dynamics_inputs(self, physical: Array, action: Array, kinematic: bool) -> Array:
        """The valve has three like handles, so its angle enters as cos 3 theta, sin 3 theta."""
        xp = array_namespace(physical)
        valve = physical[..., VALVE : VALVE + 1]
        parts = [physical[..., :VALVE], physical[..., VALVE_VELOCITY:], action]
        if kinematic:
            commanded = self.commanded(physical, action)
            parts.append(handle_features(valve, physical[..., CLAW], commanded))
        else:
            parts += [xp.cos(HANDLES * valve), xp.sin(HANDLES * valve)]
        return xp.concat(parts, axis=-1)

    def terminated(self, physical: Array) -> Array:
        """Never, except for what is not a number."""
        return physical[..., 0] != physical[..., 0]

    def transform(self, physical: Array, action: Array, symmetry: int) -> tuple[Array, Array]:
        """Images under symmetry 0 (identity) to 5.

        A rotation moves the valve by 120 degrees, which its three handles make invisible: the angle
        is left as it is.
        """
        turn = symmetry % 3
        order = tuple((joint + 3 * turn) % 9 for joint in range(9))
        fingers, valve = (order, (1.0,) * 9), kept(1.0, 1.0)
        if symmetry >= 3:
            swapped, sign = _SWAPPED
            fingers, valve = (tuple(swapped[joint] for joint in order), sign), kept(-1.0, -1.0)
        return image(physical, joined(fingers, fingers, valve)), image(action, fingers)


def fingertips(position: Array) -> tuple[Array, Array, Array]:
    """World x, y, z [3, N] m of the fingertips, valve axis at the origin, for [N, 9] rad."""
    out, aside, height = limb_tips(position, _LINKS_M)
    base_x, base_y, cos, sin = _base(array_namespace(position), position.dtype, position.device)
    x = base_x + cos * out - sin * aside
    y = -(base_y + sin * out + cos * aside)
    return x, y, _BASE_HEIGHT_M + height


def handle_features(valve: Array, *poses: Array) -> Array:
    """[..., 12 for each pose]: tip distances from the axis and heights (dm), cos and sin of three
    times the angle between tip and handle; poses are [..., 9] and `valve` [..., 1], rad.
    """
    xp = array_namespace(valve)
    count = len(poses)
    x, y, z = fingertips(xp.stack(poses).reshape(-1, 9))
    from_valve = xp.atan2(y, x).reshape(3, count, -1) - valve.reshape(-1)
    angle = HANDLES * from_valve.reshape(3, -1)
    distance = xp.sqrt(x * x + y * y)
    features = xp.concat([10 * distance, 10 * z, xp.cos(angle), xp.sin(angle)], axis=0)
    by_row = xp.permute_dims(features.reshape(12, count, -1), (2, 1, 0))
    return by_row.reshape(*valve.shape[:-1], 12 * count)


@lru_cache(maxsize=32)
def _base(namespace: Any, dtype: Any, device: Any) -> tuple[Array, ...]:
    """x, y, cos and sin of the fingers' places, each [3, 1], made once per kind of array."""
    return tuple(namespace.asarray([[v] for v in row], dtype=dtype, device=device) for row in _BASE)
