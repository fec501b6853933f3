"""What billing reads from the event log: the read models, and its own work items."""

from __future__ import annotations

from coop.billing.events.v1 import events_pb2 as billing
from coop.metering.events.v1 import events_pb2 as metering
from coop.supplies.events.v1 import events_pb2 as supplies

from services.billing.application import rewards
from services.billing.application.bill_runs import BillRuns
from services.billing.application.charges import Charges
from services.billing.application.documents import Documents, Render
from services.billing.application.issuing import WORK_TOPIC
from services.billing.application.pricing import Priced
from services.billing.application.regularising import Corrections, Repriced
from services.billing.application.return_fees import charge_return
from services.billing.repository import read_model
from services.billing.repository.certificates import StoredDocument
from services.billing.rules import Rules
from services.billing.snapshots import member_from_message, supply_from_message
from services.chassis.consumer import Envelope, Subscription
from services.chassis.db import Transaction

CURVE_TOPIC = "coop.metering.curve.v1"


def read_model_subscription() -> Subscription:
    """Members, supplies, access, and what members are owed. An older version that comes late changes nothing."""

    def member_changed(tx: Transaction, event: supplies.MemberChanged, _: Envelope) -> None:
        read_model.keep_member(tx.connection, member_from_message(event), event.version)

    def supply_changed(tx: Transaction, event: supplies.SupplyChanged, _: Envelope) -> None:
        read_model.keep_supply(tx.connection, supply_from_message(event.supply), event.version)

    def access_granted(tx: Transaction, event: supplies.AccessGranted, _: Envelope) -> None:
        read_model.grant_access(tx.connection, event.account_id, event.supply_id, event.member_id, event.relation)

    def access_revoked(tx: Transaction, event: supplies.AccessRevoked, _: Envelope) -> None:
        read_model.revoke_access(tx.connection, event.account_id, event.supply_id)

    def invitation_redeemed(tx: Transaction, event: supplies.InvitationRedeemed, _: Envelope) -> None:
        rewards.owe(tx, event)

    return Subscription(
        group="billing",
        topics=(
            "coop.supplies.member.v1",
            "coop.supplies.supply.v1",
            "coop.supplies.access.v1",
            "coop.supplies.invitation.v1",
        ),
        handlers={
            supplies.MemberChanged: member_changed,
            supplies.SupplyChanged: supply_changed,
            supplies.AccessGranted: access_granted,
            supplies.AccessRevoked: access_revoked,
            supplies.InvitationRedeemed: invitation_redeemed,
        },
    )


def runner_subscription(bill_runs: BillRuns) -> Subscription:
    """Chunks of bill runs: reading and pricing before the transaction, issuing in it."""

    def price(event: billing.BillRunChunkReady, _: Envelope) -> Priced | None:
        return bill_runs.price_chunk(event.chunk_id)

    def issue(tx: Transaction, event: billing.BillRunChunkReady, _: Envelope, priced: Priced | None) -> None:
        bill_runs.issue_chunk(tx, event.chunk_id, priced)

    return Subscription(
        group="billing-runner",
        topics=(WORK_TOPIC,),
        handlers={billing.BillRunChunkReady: issue},
        prepare={billing.BillRunChunkReady: price},
    )


def corrections_subscription(corrections: Corrections) -> Subscription:
    """Energy that was billed and is known otherwise: priced again before the transaction, proposed to the office in it."""

    def price(event: metering.ReadingCorrected, _: Envelope) -> Repriced | None:
        return corrections.price(event)

    def propose(tx: Transaction, event: metering.ReadingCorrected, _: Envelope, priced: Repriced | None) -> None:
        corrections.propose(tx, event, priced)

    return Subscription(
        group="billing-corrections",
        topics=(CURVE_TOPIC,),
        handlers={metering.ReadingCorrected: propose},
        prepare={metering.ReadingCorrected: price},
        # One that cannot be told is kept as a dead letter; those of other supplies go on.
        on_permanent_failure="continue",
    )


def return_fees_subscription(rules: Rules, charges: Charges) -> Subscription:
    """Fees for direct debits that came back, in a group of their own: one that cannot be charged holds no bill run up."""

    def issue(tx: Transaction, event: billing.ReturnFeeDue, _: Envelope) -> None:
        charge_return(tx, rules, charges, event)

    return Subscription(
        group="billing-return-fees",
        topics=(WORK_TOPIC,),
        handlers={billing.ReturnFeeDue: issue},
        on_permanent_failure="continue",
    )


def documents_subscription(documents: Documents, render: Render, readers: int = 1) -> Subscription:
    """Invoices to print, in a group of their own: a slow printer holds no bill run up. A reader keeps one printer busy."""

    def print_out(event: billing.InvoiceDocumentDue, _: Envelope) -> StoredDocument | None:
        return documents.render_invoice(event.invoice_id, render)

    def record(
        tx: Transaction, event: billing.InvoiceDocumentDue, _: Envelope, rendered: StoredDocument | None
    ) -> None:
        documents.record_invoice(tx, event.invoice_id, rendered)

    return Subscription(
        group="billing-documents",
        topics=(WORK_TOPIC,),
        handlers={billing.InvoiceDocumentDue: record},
        prepare={billing.InvoiceDocumentDue: print_out},
        on_permanent_failure="continue",
        deferred=True,
        readers=readers,
    )
