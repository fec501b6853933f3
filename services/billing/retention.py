"""What billing keeps, how long and why. Money, invoices and what they were calculated from never go by themselves."""

from __future__ import annotations

from services.billing.tables import bill_run_chunk, essential_supply, refused_notification
from services.chassis.db import Database
from services.chassis.retention import Kept, for_good, rows


def kept(database: Database) -> list[Kept]:
    return [
        for_good(
            "invoices",
            "invoices, their documents and facts, fiscal records, certificates",
            "Six years from the last entry of the books (Código de Comercio, art. 30), four for taxes (Ley 58/2003, art. 66; RD "
            "1619/2012, art. 19), ten in Argentina (Código Civil y Comercial, art. 328). The chains have no beginning but their "
            "first document; nothing of it goes without the office.",
        ),
        for_good(
            "ledger",
            "ledger, payments, mandates, remittances, files of banks, reminders, disputes",
            "As the invoices. A mandate is proven for thirteen months after its last collection at least (RDL 19/2018, art. 43).",
        ),
        rows(
            database,
            bill_run_chunk,
            bill_run_chunk.c.done_at,
            "work_items",
            "which supplies were a unit of work of a bill run",
            "A run that ended a year ago is not taken up; its invoices, figures and held contracts stay.",
            365,
            where=(bill_run_chunk.c.done_at.is_not(None),),
            least=90,
        ),
        rows(
            database,
            essential_supply,
            essential_supply.c.until,
            "essential_papers",
            "papers by which a supply could not be cut off, from the day on which they ended",
            "Some tell of somebody's health (RGPD, art. 9): as long as a demand of that time is argued about, and no longer.",
            365,
            least=30,
        ),
        rows(
            database,
            refused_notification,
            refused_notification.c.received_at,
            "refused_notifications",
            "unsigned notifications in the name of the bank",
            "They tell of an attack or of a wrong key. What the bank signed stays.",
            365,
            where=(refused_notification.c.signed.is_(False),),
            least=30,
        ),
    ]
