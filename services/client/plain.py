"""Messages as plain values for --json: snake_case keys, real integers, short enum names."""

from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

Field = Any  # a FieldDescriptor, of which there is one class per protobuf implementation


def as_plain(message: Message) -> Any:
    """A message as dict, list, str, int, float, bool and None; timestamps as ISO 8601 UTC."""
    if isinstance(message, Timestamp):
        return message.ToJsonString() if message.seconds or message.nanos else None
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def enum_word(message: Message, field_name: str) -> str:
    """The value of an enum field without its type's prefix: LIFECYCLE_ACTIVE is "ACTIVE"."""
    field = message.DESCRIPTOR.fields_by_name[field_name]
    return _enum(field, getattr(message, field_name))


def _field(message: Message, field: Field) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): _single(field, value[key]) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, item) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _single(field, value)


def _single(field: Field, value: Any) -> Any:
    if isinstance(value, Message):
        return as_plain(value)
    if field.enum_type is not None:
        return _enum(field, value)
    return value.hex() if isinstance(value, bytes) else value


def _enum(field: Field, number: int) -> str:
    values = field.enum_type.values_by_number
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    return values[number].name.removeprefix(prefix) if number in values else str(number)
