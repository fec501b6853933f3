"""What notifications keeps, how long and why."""

from __future__ import annotations

from services.chassis.db import Database
from services.chassis.retention import Kept, rows
from services.notifications.domain.delivery import State
from services.notifications.tables import message, notice

SIX_YEARS = 2192


def kept(database: Database) -> list[Kept]:
    ended = message.c.state.in_((State.DELIVERED, State.FAILED))
    return [
        rows(
            database,
            message,
            message.c.created_at,
            "mail_contents",
            "what mails said that were delivered or given up",
            "For questions about a mail; that and to whom it was sent stays in the log (RGPD, art. 5.1.e).",
            90,
            where=(ended, message.c.data != {}),
            least=7,
            emptied={"data": {}},
        ),
        rows(
            database,
            message,
            message.c.created_at,
            "mail_log",
            "that a mail was sent, to whom and when",
            "Correspondence is kept with the books, six years (Código de Comercio, art. 30).",
            SIX_YEARS,
            where=(ended,),
            least=365,
        ),
        rows(
            database,
            notice,
            notice.c.created_at,
            "notices",
            "notices in the members' pages",
            "Members look back over two years, as over their consumption.",
            730,
            least=90,
        ),
    ]
