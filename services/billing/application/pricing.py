"""Pricing many supplies at once: read models and energy in, draft bills and held supplies out. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from sqlalchemy import Connection

from services.billing.domain.adjustments import BillTerms, Discount
from services.billing.domain.bill import ZERO, Bill, Energy
from services.billing.domain.foreign import foreign_bill
from services.billing.domain.market import MarketHours
from services.billing.domain.outliers import PastBill, check_outlier
from services.billing.domain.own_demand import with_own_demand
from services.billing.domain.planning import HeldBill, Segment, plan
from services.billing.domain.plausible import check_plausible
from services.billing.domain.pricing import check_hours, price
from services.billing.domain.reading_due import check_read, read_by_intervals
from services.billing.domain.review import PRESUMED_ERROR, check_usual, months_to_compare
from services.billing.domain.rewards import INVITATION, given_wh, invitation
from services.billing.domain.season_average import Billed, months_of
from services.billing.domain.supplies import Member, Supply
from services.billing.domain.uncontracted import DAYS_WITHOUT_CONTRACT, check_contracts
from services.billing.repository import history, market, read_model, register_reads, reviews, rewards
from services.billing.repository.runs import HeldSupply
from services.billing.rules import Rules
from services.chassis.db import Database
from services.chassis.periods import DatePeriod, day_start
from services.chassis.subscription import PERMANENT
from services.chassis.telemetry import logger


@dataclass(frozen=True)
class EnergyQuery:
    """The energy of one service over local days, split by a metering tariff ("2.0TD", "flat"); by the hour where asked.

    `quarters_above` asks for the quarters of an hour above these W by power period too.
    """

    supply_id: str
    service_id: str
    tariff: str
    period: DatePeriod
    by_hour: bool = False
    quarters_above: Mapping[str, int] = field(default_factory=dict)


class EnergySource(Protocol):
    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        """One answer per query, in order; None for a service metering knows nothing of."""
        ...


@dataclass(frozen=True)
class Draft:
    """A priced bill that has no number yet, and who and what it is for."""

    supply: Supply
    holder: Member
    segments: tuple[Segment, ...]
    energies: tuple[Energy | None, ...]
    terms: BillTerms
    bill: Bill
    #: Concepts foreign to the service, for a document of their own.
    foreign: Bill | None = None

    @property
    def total(self) -> Decimal:
        """Of all its documents."""
        return self.bill.total + (self.foreign.total if self.foreign else ZERO)

    @property
    def own_discounts(self) -> tuple[Discount, ...]:
        """Those of its terms besides what an invitation gives."""
        return tuple(each for each in self.terms.discounts if each.concept != INVITATION)


#: A supply to bill, its holder and its segments; and energy by service and days.
Planned = tuple[Supply, Member, tuple[Segment, ...]]
Energies = dict[tuple[str, DatePeriod], Energy]
NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True)
class Usual:
    """What supplies used before, by supply and service, what they were billed, and the reasons in spite of which the
    office lets this month's bill go.
    """

    billed: Mapping[str, Mapping[str, Sequence[Billed]]]
    bills: Mapping[str, Sequence[PastBill]]
    released: Mapping[str, AbstractSet[str]]


@dataclass(frozen=True)
class Priced:
    """`idle` supplies have no contract in force on any of the days: one ended before them, the next begins after."""

    drafts: tuple[Draft, ...]
    held: tuple[HeldSupply, ...]
    idle: tuple[str, ...] = ()

    def given_wh(self) -> Mapping[str, int]:
        """What the drafts give by invitation, by holder."""
        given: Counter[str] = Counter()
        for draft in self.drafts:
            if draft.own_discounts != draft.terms.discounts:
                given[draft.holder.id] += given_wh(draft.bill.lines)
        return given


class MonthPricer:
    def __init__(self, database: Database, rules: Rules, energy: EnergySource) -> None:
        self._database = database
        self._rules = rules
        self._energy = energy

    def price(
        self, supply_ids: Sequence[str], period: DatePeriod, issue_date: date, given: Mapping[str, int] = NOTHING
    ) -> Priced:
        """Price the supplies' month with one question to metering for all of them (a few where prices change inside).

        `given` is the energy by invitation that other drafts, of which nothing is kept, gave to holders before.
        """
        with self._database.read() as connection:
            supplies = read_model.supplies(connection, supply_ids)
            members = read_model.members(connection, {supply.member_id for supply in supplies})
            usual = self._usual(connection, supply_ids, period)
            owed = rewards.left(connection, members)
        left = {
            member_id: sum(each.left_wh for each in found) - given.get(member_id, 0)
            for member_id, found in owed.items()
        }
        policy = self._rules.country.policy
        held: list[HeldSupply] = []
        idle: list[str] = []
        planned: list[Planned] = []
        for supply in supplies:
            try:
                segments = plan(supply, period, self._rules.book, policy.regulated_energy)
                if not segments:
                    idle.append(supply.id)
                    continue
                planned.append((supply, _holder(supply, members), segments))
            except HeldBill as reason:
                held.append(_held(supply, reason))
            except Exception as failure:
                held.append(_not_priced(supply, (), failure))
        energies = self._ask_for_each(planned, held)
        last_read = self._last_read(planned, period)
        drafts: list[Draft] = []
        refused = {each.supply_id for each in held}
        for supply, holder, segments in planned:
            if supply.id in refused:
                continue
            try:
                measured = self._measured(segments, energies)
                self._check(segments, measured)
                check_read(supply, segments, measured, period, last_read.get(supply.id, {}))
                discounts = invitation(segments, left.get(holder.id, 0))
                terms = BillTerms(zone=supply.tariff_zone, discounts=discounts)
                draft = draft_of(self._rules, supply, holder, segments, tuple(measured), terms, period, issue_date)
                self._review(draft.bill, supply, segments, usual)
                if discounts:
                    left[holder.id] -= given_wh(draft.bill.lines)
                drafts.append(draft)
            except HeldBill as reason:
                held.append(_held(supply, reason))
            except Exception as failure:
                held.append(_not_priced(supply, segments, failure))
        return Priced(tuple(drafts), tuple(held), tuple(idle))

    def again(self, supply: Supply, holder: Member, period: DatePeriod, accrual_date: date) -> Draft:
        """One supply's bill of a period with what is measured now, whatever is usual there; HeldBill when it has no price.

        What the period's invoice gave by an invitation it gives again.
        """
        policy = self._rules.country.policy
        segments = plan(supply, period, self._rules.book, policy.regulated_energy)
        if not segments:
            raise HeldBill(
                "NO_CONTRACT", f"Account {supply.account_number} has no contract in force from {period.start}."
            )
        energies = self._ask([(supply, holder, segments)])
        measured = tuple(self._measured(segments, energies))
        self._check(segments, measured)
        with self._database.read() as connection:
            kept = sum(rewards.given(connection, supply.id, period.start).values())
        terms = BillTerms(zone=supply.tariff_zone, discounts=invitation(segments, kept))
        bill = price(supply.id, period, segments, measured, policy, accrual_date, terms, self._rules.concepts)
        return Draft(supply, holder, segments, measured, terms, bill)

    def _usual(self, connection: Connection, supply_ids: Sequence[str], period: DatePeriod) -> Usual:
        """What was billed in the months that say what is usual, where the country's law or the cooperative asks."""
        months = months_to_compare(self._rules.country.presumed_error, period.start)
        year = months_of("year", period.start) if self._rules.outlier_times else ()
        return Usual(
            history.billed(connection, supply_ids, months) if months else {},
            history.past_bills(connection, supply_ids, year) if year else {},
            reviews.released(connection, supply_ids, period),
        )

    def _last_read(self, planned: Sequence[Planned], period: DatePeriod) -> Mapping[str, Mapping[str, date]]:
        """By supply and kind of service, up to when registers that are not read every month were billed."""
        concerned = [supply.id for supply, _, segments in planned if read_by_intervals(segments)]
        if not concerned:
            return {}
        with self._database.read() as connection:
            return register_reads.last_read(connection, concerned, period.start)

    def _review(self, bill: Bill, supply: Supply, segments: Sequence[Segment], usual: Usual) -> None:
        """Raises HeldBill when somebody has to look at the bill who has not."""
        supply_id = bill.supply_id
        released = usual.released.get(supply_id, frozenset())
        if DAYS_WITHOUT_CONTRACT not in released:
            check_contracts(supply, bill.period)
        if PRESUMED_ERROR not in released:
            check_usual(bill, segments, self._rules.country.presumed_error, usual.billed.get(supply_id, {}))
        if self._rules.outlier_times:
            check_outlier(bill, segments, usual.bills.get(supply_id, ()), self._rules.outlier_times, released)

    def _ask_for_each(self, planned: Sequence[Planned], held: list[HeldSupply]) -> Energies:
        """As `_ask`; but metering refuses a question as a whole, and for the sake of one supply the others are not held.

        By halves: of a hundred supplies one bad one costs fourteen questions.
        """
        try:
            return self._ask(planned)
        except PERMANENT as refused:
            if len(planned) == 1:
                supply, _, segments = planned[0]
                sentence = (
                    f"Metering does not tell the energy of contract {segments[0].contract.number}: {refused.message}"
                )
                held.append(_held(supply, HeldBill("ENERGY_REFUSED", sentence, segments[0].contract.id)))
                return {}
        half = len(planned) // 2
        return self._ask_for_each(planned[:half], held) | self._ask_for_each(planned[half:], held)

    def _ask(self, planned: Sequence[Planned]) -> Energies:
        queries = [
            EnergyQuery(
                supply.id,
                segment.service_id,
                self._rules.country.metering_tariff(segment),
                segment.days,
                segment.product.by_hour,
                self._rules.country.quarters_above(segment),
            )
            for supply, _, segments in planned
            for segment in segments
            if segment.metered
        ]
        answers = self._energy.energies(queries) if queries else []
        prices = self._market_prices([query.period for query in queries if query.by_hour])
        market_hours = MarketHours(prices, self._rules.profile.tz)
        return {
            (query.service_id, query.period): market_hours.priced(answer) if query.by_hour else answer
            for query, answer in zip(queries, answers, strict=True)
            if answer is not None
        }

    def _measured(self, segments: Sequence[Segment], energies: Energies) -> list[Energy | None]:
        found = [energies.get((segment.service_id, segment.days)) for segment in segments]
        return with_own_demand(segments, found, self._rules.profile.tz)

    def _market_prices(self, spans: Sequence[DatePeriod]) -> Mapping[datetime, Decimal]:
        """The prices in force of all hours from the first of the days to the last; nothing is asked for no days."""
        if not spans:
            return {}
        tz = self._rules.profile.tz
        first, last = min(days.start for days in spans), max(days.end for days in spans)
        with self._database.read() as connection:
            return market.prices_between(connection, day_start(first, tz), day_start(last, tz))

    def _check(self, segments: Sequence[Segment], measured: Sequence[Energy | None]) -> None:
        """Hours are counted over all the days of a service, not per span of prices."""
        totals: dict[str, tuple[Segment, Energy]] = {}
        for segment, energy in zip(segments, measured, strict=True):
            if not segment.metered or segment.by_register:
                continue
            found = energy or Energy()
            if segment.service_id in totals:
                first, so_far = totals[segment.service_id]
                totals[segment.service_id] = (first, so_far + found)
            else:
                totals[segment.service_id] = (segment, found)
        for segment, energy in totals.values():
            check_hours(segment, energy, self._rules.min_hours_ratio)
            check_plausible([each for each in segments if each.service_id == segment.service_id], energy)


