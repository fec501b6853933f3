"""Where a dialect's reader puts what it finds: hours, register readings, and the rows that cannot be taken."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from services.metering.domain.readings import MeterError, ReadingBatch
from services.metering.domain.registers import RegisterRow

CUPS_LENGTH = 20
NO_INVOICE = -1


class Sink(ABC):
    """Takes rows. ``member`` names the archive member that is being read ("" if none) and ``dialect`` what it is written in;
    ``seen`` counts the rows so far. ``text`` is the row being read, and ``around`` what it is read with, for intervals that
    turn out later to be no whole hour.
    """

    def __init__(self) -> None:
        self.member = ""
        self.dialect = ""
        self.seen = 0
        self.text = ""
        self.around: Mapping[str, str] = {}
        self._owners: dict[tuple[str, str], int] = {}

    def owner(self, supply: str, meter: str = "") -> int:
        """The number of a supply or meter, to be given with its rows. The 20 and 22 character forms of a CUPS are one."""
        return self._owners.setdefault((supply[:CUPS_LENGTH], meter), len(self._owners))

    @abstractmethod
    def invoice(self, number: str) -> int:
        """The number of an invoice, to be given with its rows; NO_INVOICE for an empty one."""

    @abstractmethod
    def interval(
        self, line: int, owner: int, last_quarter: int, values: Sequence[int], quality: int, invoice: int = NO_INVOICE
    ) -> None:
        """An hour or a quarter of one, known by the quarter with which it ends; which it is, all of the supply's rows say.

        ``values``: Wh by channel, each below 2^32.
        """

    @abstractmethod
    def batch(self, batch: ReadingBatch) -> None:
        """Hours that are columns already; their points are meters."""

    @abstractmethod
    def register(self, row: RegisterRow, raw: str = "", around: Mapping[str, str] | None = None) -> None:
        """What the registers of a meter showed. ``raw`` and ``around`` as in ``quarantine``, where the row names no meter:
        whether it can be placed is found out later.
        """

    @abstractmethod
    def meter_error(self, error: MeterError) -> None:
        """A meter that its concentrator could not read."""

    @abstractmethod
    def quarantine(
        self,
        line: int,
        value: str,
        reason: str,
        raw: str = "",
        around: Mapping[str, str] | None = None,
        point: str = "",
    ) -> None:
        """A row that cannot be taken. ``raw`` is the whole row and ``around`` what it is read with (heading, meter): with
        them it can be read again by itself; ``raw`` stays empty where other rows decide what it means. ``point``: the
        CUPS or meter it names, if any.
        """
