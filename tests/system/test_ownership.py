"""A member's token, used directly against every service's port, reaches only that member's data."""

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from coop.billing.v1 import billing_service_pb2, card_service_pb2
from coop.common.v1 import access_pb2
from coop.common.v1.types_pb2 import Money
from coop.supplies.v1 import supplies_service_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from services.chassis.errors import CoopError, Forbidden, NotFound, Unauthenticated
from services.chassis.grpc.client import Clients, remote
from services.chassis.ids import new_id
from tests.bench.cooperative import member_rows
from tests.support.office import SERVICES, Session, open_account
from tests.support.photos import meter_photo
from tests.system.chain import SUPPLIES
from tests.system.conftest import Undisturbed

OWNED = ("supply_id", "invoice_id", "certificate_id", "payment_id")


def _methods() -> dict[str, MethodDescriptor]:
    """Of every interface that a service has."""
    found = {}
    for service in SERVICES:
        package = importlib.import_module(f"coop.{service}.v1")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.endswith("_service_pb2"):
                for interface in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
                    found |= {f"{service}.{method.name}": method for method in interface.methods}
    return found


METHODS = _methods()
FOR_MEMBERS = {
    name: method
    for name, method in METHODS.items()
    if access_pb2.CALLER_KIND_MEMBER in method.GetOptions().Extensions[access_pb2.access].allow
}
OF_A_SUPPLY = [name for name, method in FOR_MEMBERS.items() if set(OWNED) & set(method.input_type.fields_by_name)]
NOT_FOR_MEMBERS = sorted(
    name
    for name in METHODS
    if name not in FOR_MEMBERS
    and access_pb2.CALLER_KIND_ANONYMOUS not in METHODS[name].GetOptions().Extensions[access_pb2.access].allow
)


@dataclass
class Two:
    """A member, and what belongs to somebody else."""

    member: Session
    own: dict[str, str]
    foreign: dict[str, str]
    anonymous: Clients


@pytest.fixture(scope="module")
def two(undisturbed: Undisturbed) -> Two:
    stack, office = undisturbed.stack, undisturbed.office
    first, second = member_rows(SUPPLIES, "fija-2026", "2026-01-01")[:2]
    member = open_account(stack, first["email"])
    member.supplies.RequestAssociation(
        supplies_service_pb2.RequestAssociationRequest(
            document=first["document"], birth_date=first["birth_date"], request_id=new_id()
        )
    )
    office.settle()
    own = _belongings(undisturbed, first["account_number"])
    foreign = _belongings(undisturbed, second["account_number"])
    taken = call(member.clients, "metering.SubmitSelfReading", own)
    # Somebody else's receipt cannot be had; one's own under somebody else's supply must be as good as none.
    own["receipt"] = foreign["receipt"] = taken.receipt
    begun = call(member.clients, "billing.StartCardPayment", own)
    own["order_number"] = foreign["order_number"] = begun.payment.order_number
    addresses = {service: stack.grpc_address(service) for service in SERVICES}
    return Two(member, own, foreign, Clients(addresses, dict, deadline_s=60))


def _belongings(undisturbed: Undisturbed, account_number: str) -> dict[str, str]:
    office = undisturbed.office
    supply = office.supplies.GetSupply(supplies_service_pb2.GetSupplyRequest(supply_id=account_number)).supply
    invoices = office.billing.ListInvoices(billing_service_pb2.ListInvoicesRequest(supply_id=supply.id)).invoices
    # Everything of this month is paid or not yet due, so the office can certify it.
    request = billing_service_pb2.RequestCertificateRequest(supply_id=supply.id, request_id=new_id())
    outcome = office.billing.RequestCertificate(request)
    certificate = outcome.granted.id if outcome.WhichOneof("outcome") == "granted" else "none"
    money = Money(amount="1.00", currency_code=invoices[0].total.currency_code)
    order = billing_service_pb2.RecordPaymentRequest(
        supply_id=supply.id, amount=money, method="transfer", request_id=new_id()
    )
    payment = office.billing.RecordPayment(order).payment.id
    return {
        "supply_id": supply.id,
        "invoice_id": invoices[0].id,
        "certificate_id": certificate,
        "payment_id": payment,
    }


