"""Fiscal records and codes. Records and uses of codes are written once, as invoices are."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("fiscal_record", "cesp_code", "cesp_use")


def upgrade() -> None:
    op.create_table(
        "cesp_code",
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("point_of_sale", sa.Integer(), nullable=False),
        sa.Column("voucher", sa.String(length=3), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_cesp_code")),
    )
    with op.batch_alter_table("cesp_code", schema=None) as batch_op:
        batch_op.create_index(
            "ix_cesp_code_point_of_sale_voucher_period_start",
            ["point_of_sale", "voucher", "period_start"],
            unique=False,
        )

    op.create_table(
        "fiscal_chain",
        sa.Column("issuer", sa.String(length=20), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.String(length=60), nullable=False),
        sa.Column("last_issue_date", sa.Date(), nullable=True),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.Column("last_generated_at", sa.String(length=25), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_fiscal_chain")),
    )
    op.create_table(
        "cesp_use",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["cesp_code.code"], name=op.f("fk_cesp_use_code")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_cesp_use_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_cesp_use")),
    )
    with op.batch_alter_table("cesp_use", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cesp_use_code"), ["code"], unique=False)

    op.create_table(
        "fiscal_record",
        sa.Column("issuer", sa.String(length=20), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("invoice_type", sa.String(length=2), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("generated_at", sa.String(length=25), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_fiscal_record_invoice_id")),
        sa.PrimaryKeyConstraint("issuer", "position", name=op.f("pk_fiscal_record")),
        sa.UniqueConstraint("invoice_id", "kind", name=op.f("uq_fiscal_record_invoice_id_kind")),
    )
    with op.batch_alter_table("fiscal_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fiscal_record_issue_date"), ["issue_date"], unique=False)

    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WRITTEN_ONCE:
        if not sqlite:
            op.execute(
                f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION written_once()"
            )
            continue
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
            )


def downgrade() -> None:
    with op.batch_alter_table("fiscal_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fiscal_record_issue_date"))

    op.drop_table("fiscal_record")
    with op.batch_alter_table("cesp_use", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cesp_use_code"))

    op.drop_table("cesp_use")
    op.drop_table("fiscal_chain")
    with op.batch_alter_table("cesp_code", schema=None) as batch_op:
        batch_op.drop_index("ix_cesp_code_point_of_sale_voucher_period_start")

    op.drop_table("cesp_code")
