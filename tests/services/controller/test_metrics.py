"""The controller's figures as Prometheus reads them."""

import prometheus_client

from hal.lifecycle import Lifecycle
from mbctl.data.chunk_store import ChunkStore
from services.controller.report import ControllerCollector
from services.controller.spool import Spool
from services.controller.view import ControlView
from services.ipc.state_board import BoardRecord, LoopOnBoard


def test_figures_come_from_the_board_and_the_spool(tmp_path):
    loop = LoopOnBoard(cycles=7, overruns=2, lateness_p99_us=61.5)
    board = BoardRecord(int(Lifecycle.ACTIVE), 1, 2, 3, 4, 5, None, loop=loop)
    view = ControlView(read_board=lambda: board, alive=True)
    with ChunkStore(tmp_path / "spool.db", quota_bytes=1000) as store:
        registry = prometheus_client.CollectorRegistry()
        registry.register(ControllerCollector(view, Spool(store)))
        page = prometheus_client.generate_latest(registry).decode()
    for line in (
        "mbctl_controller_lifecycle 3.0",
        "mbctl_controller_loop_overruns 2.0",
        "mbctl_controller_loop_lateness_p99_us 61.5",
        "mbctl_controller_policy_version 3.0",
        "mbctl_controller_spool_quota_bytes 1000.0",
        "mbctl_controller_spool_blocked 0.0",
    ):
        assert line in page
