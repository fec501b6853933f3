"""Documents by their hash, and the certificates that they were signed with."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_document_sha256", "document", ["sha256"])
    op.create_table(
        "signing_certificate",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_signing_certificate")),
    )


def downgrade() -> None:
    op.drop_table("signing_certificate")
    op.drop_index("ix_document_sha256", table_name="document")
