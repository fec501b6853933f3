"""Handled events without row numbers"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _lay_out(with_rowid=False)


def downgrade() -> None:
    _lay_out(with_rowid=True)


def _lay_out(*, with_rowid: bool) -> None:
    """A row is its key and little else: as its own index, SQLite stores it once and not twice."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("inbox_event", recreate="always", table_kwargs={"sqlite_with_rowid": with_rowid}):
            pass
