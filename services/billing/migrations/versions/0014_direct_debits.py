"""Mandates, remittances of direct debits, and what became of each collection."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.String(length=36)
MOMENT = sa.DateTime(timezone=True)
WRITTEN_ONCE = ("mandate_account", "remittance_exclusion")


def upgrade() -> None:
    _mandates()
    _remittances()
    for table in WRITTEN_ONCE:
        if op.get_bind().dialect.name == "sqlite":
            for action in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
                )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION written_once()"
            )


def _mandates() -> None:
    op.create_table(
        "mandate",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.String(length=35), nullable=False),
        sa.Column("supply_id", ID, nullable=False),
        sa.Column("member_id", ID, nullable=False),
        sa.Column("scheme", sa.String(length=4), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.String(length=64), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("cancelled_on", sa.Date()),
        sa.Column("cancelled_by", sa.String(length=80), nullable=False),
        sa.Column("cancelled_why", sa.Text(), nullable=False),
        sa.Column("last_collected_on", sa.Date()),
        sa.Column("last_iban", sa.String(length=34), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
        sa.UniqueConstraint("reference", name=op.f("uq_mandate_reference")),
    )
    op.create_index("ix_mandate_supply_id", "mandate", ["supply_id"])
    in_force = sa.text("cancelled_on IS NULL")
    op.create_index(
        "uq_mandate_in_force",
        "mandate",
        ["supply_id"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )
    op.create_table(
        "mandate_account",
        sa.Column("mandate_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("holder", sa.String(length=140), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandate.id"], name=op.f("fk_mandate_account_mandate_id")),
        sa.PrimaryKeyConstraint("mandate_id", "position", name=op.f("pk_mandate_account")),
    )


def _remittances() -> None:
    op.create_table(
        "remittance",
        sa.Column("id", ID, nullable=False),
        sa.Column("number", sa.String(length=30), nullable=False),
        sa.Column("collect_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("without_mandate", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.String(length=80), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=False),
        sa.Column("approved_at", MOMENT),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("settled_by", sa.String(length=80), nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance")),
        sa.UniqueConstraint("number", name=op.f("uq_remittance_number")),
    )
    op.create_table(
        "direct_debit",
        sa.Column("id", ID, nullable=False),
        sa.Column("end_to_end", sa.String(length=35), nullable=False),
        sa.Column("remittance_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("open_invoice_id", ID),
        sa.Column("supply_id", ID, nullable=False),
        sa.Column("mandate_id", ID, nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("holder", sa.String(length=140), nullable=False),
        sa.Column("amended", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("payment_id", ID),
        sa.Column("reversal_id", ID),
        sa.Column("returned_on", sa.Date()),
        sa.Column("reason_code", sa.String(length=10), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_direct_debit_amount_positive")),
        sa.ForeignKeyConstraint(["remittance_id"], ["remittance.id"], name=op.f("fk_direct_debit_remittance_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_direct_debit_invoice_id")),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandate.id"], name=op.f("fk_direct_debit_mandate_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_direct_debit_payment_id")),
        sa.ForeignKeyConstraint(["reversal_id"], ["payment_reversal.id"], name=op.f("fk_direct_debit_reversal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_debit")),
        sa.UniqueConstraint("end_to_end", name=op.f("uq_direct_debit_end_to_end")),
        sa.UniqueConstraint("open_invoice_id", name=op.f("uq_direct_debit_open_invoice_id")),
    )
    op.create_index("ix_direct_debit_invoice_id", "direct_debit", ["invoice_id"])
    op.create_index("ix_direct_debit_mandate_id", "direct_debit", ["mandate_id"])
    op.create_index(
        "ix_direct_debit_remittance_id_position", "direct_debit", ["remittance_id", "position"], unique=True
    )
    op.create_table(
        "remittance_exclusion",
        sa.Column("remittance_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("invoice_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittance.id"], name=op.f("fk_remittance_exclusion_remittance_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_remittance_exclusion_invoice_id")),
        sa.PrimaryKeyConstraint("remittance_id", "position", name=op.f("pk_remittance_exclusion")),
    )


def downgrade() -> None:
    """Refused once a remittance is at the bank: the schema before has no place for what comes back of it."""
    sent = op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM remittance WHERE sha256 <> ''").scalar()
    if sent:
        raise RuntimeError(
            f"{sent} remittances were sent to the bank and have no place in the schema before; keep this one."
        )
    for table in ("remittance_exclusion", "direct_debit", "remittance", "mandate_account", "mandate"):
        op.drop_table(table)
