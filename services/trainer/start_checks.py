"""All that a trainer checks when it starts."""

from importlib.util import find_spec

from mbctl.config import TrainerConfig
from mbctl.exit_codes import StartUpError
from services.start_checks import check_address, check_database, check_device, check_directory
from services.trainer import paths


def check_trainer(config: TrainerConfig) -> None:
    """Look at everything that the configuration names.

    Raises:
        StartUpError: the daemon would not start; says why.
    """
    if find_spec("torch") is None:
        raise StartUpError("torch, with which every algorithm learns, is not installed")
    check_directory(config.run_dir)
    check_database(config.run_dir / paths.DATABASE_FILE)
    check_address("listen", config.listen, config.tls)
    if config.metrics_listen:
        check_address("metrics_listen", config.metrics_listen, config.tls)
    check_device("device", config.device)
