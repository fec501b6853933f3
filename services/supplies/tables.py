"""Tables of supplies."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    false,
)

from services.chassis.columns import Json, UtcDateTime
from services.chassis.db import chassis_tables, new_metadata
from services.chassis.limits import limits_table

metadata = new_metadata()
chassis = chassis_tables(metadata)
attempt_limit = limits_table(metadata)

member = Table(
    "member",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(20), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    #: The name in lower case without accents, for the office's search.
    Column("name_folded", String(240), nullable=False),
    Column("document_type", String(10), nullable=False),
    Column("document", String(20), nullable=False),
    #: What two documents of one person have in common.
    Column("document_key", String(40), nullable=False, unique=True),
    #: Null for companies.
    Column("birth_date", Date),
    Column("email", String(254), nullable=False),
    Column("phone", String(30), nullable=False),
    Column("language", String(12), nullable=False),
    Column("postal_street", String(120), nullable=False),
    Column("postal_postcode", String(12), nullable=False),
    Column("postal_municipality", String(120), nullable=False),
    Column("postal_province", String(120), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

supply = Table(
    "supply",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_number", String(30), nullable=False, unique=True),
    #: Empty where the country has no CUPS.
    Column("cups", String(22), nullable=False),
    #: The first 20 characters; null where there is no CUPS.
    Column("cups_key", String(20), unique=True),
    Column("member_id", String(36), ForeignKey("member.id"), nullable=False, index=True),
    Column("street", String(120), nullable=False),
    Column("postcode", String(12), nullable=False),
    Column("municipality", String(120), nullable=False),
    Column("province", String(120), nullable=False),
    Column("tariff_zone", String(40), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

service = Table(
    "service",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("supply_id", String(36), ForeignKey("supply.id"), nullable=False),
    Column("kind", String(12), nullable=False),  # electricity, water
    Column("state", String(12), nullable=False),  # connected, disconnected, ended
    Column("connected_on", Date, nullable=False),
    Column("billing_from", Date, nullable=False),
    UniqueConstraint("supply_id", "kind"),
)


meter = Table(
    "meter",
    metadata,
    Column("service_id", String(36), ForeignKey("service.id"), primary_key=True),
    Column("serial", String(40), primary_key=True),
    Column("start_on", Date, primary_key=True),
    #: The day after the last; null while it hangs.
    Column("end_on", Date),
    Index("ix_meter_serial", "serial"),
)
# A meter hangs in one place at a time. Past places are checked by the registry, the present one by the database as well.
Index(
    "uq_meter_hanging",
    meter.c.serial,
    unique=True,
    sqlite_where=meter.c.end_on.is_(None),
    postgresql_where=meter.c.end_on.is_(None),
)

contract = Table(
    "contract",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("service_id", String(36), ForeignKey("service.id"), nullable=False, index=True),
    Column("number", String(40), nullable=False, unique=True),
    Column("start_on", Date, nullable=False),
    Column("end_on", Date),
    Column("product_code", String(40), nullable=False),
    Column("tariff", String(40), nullable=False),
    #: [["P1", watts], ...]
    Column("powers", Json, nullable=False),
    Column("meter_rental", String(12), nullable=False),
    Column("tax_condition", String(12), nullable=False),
    Column("use", String(12), nullable=False),
    Column("power_control", String(12), nullable=False, server_default=""),
    Column("electricity_tax", String(20), nullable=False, server_default=""),
    Column("vulnerable", Boolean, nullable=False, server_default=false()),
    Column("promotion_code", String(40), nullable=False, server_default=""),
    Column("access_contract", String(40), nullable=False, server_default=""),
)

# A request to see a holder's supplies. It is settled after the answer, and the facts typed are then taken away.
association = Table(
    "association",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account_id", String(36), nullable=False),
    Column("state", String(10), nullable=False),  # requested, nothing, granted, code_due, case, closed
    Column("document_key", String(40)),
    Column("birth_date", Date),
    Column("member_id", String(36), ForeignKey("member.id")),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    #: The event that asked for the code's mail, and the code once that mail is written.
    Column("code_event_id", String(36)),
    Column("code_hash", String(64)),
    Column("code_expires_at", UtcDateTime),
    Column("tries_left", Integer, nullable=False),
    #: Of the call that asked, which settling it and its mail go on with.
    Column("traceparent", String(55)),
    Index("ix_association_state_id", "state", "id"),
    Index("ix_association_account_id_state", "account_id", "state"),
)

# An account that shows a holder's supplies, today's and those to come.
holding = Table(
    "holding",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("member_id", String(36), ForeignKey("member.id"), primary_key=True),
    Column("relation", String(10), nullable=False),  # holder
    Column("association_id", String(36), ForeignKey("association.id"), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Index("ix_holding_member_id", "member_id"),
)

access = Table(
    "access",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("supply_id", String(36), ForeignKey("supply.id"), primary_key=True),
    Column("member_id", String(36), ForeignKey("member.id"), nullable=False),
    Column("relation", String(10), nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
)

current_supply = Table(
    "current_supply",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("supply_id", String(36), ForeignKey("supply.id"), nullable=False),
)

# What identity has told us of an account: the key of its confirmed address.
account_contact = Table(
    "account_contact",
    metadata,
    Column("account_id", String(36), primary_key=True),
    Column("email_key", String(64), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

# A member's personal code; its eight symbols without the hyphen.
invitation = Table(
    "invitation",
    metadata,
    Column("code", String(8), primary_key=True),
    Column("member_id", String(36), ForeignKey("member.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    #: Null while it can be used.
    Column("revoked_at", UtcDateTime),
    Index("ix_invitation_created_at_code", "created_at", "code"),
)
# A member has one code at a time.
Index(
    "uq_invitation_usable",
    invitation.c.member_id,
    unique=True,
    sqlite_where=invitation.c.revoked_at.is_(None),
    postgresql_where=invitation.c.revoked_at.is_(None),
)

# A new supply whose contract named a code: a supply point does so once.
redemption = Table(
    "redemption",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("code", String(8), ForeignKey("invitation.code"), nullable=False, index=True),
    Column("supply_id", String(36), ForeignKey("supply.id"), nullable=False, unique=True),
    Column("redeemed_at", UtcDateTime, nullable=False),
)
