"""Composition root: from what the chassis gives to what a billing process is made of."""

from __future__ import annotations

from coop.billing.v1 import (
    billing_service_pb2,
    card_service_pb2,
    certificates_service_pb2,
    documents_service_pb2,
    fiscal_service_pb2,
    market_service_pb2,
    payments_service_pb2,
    rectifying_service_pb2,
)
from coop.billing.v1.billing_service_pb2_grpc import add_BillingServiceServicer_to_server
from coop.billing.v1.card_service_pb2_grpc import add_CardServiceServicer_to_server
from coop.billing.v1.certificates_service_pb2_grpc import add_CertificatesServiceServicer_to_server
from coop.billing.v1.documents_service_pb2_grpc import add_DocumentsServiceServicer_to_server
from coop.billing.v1.fiscal_service_pb2_grpc import add_FiscalServiceServicer_to_server
from coop.billing.v1.market_service_pb2_grpc import add_MarketServiceServicer_to_server
from coop.billing.v1.payments_service_pb2_grpc import add_PaymentsServiceServicer_to_server
from coop.billing.v1.rectifying_service_pb2_grpc import add_RectifyingServiceServicer_to_server

from services.billing import figures, retention
from services.billing.application.accounts import Accounts
from services.billing.application.bill_runs import BillRuns
from services.billing.application.books import Books
from services.billing.application.card_terminal import terminal_of
from services.billing.application.cards import CardPayments
from services.billing.application.certificates import Certificates
from services.billing.application.charges import Charges
from services.billing.application.disputes import Disputes
from services.billing.application.document_checks import DocumentChecks
from services.billing.application.documents import Documents
from services.billing.application.fiscal import fiscal_office
from services.billing.application.fiscal_codes import FiscalCodes
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.application.invoices import Invoices
from services.billing.application.market_prices import MarketPrices
from services.billing.application.payments import Payments
from services.billing.application.positions import Positions
from services.billing.application.pricing import EnergySource, MonthPricer
from services.billing.application.rectifying import Rectifier
from services.billing.application.refunds import Refunds
from services.billing.application.regularising import Corrections
from services.billing.application.reviews import Reviews
from services.billing.application.till import Till
from services.billing.audit_api import invoice_audit_servicer
from services.billing.bank_api import bank_servicer
from services.billing.card_api import CardApi
from services.billing.certificates_api import CertificatesApi
from services.billing.charges_api import charges_servicer
from services.billing.consumers import (
    corrections_subscription,
    documents_subscription,
    read_model_subscription,
    return_fees_subscription,
    runner_subscription,
)
from services.billing.direct_debit_api import direct_debit_servicer
from services.billing.documents_api import DocumentsApi
from services.billing.fiscal_api import FiscalApi
from services.billing.grpc_api import BillingApi
from services.billing.market_api import MarketApi
from services.billing.metering_client import MeteringEnergy
from services.billing.payments_api import PaymentsApi
from services.billing.plans_api import plans_servicer
from services.billing.press import Press, processes
from services.billing.proposals_api import proposals_servicer
from services.billing.rectifying_api import RectifyingApi
from services.billing.reminders_api import reminders_servicer
from services.billing.rules import Rules, rules_of
from services.billing.settings import Settings
from services.billing.signing import KEY_FILE, SigningKey, ensure_self_signed, read_key
from services.chassis.blobs import BlobStore
from services.chassis.grpc.server import ServicerSpec
from services.chassis.service import Kit, Parts
from services.chassis.telemetry import CERTIFICATE_EXPIRY


