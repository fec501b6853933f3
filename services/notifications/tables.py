"""Read models kept from events, the mails and the notices."""

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from services.chassis.columns import BigKey, Json, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata

metadata = new_metadata()
chassis_tables(metadata)

account = Table(
    "account",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("name", Text, nullable=False),
    Column("language", String(10), nullable=False),
)

member = Table(
    "member",
    metadata,
    Column("member_id", String(36), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("name", Text, nullable=False),
    Column("language", String(10), nullable=False),
    Column("version", BigKey, nullable=False),
)

supply = Table(
    "supply",
    metadata,
    Column("supply_id", String(36), primary_key=True),
    Column("account_number", String(40), nullable=False),
    Column("street", Text, nullable=False),
    Column("version", BigKey, nullable=False),
)

access = Table(
    "access",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("supply_id", String(36), primary_key=True),
    Column("relation", String(20), nullable=False),
    Index("ix_access_supply_id", "supply_id"),
)

preference = Table(
    "preference",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("invoice_delivery", String(10), nullable=False),
)

# One mail per event, recipient and kind: the constraint is what makes a second mail impossible.
message = Table(
    "message",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("recipient", String(254), nullable=False),
    Column("language", String(10), nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("data", Json, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # While a sender works on it, this is when another may take it over.
    Column("next_attempt_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    # Of the handling of the event, which sending goes on with; none of mails from before it was kept.
    Column("traceparent", String(55)),
    UniqueConstraint("event_id", "recipient", "kind"),
    Index("ix_message_state_next_attempt_at", "state", "next_attempt_at"),
)

notice = Table(
    "notice",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("account_id", String(36), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("data", Json, nullable=False),
    Column("supply_id", String(36), nullable=False),
    Column("link", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("read_at", UtcDateTime),
    UniqueConstraint("event_id", "account_id", "kind"),
    Index("ix_notice_account_id_id", "account_id", "id"),
)
