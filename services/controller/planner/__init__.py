"""The planner process beside the control process, and the service process's end of it."""
