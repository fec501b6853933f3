"""Documents apart, billed readings and released bills: a supply may have a document of each kind in a month."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("invoice_reading", "bill_release")
ONE_A_MONTH = "uq_invoice_supply_id_period_start"
ONE_OF_EACH_KIND = "uq_invoice_supply_id_period_start_kind"


def upgrade() -> None:
    op.create_table(
        "bill_release",
        sa.Column("supply_id", sa.String(length=36), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("released_by", sa.String(length=80), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("supply_id", "period", "reason", name=op.f("pk_bill_release")),
    )
    op.create_table(
        "invoice_reading",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(length=20), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=False),
        sa.Column("register", sa.String(length=10), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("initial", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("reading_ids", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_reading_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_reading")),
    )
    op.execute("ALTER TABLE invoice ADD COLUMN kind VARCHAR(10) DEFAULT 'service' NOT NULL")
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(
            f"CONSTRAINT {ONE_A_MONTH} UNIQUE (supply_id, period_start)",
            f"CONSTRAINT {ONE_OF_EACH_KIND} UNIQUE (supply_id, period_start, kind)",
        )
        for table in WRITTEN_ONCE:
            _sqlite_written_once(table)
        return
    op.drop_constraint(ONE_A_MONTH, "invoice", type_="unique")
    op.create_unique_constraint(ONE_OF_EACH_KIND, "invoice", ["supply_id", "period_start", "kind"])
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
    """The schema before has room for one document a month: refused once there are two."""
    apart = op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM invoice WHERE kind <> 'service'").scalar()
    if apart:
        raise RuntimeError(f"{apart} documents apart have no place in the schema before; keep this one.")
    if op.get_bind().dialect.name == "sqlite":
        _replace_invoice(
            f"CONSTRAINT {ONE_OF_EACH_KIND} UNIQUE (supply_id, period_start, kind)",
            f"CONSTRAINT {ONE_A_MONTH} UNIQUE (supply_id, period_start)",
        )
    else:
        op.drop_constraint(ONE_OF_EACH_KIND, "invoice", type_="unique")
        op.create_unique_constraint(ONE_A_MONTH, "invoice", ["supply_id", "period_start"])
    op.execute("ALTER TABLE invoice DROP COLUMN kind")
    op.drop_table("invoice_reading")
    op.drop_table("bill_release")
