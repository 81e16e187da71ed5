"""Shared memory between the service process and the control process: no locks, no pickle."""
