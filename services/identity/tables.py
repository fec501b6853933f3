"""Tables of identity."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from services.chassis.columns import BigKey, Json, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata
from services.chassis.limits import limits_table

metadata = new_metadata()
chassis = chassis_tables(metadata)
attempt_limit = limits_table(metadata)

account = Table(
    "account",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("email_key", String(64), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("language", String(12), nullable=False),
    Column("kind", String(8), nullable=False),  # member, staff
    Column("state", String(8), nullable=False),  # pending, active
    Column("roles", Json, nullable=False),
    #: argon2id; null until activated: the passwords of pending registrations live with the registrations.
    Column("password_hash", String(200)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("activated_at", UtcDateTime),
    Index("ix_account_kind", "kind"),
)

# A request to register, as it came. It is settled after the answer, so that the answer takes the same time for a new
# address and a known one. Each has its own password: the link in a mail activates with the password of whoever asked
# for that mail, never with one that somebody else sent in the meantime.
registration = Table(
    "registration",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("email_key", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("language", String(12), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime, index=True),
    Column("account_id", String(36), ForeignKey("account.id"), index=True),
    #: Of the call that asked, which settling it and its mail go on with.
    Column("traceparent", String(55)),
)

# A request for a new password, settled after the answer for the same reason.
reset_request = Table(
    "reset_request",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("email_key", String(64), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("traceparent", String(55)),
)

# An event of ours that asks for a mail with a link.
mail_request = Table(
    "mail_request",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("purpose", String(16), nullable=False),  # activation, password_reset
    Column("account_id", String(36), ForeignKey("account.id"), nullable=False, index=True),
    Column("registration_id", String(36), ForeignKey("registration.id")),
    Column("requested_at", UtcDateTime, nullable=False, index=True),
    #: SHA-256 of the token in the mail; null until the mail is written.
    Column("token_hash", String(64), unique=True),
    Column("expires_at", UtcDateTime),
    Column("used_at", UtcDateTime),
)

session = Table(
    "session",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("account_id", String(36), ForeignKey("account.id"), nullable=False),
    Column("device", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_session_account_id_ended_at", "account_id", "ended_at"),
    Index("ix_session_created_at", "created_at"),
)

# Where an address has signed in from: attacks from elsewhere never lock these out.
known_origin = Table(
    "known_origin",
    metadata,
    Column("email_key", String(64), primary_key=True),
    Column("origin", String(64), primary_key=True),
    Column("last_at", UtcDateTime, nullable=False, index=True),
)

# When each routine of the office was last done.
routine = Table(
    "routine",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("done_at", UtcDateTime, nullable=False),
    Column("done_by", String(80), nullable=False),
)

# Append-only: the migration adds triggers that refuse changes, and each entry seals the one before.
audit_entry = Table(
    "audit_entry",
    metadata,
    Column("sequence", BigKey, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("origin", String(64), nullable=False),
    Column("detail", Json, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
    UniqueConstraint("previous"),
    Index("ix_audit_entry_subject_sequence", "subject", "sequence"),
)

# The seal of the last entry: one row, locked to append.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sequence", BigKey, nullable=False, autoincrement=False),
    Column("seal", String(64), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
