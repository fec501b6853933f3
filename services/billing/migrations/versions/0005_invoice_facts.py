"""What an invoice was calculated from, written once like the invoice itself."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("rule_set", "invoice_facts")


def upgrade() -> None:
    op.create_table(
        "rule_set",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_rule_set")),
    )
    op.create_table(
        "invoice_facts",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("rules_sha256", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_facts_invoice_id")),
        sa.ForeignKeyConstraint(["rules_sha256"], ["rule_set.sha256"], name=op.f("fk_invoice_facts_rules_sha256")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_invoice_facts")),
    )
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


def downgrade() -> None:
    op.drop_table("invoice_facts")
    op.drop_table("rule_set")
