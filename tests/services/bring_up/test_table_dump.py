"""All registers of one servo."""

import json

import pytest

from hal.dynamixel.errors import BusTimeoutError
from services.bring_up.table_dump import dump_table
from sim.servo_bus.client import RunningBus


def test_it_is_found_at_whatever_rate_it_has(running: RunningBus):
    dump = dump_table(running.port, (57_600, 1_000_000), 31)
    assert (dump.baud_rate, dump.model_name) == (1_000_000, "XM430-W350")
    registers = json.loads(json.dumps(dump.plain()))["registers"]
    assert (registers["id"], registers["model_number"]) == (31, 1020)
    assert [r.address for r, _ in dump.rows] == sorted(r.address for r, _ in dump.rows)


def test_nobody_there_names_the_rates_tried(running: RunningBus):
    with pytest.raises(BusTimeoutError, match="servo 99 at 57600, 1000000 baud"):
        dump_table(running.port, (57_600, 1_000_000), 99)
