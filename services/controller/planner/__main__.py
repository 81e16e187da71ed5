"""`python -m services.controller.planner`: started by the service process, never by hand."""

import sys

from services.controller.planner.process import main

sys.exit(main())
