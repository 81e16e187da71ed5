"""What lies where in a controller's run directory."""

from typing import Final

LOCK_FILE: Final = "controller.lock"
ADDRESS_FILE: Final = "controller.address"
SPOOL_FILE: Final = "spool.db"
RESERVE_FILE: Final = "spool.reserve"
POLICIES_DIR: Final = "policies"
CHOICE_FILE: Final = "policy.json"
