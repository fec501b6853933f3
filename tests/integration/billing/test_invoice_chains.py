"""The invoices of every series are proven as they were issued; whatever is changed behind the service's back is named."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from services.billing.application.invoice_chains import check_invoices
from tests.support.billing import Office

CHANGES = {
    "UPDATE invoice_line SET amount = amount + 1 WHERE position = 0 AND invoice_id = :second": (1, "figures"),
    "UPDATE invoice SET total = total - 1 WHERE id = :second": (1, "figures"),
    "UPDATE invoice SET hash = 'f' || substr(hash, 2) WHERE id = :second": (1, "figures"),
    "UPDATE invoice SET previous_hash = '' WHERE id = :second": (1, "the hash of the invoice before it"),
    "UPDATE invoice SET sequence = 7 WHERE id = :second": (1, "number 2 of the series is missing"),
    "UPDATE series SET last_number = 4 WHERE code = 'E-2026'": (3, "ends at number 3 and 4 were given"),
}


def test_issued_invoices_stand_on_both_databases(office: Office) -> None:
    assert check_invoices(office.database) == []
    office.add_supplies(3)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    (found,) = check_invoices(office.database)
    assert (found.series, found.invoices, found.broken_sequence, found.why) == ("E-2026", 6, 0, "")
    with office.database.read() as connection:
        last = connection.execute(text("SELECT last_hash FROM series WHERE code = 'E-2026'")).scalar_one()
    assert found.hash == last != ""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_change_is_found_at_its_place(office: Office) -> None:
    office.add_supplies(3)
    office.bill()
    with office.database.read() as connection:
        second = connection.execute(text("SELECT id FROM invoice WHERE sequence = 2")).scalar_one()
    for change, (sound, why) in CHANGES.items():
        with pytest.raises(_TakenBack), office.database.write() as tx:
            triggers = tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
            for name in list(triggers):
                tx.execute(text(f"DROP TRIGGER {name}"))
            tx.execute(text(change), {"second": second} if ":second" in change else {})
            (found,) = check_invoices(_Same(tx.connection))  # type: ignore[arg-type]
            assert (found.invoices, found.broken_sequence > sound) == (sound, True), change
            assert why in found.why, change
            raise _TakenBack
    (found,) = check_invoices(office.database)
    assert found.why == ""


class _TakenBack(Exception):
    """The change is undone with its transaction."""


class _Same:
    """A database whose reader sees what a transaction has not committed."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def read(self) -> _Same:
        return self

    def __enter__(self) -> object:
        return self._connection

    def __exit__(self, *_: object) -> None:
        return None
