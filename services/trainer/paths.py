"""What lies where in a trainer's run directory."""

from typing import Final

DATABASE_FILE: Final = "trainer.db"
VERSIONS_DIR: Final = "versions"
LOCK_FILE: Final = "trainer.lock"
LEARNER_LOCK_FILE: Final = "learner.lock"
ADDRESS_FILE: Final = "trainer.address"
