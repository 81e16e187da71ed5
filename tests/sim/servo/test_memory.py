"""Random reads and writes against a model of the control table, and the indirect addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.dynamixel.control_table import MODEL_NUMBERS, control_table_of
from hal.dynamixel.packet import Instruction
from hal.dynamixel.registers import Register
from hal.dynamixel.status import StatusErrorNumber as Number
from sim.servo.memory import Memory
from sim.servo.sensing import BLOCK_ADDRESS
from sim.servo.servo import Reply
from tests.sim.servo.host import Host, make_host

# Writes to these have effects on others, or end the conversation.
SPECIAL = {"torque_enable", "operating_mode", "drive_mode", "homing_offset", "status_return_level"}


def plain_registers(model: int) -> list[Register]:
    table = control_table_of(model)
    is_map = "indirect_address"
    return [r for r in table.registers if r.name not in SPECIAL and not r.name.startswith(is_map)]


registers = st.sampled_from([(m, r) for m in MODEL_NUMBERS for r in plain_registers(m)])


@given(registers, st.data())
def test_every_write_is_taken_and_read_back_or_refused(
    entry: tuple[int, Register], data: st.DataObject
) -> None:
    model, register = entry
    host = make_host(model)
    low, high = (-(2**31), 2**31 - 1) if register.signed else (0, 2**32 - 1)
    span = 2 ** (8 * register.size)
    low, high = max(low, -span // 2), min(high, span // 2 - 1 if register.signed else span - 1)
    near = st.integers(max(low, register.minimum - 2), min(high, register.maximum + 2))
    value = data.draw(st.one_of(near, st.integers(low, high)))
    before = host.read(register.name)
    error = host.write(register.name, value)
    if not register.is_writable:
        assert error == Number.ACCESS
    elif not register.minimum <= value <= register.maximum:
        assert error == Number.DATA_RANGE
    else:
        assert error in (0, Number.DATA_LIMIT)
    assert host.read(register.name) == (value if error == 0 else before)


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_reads_give_all_that_was_asked_or_an_error(address: int, length: int) -> None:
    reply = make_host().read_bytes(address, length)
    assert reply is not None
    assert len(reply.parameters) == (length if reply.error == 0 else 0)
    assert reply.error in (0, Number.ACCESS, Number.DATA_LENGTH)
    assert (reply.error == 0) or length == 0 or address + length > 662 or address > 68


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_packet_gets_a_status_with_a_valid_error(instruction: int, parameters: bytes) -> None:
    reply = make_host().ask(instruction, parameters)
    if reply is not None:
        assert 0 <= reply.error <= Number.ACCESS
        assert reply.error == 0 or not reply.parameters


@given(st.lists(st.tuples(st.integers(0, 670), st.binary(max_size=12)), max_size=12))
def test_no_sequence_of_writes_breaks_it(writes: list[tuple[int, bytes]]) -> None:
    host = make_host()
    for count, (address, data) in enumerate(writes):
        host.at(count * 30).write_bytes(address, data)
        host.servo.motor_command(host.now_ns)
        host.sense(0.01 * count)
        host.servo.read_for_sync(0, 252, host.now_ns)
    rebooted = host.ask(Instruction.REBOOT)
    host.servo.motor_command(10**12)
    assert rebooted is None or rebooted.error & 0x7F <= Number.ACCESS


@pytest.mark.parametrize("model", MODEL_NUMBERS)
def test_registers_start_at_their_defaults(model: int) -> None:
    table = control_table_of(model)
    memory = Memory(table, 45)
    assert {name: memory[name] for name in table.names} == {
        register.name: register.default for register in table.registers
    }


@pytest.mark.parametrize("model", MODEL_NUMBERS)
def test_measured_registers_fill_one_block(model: int) -> None:
    table = control_table_of(model)
    block = [r for r in table.registers if BLOCK_ADDRESS <= r.address <= 146]
    sizes = [2, 1, 1, 2, 2, 4, 4, 4, 4, 2, 1]
    assert [register.size for register in block] == sizes
    assert sum(sizes) == 147 - BLOCK_ADDRESS
    assert not any(register.is_writable for register in block)


def map_block(host: Host, addresses: list[int]) -> None:
    for number, address in enumerate(addresses, start=1):
        assert host.write(f"indirect_address_{number}", address) == 0


def test_state_and_safety_in_one_read_through_indirect_addresses() -> None:
    host = make_host()
    host.servo.sense(1.0, 2.0, 0.3, 44.0, 11.9, 0)
    addresses = [70, 64, 98, *range(126, 136), 144, 146]
    map_block(host, addresses)
    block = host.servo.read_for_sync(224, len(addresses), 0)
    direct = b"".join(host.read_bytes(address, 1).parameters for address in addresses)  # type: ignore[union-attr]
    assert block == Reply(0, direct)
    assert any(direct[3:])


def test_a_goal_through_indirect_data_must_be_whole() -> None:
    host = make_host()
    map_block(host, [65, 116, 117, 118, 119])
    assert host.write_bytes(224, b"\x01" + (1024).to_bytes(4, "little")) == Reply(0)
    assert (host.read("led"), host.read("goal_position")) == (1, 1024)
    assert host.write_bytes(225, b"\x00\x04") == Reply(Number.DATA_LENGTH)
    assert host.write_bytes(225, (5000).to_bytes(4, "little")) == Reply(Number.DATA_LIMIT)


def test_indirect_data_inherits_read_only() -> None:
    host = make_host()
    map_block(host, [122])
    assert host.write_bytes(224, b"\x01") == Reply(Number.ACCESS)


def test_the_second_block_of_indirect_data_works_alike() -> None:
    host = make_host()
    assert host.write("indirect_address_56", 65) == 0
    assert host.write("indirect_data_56", 1) == 0
    assert host.read("led") == 1


def test_maps_are_lost_at_reboot() -> None:
    host = make_host()
    map_block(host, [65])
    host.ask(Instruction.REBOOT)
    assert host.at(400).read("indirect_address_1") == 224
    host.write("indirect_data_1", 77)
    assert (host.read("indirect_data_1"), host.read("led")) == (77, 0)


def test_names_that_a_firmware_lacks() -> None:
    memory = Memory(control_table_of(1020), 37)
    assert "bus_watchdog" not in memory
    assert memory.get("drive_mode", 5) == 5
    with pytest.raises(KeyError):
        memory["startup_configuration"]