def build(kit: Kit[Settings], energy: EnergySource | None = None) -> Parts:
    """The service; `energy` replaces the metering service in tests and benchmarks."""
    rules = rules_of(kit.profile)
    database = kit.database
    pricer = MonthPricer(database, rules, energy or MeteringEnergy(kit.clients))
    bill_runs = BillRuns(database, rules, pricer, kit.settings.chunk_supplies)
    fiscal = fiscal_office(rules)
    corrections = Corrections(database, rules, Rectifier(database, rules, pricer, fiscal))
    charges = Charges(database, rules, fiscal)
    accounts = Accounts(database, rules)
    blobs = BlobStore(kit.settings.data_dir / "documents")
    signing = _signing_key(kit)
    documents = Documents(database, rules, blobs, kit.settings.public_url, signing)
    invoices = Invoices(database, rules)
    printers = processes()
    press = Press(printers)
    certificates = Certificates(database, rules)
    api = BillingApi(
        rules,
        bill_runs,
        invoices,
        accounts,
        certificates,
        documents,
        Reviews(database),
        press,
    )
    return Parts(
        servicers=[
            ServicerSpec(
                api,
                add_BillingServiceServicer_to_server,
                billing_service_pb2.DESCRIPTOR.services_by_name["BillingService"],
            ),
            bank_servicer(database, rules),
            ServicerSpec(
                CardApi(rules, _card_payments(kit, rules)),
                add_CardServiceServicer_to_server,
                card_service_pb2.DESCRIPTOR.services_by_name["CardService"],
            ),
            ServicerSpec(
                CertificatesApi(rules, certificates, Disputes(database), Positions(database, rules)),
                add_CertificatesServiceServicer_to_server,
                certificates_service_pb2.DESCRIPTOR.services_by_name["CertificatesService"],
            ),
            ServicerSpec(
                DocumentsApi(DocumentChecks(database, certificates, signing), documents, invoices),
                add_DocumentsServiceServicer_to_server,
                documents_service_pb2.DESCRIPTOR.services_by_name["DocumentsService"],
            ),
            ServicerSpec(
                FiscalApi(FiscalRecords(database, kit.profile), FiscalCodes(database)),
                add_FiscalServiceServicer_to_server,
                fiscal_service_pb2.DESCRIPTOR.services_by_name["FiscalService"],
            ),
            charges_servicer(rules, charges),
            direct_debit_servicer(database, rules, blobs),
            invoice_audit_servicer(database),
            ServicerSpec(
                MarketApi(MarketPrices(database, rules), rules),
                add_MarketServiceServicer_to_server,
                market_service_pb2.DESCRIPTOR.services_by_name["MarketService"],
            ),
            ServicerSpec(
                PaymentsApi(
                    database,
                    rules,
                    Payments(database, rules, documents),
                    Refunds(database, rules),
                    Till(database, rules),
                    Books(database, rules),
                ),
                add_PaymentsServiceServicer_to_server,
                payments_service_pb2.DESCRIPTOR.services_by_name["PaymentsService"],
            ),
            ServicerSpec(
                RectifyingApi(rules, corrections),
                add_RectifyingServiceServicer_to_server,
                rectifying_service_pb2.DESCRIPTOR.services_by_name["RectifyingService"],
            ),
            plans_servicer(database, rules),
            proposals_servicer(database, rules, bill_runs),
            reminders_servicer(database, rules, documents),
        ],
        subscriptions=[
            read_model_subscription(),
            runner_subscription(bill_runs),
            corrections_subscription(corrections),
            documents_subscription(documents, press.invoice, readers=printers),
            *([return_fees_subscription(rules, charges)] if rules.return_fee is not None else []),
        ],
        background=[press.run],
        kept=retention.kept(database),
        watched=figures.watched(),
    )


def _card_payments(kit: Kit[Settings], rules: Rules) -> CardPayments:
    terminal = terminal_of(kit.profile, kit.settings.keys_dir, kit.settings.sandbox_bank_url)
    return CardPayments(kit.database, rules, terminal, kit.settings.public_url)


def _signing_key(kit: Kit[Settings]) -> SigningKey | None:
    """What documents are signed with, if the folder of keys has it. A demonstration makes itself a key on its first start."""
    if kit.profile.demo:
        found: SigningKey | None = ensure_self_signed(
            kit.settings.keys_dir, kit.profile.legal_name, kit.profile.jurisdiction, kit.clock.now()
        )
    else:
        found = read_key(kit.settings.keys_dir)
    if found:
        CERTIFICATE_EXPIRY.labels(KEY_FILE).set(found.certificate.not_valid_after_utc.timestamp())
    return found
