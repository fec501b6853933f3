"""Files of banks and collectors, their movements, and what was decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_file",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("format", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("movements", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(length=80), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_file")),
    )
    op.create_index("ix_bank_file_sha256", "bank_file", ["sha256"])

    op.create_table(
        "bank_movement",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("file_id", sa.String(length=36), nullable=False),
        sa.Column("bank_reference", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("format", sa.String(length=30), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("valued_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("end_to_end", sa.Text(), nullable=False),
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("references", sa.Text(), nullable=False),
        sa.Column("party_name", sa.Text(), nullable=False),
        sa.Column("party_iban", sa.Text(), nullable=False),
        sa.Column("return_reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint("entry_id IS NOT NULL OR amount = 0", name=op.f("ck_bank_movement_in_the_books")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_bank_movement_entry_id")),
        sa.ForeignKeyConstraint(["file_id"], ["bank_file.id"], name=op.f("fk_bank_movement_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_movement")),
        sa.UniqueConstraint("bank_reference", name=op.f("uq_bank_movement_bank_reference")),
    )
    op.create_index("ix_bank_movement_file_id", "bank_movement", ["file_id"])
    op.create_index("ix_bank_movement_party_iban", "bank_movement", ["party_iban"])
    op.create_index("ix_bank_movement_state_id", "bank_movement", ["state", "id"])

    op.create_table(
        "bank_decision",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("movement_id", sa.String(length=36), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["movement_id"], ["bank_movement.id"], name=op.f("fk_bank_decision_movement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_decision")),
    )
    op.create_index("ix_bank_decision_movement_id", "bank_decision", ["movement_id"])

    op.create_table(
        "bank_movement_payment",
        sa.Column("movement_id", sa.String(length=36), nullable=False),
        sa.Column("payment_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["movement_id"], ["bank_movement.id"], name=op.f("fk_bank_movement_payment_movement_id")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_bank_movement_payment_payment_id")),
        sa.PrimaryKeyConstraint("movement_id", "payment_id", name=op.f("pk_bank_movement_payment")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_bank_movement_payment_payment_id")),
    )


def downgrade() -> None:
    op.drop_table("bank_movement_payment")
    op.drop_table("bank_decision")
    op.drop_table("bank_movement")
    op.drop_table("bank_file")