def call(clients: Clients, name: str, values: dict[str, str]) -> Any:
    """Calls a method with these values in the fields it has, everything else filled in sensibly; drains a stream."""
    service, _, method_name = name.partition(".")
    method = METHODS[name]
    request = GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.name in values:
            setattr(request, field.name, values[field.name])
        elif field.name == "period" and field.type == FieldDescriptor.TYPE_MESSAGE:
            request.period.start, request.period.end = "2026-10-01", "2026-11-01"
        elif field.name == "request_id":
            request.request_id = new_id()
        elif name == "metering.SubmitSelfReading" and field.name == "shown":
            for register in ("P1", "P2", "P3"):
                request.shown.add(register=register, value=10)
        elif name == "metering.SubmitSelfReading" and field.name in ("day", "photo"):
            request.day, request.photo = datetime.now(UTC).date().isoformat(), meter_photo()
        elif name == "billing.StartCardPayment" and field.name == "scope":
            request.scope = card_service_pb2.CARD_PAYMENT_SCOPE_INVOICE
        elif name == "supplies.RedeemInvitation" and field.name == "code":
            request.code = "7K3M-9QXF"
    interface = method.containing_service
    module = importlib.import_module(interface.file.name.removesuffix(".proto").replace("/", ".") + "_pb2_grpc")
    stub = clients.stub(service, getattr(module, f"{interface.name}Stub"))
    invoke = getattr(stub, method_name)
    with remote():
        answer = invoke(iter([request]) if method.client_streaming else request, timeout=60)
        return list(answer) if method.server_streaming else answer


@pytest.mark.parametrize("name", OF_A_SUPPLY)
def test_what_is_mine_answers(two: Two, name: str) -> None:
    if "certificate_id" in METHODS[name].input_type.fields_by_name and two.own["certificate_id"] == "none":
        pytest.fail("the office could not certify a supply that owes nothing")
    if name == "supplies.RedeemInvitation":
        # The supply is found; what nobody has is the code.
        with pytest.raises(NotFound, match="invitation code"):
            call(two.member.clients, name, two.own)
        return
    call(two.member.clients, name, two.own)


@pytest.mark.parametrize("name", OF_A_SUPPLY)
def test_what_is_somebody_elses_is_not_found(two: Two, name: str) -> None:
    with pytest.raises(NotFound):
        call(two.member.clients, name, two.foreign)


@pytest.mark.parametrize("name", OF_A_SUPPLY)
def test_what_does_not_exist_answers_the_same(two: Two, name: str) -> None:
    nothing = dict.fromkeys(OWNED, new_id())
    with pytest.raises(NotFound) as unknown:
        call(two.member.clients, name, nothing)
    with pytest.raises(NotFound) as foreign:
        call(two.member.clients, name, two.foreign)

    def shape(error: CoopError, values: dict[str, str]) -> str:
        text = error.message
        for value in values.values():
            text = text.replace(value, "ID")
        return f"{error.reason} {text}"

    assert shape(unknown.value, nothing) == shape(foreign.value, two.foreign)


@pytest.mark.parametrize("name", NOT_FOR_MEMBERS)
def test_what_is_the_offices_is_forbidden(two: Two, name: str) -> None:
    with pytest.raises(Forbidden):
        call(two.member.clients, name, two.own)


@pytest.mark.parametrize("name", [*FOR_MEMBERS, *NOT_FOR_MEMBERS])
def test_a_stranger_has_to_sign_in(two: Two, name: str) -> None:
    with pytest.raises(Unauthenticated):
        call(two.anonymous, name, two.own)
