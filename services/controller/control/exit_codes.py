"""What the exit code of the control process says to the service process."""

CLEAN = 0  # asked to stop, and stopped the robot
CRASHED = 1  # an error nobody foresaw; torque was taken off
START_FAILED = 3  # bad settings, no robot; nothing moved
SERVICE_LOST = 6  # the service process went away; the robot was stopped
ROBOT_LOST = 7  # the robot cannot be reached any more; its servos stop by themselves
