"""What is written once stays: no change of invoices and books, and no ledger entry that does not balance.

The postings of an entry come first; the entry then seals them, and its trigger refuses it unless they sum to zero.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WRITTEN_ONCE = (
    "invoice",
    "invoice_line",
    "invoice_tax",
    "invoice_consumption",
    "ledger_entry",
    "ledger_posting",
    "settlement",
    "payment",
    "document",
)
BALANCE = "(SELECT COALESCE(SUM(amount), 1) FROM ledger_posting WHERE entry_id = NEW.id)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    for table in WRITTEN_ONCE:
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is written once'); END"
            )
    op.execute(
        f"CREATE TRIGGER ledger_entry_balances BEFORE INSERT ON ledger_entry WHEN {BALANCE} <> 0 "
        "BEGIN SELECT RAISE(ABORT, 'a ledger entry does not balance'); END"
    )
    op.execute(
        "CREATE TRIGGER ledger_posting_sealed BEFORE INSERT ON ledger_posting "
        "WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id) "
        "BEGIN SELECT RAISE(ABORT, 'a ledger entry is sealed'); END"
    )


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION written_once() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is written once', TG_TABLE_NAME; END $$"
    )
    for table in WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION written_once()"
        )
    op.execute(
        "CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {BALANCE} <> 0 THEN RAISE EXCEPTION 'a ledger entry does not balance'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_entry_balances BEFORE INSERT ON ledger_entry "
        "FOR EACH ROW EXECUTE FUNCTION ledger_entry_balances()"
    )
    op.execute(
        "CREATE FUNCTION ledger_posting_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id) THEN "
        "RAISE EXCEPTION 'a ledger entry is sealed'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_posting_sealed BEFORE INSERT ON ledger_posting "
        "FOR EACH ROW EXECUTE FUNCTION ledger_posting_sealed()"
    )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WRITTEN_ONCE:
        if sqlite:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        else:
            op.execute(f"DROP TRIGGER {table}_written_once ON {table}")
    for name, table in (("ledger_entry_balances", "ledger_entry"), ("ledger_posting_sealed", "ledger_posting")):
        op.execute(f"DROP TRIGGER {name}" if sqlite else f"DROP TRIGGER {name} ON {table}")
        if not sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    if not sqlite:
        op.execute("DROP FUNCTION written_once()")
