"""A receipt is found by its number, which no other has."""

from alembic import op

from services.chassis import schema_steps as steps

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
transactional = False


def upgrade() -> None:
    steps.create_index("ix_payment_receipt_number", "payment", ["receipt_number"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_payment_receipt_number", table_name="payment")
