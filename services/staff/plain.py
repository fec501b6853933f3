"""A protobuf message as plain JSON data: every field present, integers as numbers, instants in ISO 8601, enums as words."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def plain(message: Message) -> dict[str, Any]:
    """The message as a dictionary. A member of a oneof or a message that is not set is left out or None."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            found[field.name] = [_value(field, item) for item in value]
        elif field.message_type is not None and not message.HasField(field.name):
            found[field.name] = None
        else:
            found[field.name] = _value(field, value)
    return found


def _value(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, Message):
        return plain(value)
    if field.enum_type is not None:
        name = field.enum_type.values_by_number[value].name
        return name.removeprefix(enum_prefix(field.enum_type.name)).lower()
    return value


def enum_prefix(name: str) -> str:
    """`BillRunState` gives `BILL_RUN_STATE_`, with which the names of its values begin."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).lstrip("_").upper() + "_"