def draft_of(
    rules: Rules,
    supply: Supply,
    holder: Member,
    segments: tuple[Segment, ...],
    energies: tuple[Energy | None, ...],
    terms: BillTerms,
    period: DatePeriod,
    issue_date: date,
) -> Draft:
    """A supply's month priced, with its document apart; HeldBill when something has no price."""
    policy, concepts = rules.country.policy, rules.concepts
    bill = price(supply.id, period, segments, energies, policy, issue_date, terms, concepts)
    apart = foreign_bill(bill, list(zip(segments, energies, strict=True)), policy, concepts)
    return Draft(supply, holder, segments, energies, terms, bill, apart)


def _holder(supply: Supply, members: dict[str, Member]) -> Member:
    if supply.member_id not in members:
        raise HeldBill(
            "NO_HOLDER",
            f"The holder of account {supply.account_number} is not known here yet; look at the events that billing has not "
            "read, and run the month again.",
        )
    return members[supply.member_id]


def _not_priced(supply: Supply, segments: Sequence[Segment], failure: Exception) -> HeldSupply:
    """What nobody foresaw in one bill is looked at by somebody, and no reason to leave the others unbilled."""
    logger().error("bill_not_priced", supply_id=supply.id, account_number=supply.account_number, exc_info=failure)
    sentence = (
        f"The bill of account {supply.account_number} could not be priced ({type(failure).__name__}: {failure}). Look at the "
        "contract's figures; where nothing is wrong with them it is a fault of this program, whose log has the whole of it."
    )
    return _held(supply, HeldBill("NOT_PRICED", sentence, segments[-1].contract.id if segments else ""))


def _held(supply: Supply, reason: HeldBill) -> HeldSupply:
    return HeldSupply(supply.id, reason.contract_id, supply.account_number, reason.reason, reason.explanation)
