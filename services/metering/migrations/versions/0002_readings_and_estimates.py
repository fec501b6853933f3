"""Readings and estimates"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "estimated_day",
        sa.Column("point_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day", name=op.f("pk_estimated_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "estimated_day_history",
        sa.Column("point_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("curve", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("point_key", "day", "revision", name=op.f("pk_estimated_day_history")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "load_profile",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tariff", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("coefficients", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_profile")),
    )
    with op.batch_alter_table("load_profile", schema=None) as batch_op:
        batch_op.create_index("ix_load_profile_tariff", ["tariff", "uploaded_at"], unique=False)

    op.create_table(
        "reading_correction",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("known_wh", sa.BigInteger(), nullable=False),
        sa.Column("billed_wh", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_correction")),
    )
    with op.batch_alter_table("reading_correction", schema=None) as batch_op:
        batch_op.create_index("ix_reading_correction_invoice_id", ["invoice_id", "told_at"], unique=False)

    op.create_table(
        "quarantined_row",
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("member", sa.String(length=255), server_default="", nullable=False),
        sa.Column("dialect", sa.String(length=40), server_default="", nullable=False),
        sa.Column("raw", sa.Text(), server_default="", nullable=False),
        sa.Column("around", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=80), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["readings_import.id"], name=op.f("fk_quarantined_row_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_quarantined_row")),
    )
    with op.batch_alter_table("quarantined_row", schema=None) as batch_op:
        batch_op.create_index("ix_quarantined_row_state", ["state", "import_id", "number"], unique=False)

    op.create_table(
        "register_reading",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("meter_key", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("registers", sa.Text(), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("max_power", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("import_id", sa.String(length=36), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("doubtful", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["meter_key"], ["meter.key"], name=op.f("fk_register_reading_meter_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_reading")),
    )
    with op.batch_alter_table("register_reading", schema=None) as batch_op:
        batch_op.create_index("ix_register_reading_meter_key_day", ["meter_key", "day"], unique=False)

    op.create_table(
        "estimation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("point_key", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("tariff", sa.String(length=40), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("reading_ids", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("superseded_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["point_key"], ["measuring_point.key"], name=op.f("fk_estimation_point_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_estimation")),
    )
    with op.batch_alter_table("estimation", schema=None) as batch_op:
        batch_op.create_index("ix_estimation_point_key_start", ["point_key", "start"], unique=False)

    op.create_table(
        "estimation_due",
        sa.Column("point_key", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["point_key"], ["measuring_point.key"], name=op.f("fk_estimation_due_point_key")),
        sa.PrimaryKeyConstraint("point_key", "start", "end", name=op.f("pk_estimation_due")),
    )
    op.create_table(
        "self_reading",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("receipt", sa.String(length=20), nullable=False),
        sa.Column("reading_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.String(length=36), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("photo_type", sa.String(length=40), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reading_id"], ["register_reading.id"], name=op.f("fk_self_reading_reading_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_reading")),
        sa.UniqueConstraint("reading_id", name=op.f("uq_self_reading_reading_id")),
        sa.UniqueConstraint("receipt", name=op.f("uq_self_reading_receipt")),
    )
    with op.batch_alter_table("self_reading", schema=None) as batch_op:
        batch_op.create_index("ix_self_reading_supply_id_received_at", ["supply_id", "received_at"], unique=False)

    op.execute(
        "INSERT INTO quarantined_row (import_id, number, line, meter, value, reason) "
        "SELECT import_id, number, line, meter, value, reason FROM refused_reading"
    )
    op.drop_table("refused_reading")
    with op.batch_alter_table("contract_tariff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("power_w", sa.Text(), server_default="[]", nullable=False))

    with op.batch_alter_table("supply", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cups", sa.String(length=22), server_default="", nullable=False))
        batch_op.create_index("ix_supply_cups", ["cups"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("supply", schema=None) as batch_op:
        batch_op.drop_index("ix_supply_cups")
        batch_op.drop_column("cups")

    with op.batch_alter_table("contract_tariff", schema=None) as batch_op:
        batch_op.drop_column("power_w")

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
    op.execute(
        "INSERT INTO refused_reading (import_id, number, line, meter, value, reason) "
        "SELECT import_id, number, line, meter, value, reason FROM quarantined_row"
    )
    with op.batch_alter_table("self_reading", schema=None) as batch_op:
        batch_op.drop_index("ix_self_reading_supply_id_received_at")

    op.drop_table("self_reading")
    op.drop_table("estimation_due")
    with op.batch_alter_table("estimation", schema=None) as batch_op:
        batch_op.drop_index("ix_estimation_point_key_start")

    op.drop_table("estimation")
    with op.batch_alter_table("register_reading", schema=None) as batch_op:
        batch_op.drop_index("ix_register_reading_meter_key_day")

    op.drop_table("register_reading")
    with op.batch_alter_table("quarantined_row", schema=None) as batch_op:
        batch_op.drop_index("ix_quarantined_row_state")

    op.drop_table("quarantined_row")
    with op.batch_alter_table("reading_correction", schema=None) as batch_op:
        batch_op.drop_index("ix_reading_correction_invoice_id")

    op.drop_table("reading_correction")
    with op.batch_alter_table("load_profile", schema=None) as batch_op:
        batch_op.drop_index("ix_load_profile_tariff")

    op.drop_table("load_profile")
    op.drop_table("estimated_day_history")
    op.drop_table("estimated_day")
