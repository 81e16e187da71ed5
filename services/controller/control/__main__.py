"""`python -m services.controller.control --fd N`, settings as one JSON line on stdin."""

import sys

from services.controller.control.process import main

sys.exit(main())
