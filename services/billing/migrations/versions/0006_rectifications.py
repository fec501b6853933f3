"""Rectifying invoices, corrections that wait for the office, and instalments."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("rectification", "instalment")
ONE_OF_EACH_KIND = "uq_invoice_supply_id_period_start_kind"
ONE_OF_EACH_REVISION = "uq_invoice_supply_id_period_start_kind_revision"


def upgrade() -> None:
    op.create_table(
        "rectification",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("rectified_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(length=1), nullable=False),
        sa.Column("record_type", sa.String(length=2), nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_rectification_invoice_id")),
        sa.ForeignKeyConstraint(["rectified_id"], ["invoice.id"], name=op.f("fk_rectification_rectified_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_rectification")),
        sa.UniqueConstraint("rectified_id", "revision", name=op.f("uq_rectification_rectified_id_revision")),
    )
    op.create_table(
        "instalment",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_instalment_amount_positive")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_instalment_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_instalment")),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("account_number", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("billed_wh", sa.BigInteger(), nullable=False),
        sa.Column("known_wh", sa.BigInteger(), nullable=False),
        sa.Column("curve_version", sa.BigInteger(), nullable=False),
        sa.Column("before_total", sa.BigInteger(), nullable=False),
        sa.Column("after_total", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("rectifying_id", sa.String(length=36), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_correction_invoice_id")),
        sa.ForeignKeyConstraint(["rectifying_id"], ["invoice.id"], name=op.f("fk_correction_rectifying_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index("ix_correction_supply_id", "correction", ["supply_id"])
    proposed = sa.text("state = 'proposed'")
    op.create_index(
        "ix_correction_invoice_id_proposed",
        "correction",
        ["invoice_id"],
        unique=True,
        sqlite_where=proposed,
        postgresql_where=proposed,
    )
    op.execute("ALTER TABLE invoice ADD COLUMN revision INTEGER DEFAULT 0 NOT NULL")
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(
            f"CONSTRAINT {ONE_OF_EACH_KIND} UNIQUE (supply_id, period_start, kind)",
            f"CONSTRAINT {ONE_OF_EACH_REVISION} UNIQUE (supply_id, period_start, kind, revision)",
        )
        for table in WRITTEN_ONCE:
            _sqlite_written_once(table)
        return
    op.drop_constraint(ONE_OF_EACH_KIND, "invoice", type_="unique")
    op.create_unique_constraint(ONE_OF_EACH_REVISION, "invoice", ["supply_id", "period_start", "kind", "revision"])
    for table in WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION written_once()"
        )


def _replace_invoice(old: str, new: str) -> None:
    """SQLite cannot change a constraint: the same table is made with the new one, filled, and takes the old one's name."""
    connection = op.get_bind()
    made = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'invoice'"
    ).scalar()
    assert made is not None and old in made, "the table invoice is not the one of the revision before"
    changed = re.sub(r"^CREATE TABLE \W?invoice\W?", "CREATE TABLE invoice_new", made.replace(old, new), count=1)
    op.execute(sa.text(changed))
    op.execute("INSERT INTO invoice_new SELECT * FROM invoice")
    op.execute("DROP TABLE invoice")
    op.execute("ALTER TABLE invoice_new RENAME TO invoice")
    _sqlite_written_once("invoice")


def _sqlite_written_once(table: str) -> None:
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
        )


def downgrade() -> None:
    """The schema before has no room for rectifying invoices: refused once there is one."""
    made = op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM rectification").scalar()
    if made:
        raise RuntimeError(f"{made} rectifying invoices have no place in the schema before; keep this one.")
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(
            f"CONSTRAINT {ONE_OF_EACH_REVISION} UNIQUE (supply_id, period_start, kind, revision)",
            f"CONSTRAINT {ONE_OF_EACH_KIND} UNIQUE (supply_id, period_start, kind)",
        )
    else:
        op.drop_constraint(ONE_OF_EACH_REVISION, "invoice", type_="unique")
        op.create_unique_constraint(ONE_OF_EACH_KIND, "invoice", ["supply_id", "period_start", "kind"])
    op.execute("ALTER TABLE invoice DROP COLUMN revision")
    op.drop_table("correction")
    op.drop_table("instalment")
    op.drop_table("rectification")
