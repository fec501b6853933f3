"""What the office and the members do, as steps for tests."""

from typing import Any

from coop.identity.events.v1 import events_pb2 as identity_events
from coop.supplies.v1 import supplies_service_pb2 as pb

from services.chassis.ids import new_id
from tests.support.service_under_test import ServiceUnderTest

ANA = {
    "member_number": "5555", "name": "Ana Pradoverde Sotoluna", "document_type": "nif", "document": "12345678z",
    "birth_date": "12/03/1984", "email": "ana@example.org", "phone": "600 000 001", "language": "es",
    "postal_street": "Calle Mayor, 1", "postal_postcode": "44999", "postal_municipality": "Vallesol", "postal_province": "Teruel",
    "account_number": "5555/1", "cups": "ES0575000000000877HA", "street": "Calle Mayor, 1", "postcode": "44999",
    "municipality": "Vallesol", "province": "Teruel", "tariff_zone": "peninsula", "service": "electricity",
    "state": "connected", "connected_on": "2015-05-01", "billing_from": "2015-05-01", "meter_serial": "VLS0210000000",
    "meter_from": "2015-05-01", "contract_number": "E5555-1", "contract_from": "2015-05-01", "product_code": "fija-2026",
    "tariff": "2.0TD", "power_p1_kw": "4.6", "power_p2_kw": "4.6", "meter_rental": "single_phase",
    "tax_condition": "consumer", "use": "dwelling",
}  # fmt: skip
ANA_SECOND = ANA | {
    "account_number": "5555/2", "cups": "ES0575000000000001AR", "meter_serial": "VLS0210000003", "contract_number": "E5555-2",
    "street": "Camino de la Huerta, 7",
}  # fmt: skip
LUIS = ANA | {
    "member_number": "5601", "name": "Luis Peñaclara", "document": "00000000T", "birth_date": "1979-07-30",
    "email": "luis@example.org", "account_number": "5601/1", "cups": "ES0575000000000002AW", "meter_serial": "VLS0210000006",
    "contract_number": "E5601-1",
}  # fmt: skip
LUCAS = ANA | {
    "name": "Lucas Tambo", "document_type": "dni", "document": "20.123.456", "birth_date": "30/07/1979", "cups": "",
    "postcode": "S2999", "postal_postcode": "S2999", "tariff_zone": "", "tariff": "T1R", "power_p2_kw": "", "meter_rental": "",
    "email": "lucas@example.org", "product_code": "residencial",
}  # fmt: skip
LUCAS_WATER = LUCAS | {
    "service": "water", "meter_serial": "", "meter_from": "", "contract_number": "A5555-1", "product_code": "agua-no-medida",
    "tariff": "agua", "power_p1_kw": "",
}  # fmt: skip


def import_rows(supplies: ServiceUnderTest, *rows: dict[str, str], per_message: int = 50, first_line: int = 2) -> Any:
    """Streams the rows as ``coopctl members import`` does; lines count from 2, after the header."""
    request_id = new_id()

    def messages() -> Any:
        for start in range(0, len(rows), per_message):
            part = rows[start : start + per_message]
            yield pb.ImportMembersRequest(
                request_id=request_id,
                file_name="members.csv",
                rows=[pb.MemberRow(line=first_line + start + n, fields=row) for n, row in enumerate(part)],
            )

    return supplies.as_staff("support").ImportMembers(messages(), timeout=120)


def activated(supplies: ServiceUnderTest, account_id: str, email: str) -> None:
    """Identity says that an account's address was confirmed."""
    event = identity_events.AccountActivated(account_id=account_id, email=email, name="Somebody", language="es")
    supplies.hear("coop.identity.account.v1", account_id, event, "identity")


def ask(supplies: ServiceUnderTest, account_id: str, document: str, birth_date: str, address: str = "192.0.2.7") -> Any:
    """Asks to see a holder's supplies; the answer's bytes."""
    request = pb.RequestAssociationRequest(document=document, birth_date=birth_date, request_id=new_id())
    return supplies.as_member(account_id, address=address).RequestAssociation(request).SerializeToString()


def mine(supplies: ServiceUnderTest, account_id: str) -> list[str]:
    """Account numbers of what an account may read."""
    answer = supplies.as_member(account_id).ListMySupplies(pb.ListMySuppliesRequest())
    return [supply.account_number for supply in answer.supplies]
