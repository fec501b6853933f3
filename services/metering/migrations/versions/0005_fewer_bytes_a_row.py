"""Fewer bytes a row: what a key already says is not stored again, and PostgreSQL's rows of curves need no padding.

SQLite: tables whose key is not a number are their own index. PostgreSQL: four bytes for the keys and revisions of curves;
each table is rewritten once, with its rows as they are. No query reads the index on the whole CUPS: files name a supply by
its first twenty characters.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYED_BY_WORDS = ("supply", "contract_tariff", "meter_assignment", "supply_access", "inbox_event")
CURVES = {
    "day_curve": ("point_key", "revision"),
    "day_curve_history": ("point_key", "revision"),
    "kept_reading": ("meter_key", "revision"),
    "estimated_day": ("point_key", "revision"),
    "estimated_day_history": ("point_key", "revision"),
}


def upgrade() -> None:
    op.drop_index("ix_supply_cups", "supply")
    _lay_out(with_rowid=False, kind=sa.Integer())


def downgrade() -> None:
    _lay_out(with_rowid=True, kind=sa.BigInteger())
    op.create_index("ix_supply_cups", "supply", ["cups"])


def _lay_out(*, with_rowid: bool, kind: sa.types.TypeEngine[int]) -> None:
    dialect = op.get_bind().dialect
    if dialect.name == "sqlite":
        for table in KEYED_BY_WORDS:
            with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_with_rowid": with_rowid}):
                pass
        return
    for table, columns in CURVES.items():
        changes = ", ".join(f"ALTER COLUMN {column} TYPE {kind.compile(dialect)}" for column in columns)
        op.execute(f"ALTER TABLE {table} {changes}")  # one statement, so that the table is rewritten once
