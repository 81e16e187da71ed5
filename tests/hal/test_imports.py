"""The control process imports all of hal: nothing heavy may come with it."""

import subprocess
import sys

SCRIPT = """
import pkgutil, sys, hal, importlib
for module in pkgutil.walk_packages(hal.__path__, "hal."):
    importlib.import_module(module.name)
import numpy as np
from hal.robots.dclaw import DCLAW
from hal.safety import SafetyGate
SafetyGate(DCLAW, 0.1)
print([m for m in ("torch", "grpc", "mujoco", "mbctl", "services", "sim") if m in sys.modules])
"""


def test_hal_brings_no_torch_grpc_or_sibling():
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
