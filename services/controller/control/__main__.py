"""`python -m services.controller.control --fd N`, settings as one JSON line on stdin."""

import contextlib
import sys
from pathlib import Path

from services.controller.control.process import main

with contextlib.suppress(OSError):  # what ps, fuser and "port in use" call it
    Path("/proc/self/comm").write_text("mbctl control")
sys.exit(main())
