"""Initial"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billed_period",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("import_wh", sa.BigInteger(), nullable=False),
        sa.Column("hours_expected", sa.Integer(), nullable=False),
        sa.Column("hours_measured", sa.Integer(), nullable=False),
        sa.Column("hours_estimated", sa.Integer(), nullable=False),
        sa.Column("hours_missing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_billed_period")),
    )
    with op.batch_alter_table("billed_period", schema=None) as batch_op:
        batch_op.create_index("ix_billed_period_service_id_start", ["service_id", "start"], unique=False)

    op.create_table(
        "day_curve",
        sa.Column("point_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day", name=op.f("pk_day_curve")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_curve_history",
        sa.Column("point_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day", "revision", name=op.f("pk_day_curve_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("event_type", sa.String(length=160), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stops_partition", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index("ix_dead_letter_state_consumer", ["state", "consumer"], unique=False)

    op.create_table(
        "idempotency_key",
        sa.Column("scope", sa.String(length=120), nullable=False),
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "request_id", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "inbox_event",
        sa.Column("consumer", sa.String(length=80), nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_inbox_event")),
    )
    op.create_table(
        "kept_reading",
        sa.Column("meter_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "day", "revision", name=op.f("pk_kept_reading")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "meter",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("serial", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meter")),
        sa.UniqueConstraint("serial", name=op.f("uq_meter_serial")),
    )
    op.create_table(
        "outbox_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_event_id")),
    )
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_event_published_at_id", ["published_at", "id"], unique=False)

    op.create_table(
        "readings_import",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("superseded", sa.BigInteger(), nullable=False),
        sa.Column("of_unknown_meters", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("meters_with_readings", sa.Integer(), nullable=False),
        sa.Column("unknown_meters", sa.Text(), nullable=False),
        sa.Column("meter_errors", sa.Text(), nullable=False),
        sa.Column("file_problem", sa.Text(), nullable=False),
        sa.Column("seen_before", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings_import")),
    )
    with op.batch_alter_table("readings_import", schema=None) as batch_op:
        batch_op.create_index("ix_readings_import_sha256", ["sha256"], unique=False)

    op.create_table(
        "revision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    op.create_table(
        "supply",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("account_number", sa.String(length=40), nullable=False),
        sa.Column("tariff_zone", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply")),
    )
    op.create_table(
        "supply_access",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("member_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "supply_id", "member_id", name=op.f("pk_supply_access")),
    )
    op.create_table(
        "measuring_point",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["supply_id"], ["supply.id"], name=op.f("fk_measuring_point_supply_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_measuring_point")),
        sa.UniqueConstraint("service_id", name=op.f("uq_measuring_point_service_id")),
    )
    with op.batch_alter_table("measuring_point", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_measuring_point_supply_id"), ["supply_id"], unique=False)

    op.create_table(
        "refused_reading",
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["readings_import.id"], name=op.f("fk_refused_reading_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_refused_reading")),
    )
    op.create_table(
        "contract_tariff",
        sa.Column("point_key", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=True),
        sa.Column("tariff", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["point_key"], ["measuring_point.key"], name=op.f("fk_contract_tariff_point_key")),
        sa.PrimaryKeyConstraint("point_key", "start", name=op.f("pk_contract_tariff")),
    )
    op.create_table(
        "meter_assignment",
        sa.Column("meter_key", sa.BigInteger(), nullable=False),
        sa.Column("point_key", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["meter_key"], ["meter.key"], name=op.f("fk_meter_assignment_meter_key")),
        sa.ForeignKeyConstraint(["point_key"], ["measuring_point.key"], name=op.f("fk_meter_assignment_point_key")),
        sa.PrimaryKeyConstraint("meter_key", "point_key", "start", name=op.f("pk_meter_assignment")),
    )
    with op.batch_alter_table("meter_assignment", schema=None) as batch_op:
        batch_op.create_index("ix_meter_assignment_point_key", ["point_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("meter_assignment", schema=None) as batch_op:
        batch_op.drop_index("ix_meter_assignment_point_key")

    op.drop_table("meter_assignment")
    op.drop_table("contract_tariff")
    op.drop_table("refused_reading")
    with op.batch_alter_table("measuring_point", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_measuring_point_supply_id"))

    op.drop_table("measuring_point")
    op.drop_table("supply_access")
    op.drop_table("supply")
    op.drop_table("revision")
    with op.batch_alter_table("readings_import", schema=None) as batch_op:
        batch_op.drop_index("ix_readings_import_sha256")

    op.drop_table("readings_import")
    with op.batch_alter_table("outbox_event", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_event_published_at_id")

    op.drop_table("outbox_event")
    op.drop_table("meter")
    op.drop_table("kept_reading")
    op.drop_table("inbox_event")
    op.drop_table("idempotency_key")
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.drop_index("ix_dead_letter_state_consumer")

    op.drop_table("dead_letter")
    op.drop_table("day_curve_history")
    op.drop_table("day_curve")
    with op.batch_alter_table("billed_period", schema=None) as batch_op:
        batch_op.drop_index("ix_billed_period_service_id_start")

    op.drop_table("billed_period")
