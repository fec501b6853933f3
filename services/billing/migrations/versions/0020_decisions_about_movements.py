"""What a movement of the bank paid, and what people decided about it, are written once."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("bank_decision", "bank_movement_payment")
ACTIONS = ("UPDATE", "DELETE")


def upgrade() -> None:
    for table in WRITTEN_ONCE:
        if op.get_bind().dialect.name == "sqlite":
            for action in ACTIONS:
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
    for table in WRITTEN_ONCE:
        if op.get_bind().dialect.name == "sqlite":
            for action in ACTIONS:
                op.execute(f"DROP TRIGGER {table}_no_{action.lower()}")
        else:
            op.execute(f"DROP TRIGGER {table}_written_once ON {table}")
