"""Two at once: imports of the same file, and an import beside an association."""

from concurrent.futures import ThreadPoolExecutor

from coop.supplies.events.v1 import events_pb2 as events
from coop.supplies.v1 import supplies_service_pb2 as pb

from services.chassis.errors import Invalid
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from tests.integration.supplies.office import ANA, activated, ask, import_rows, mine
from tests.integration.supplies.test_associations import code_of, settled
from tests.integration.supplies.test_import_members import unique_row
from tests.support.service_under_test import ServiceUnderTest


def test_two_imports_of_one_file_at_once_are_one_import(spain: ServiceUnderTest) -> None:
    rows = [unique_row(number) for number in range(250)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: import_rows(spain, *rows), range(2)))
    assert sum(answer.supplies_created for answer in answers) == 250
    assert sum(answer.rows_unchanged for answer in answers) == 250
    assert [len(answer.refused) for answer in answers] == [0, 0]
    assert len(spain.events(events.SupplyChanged)) == 250


def test_supplies_that_come_while_their_holder_is_associated_are_granted_once(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-ana", "ana@example.org")
    others = [unique_row(number) for number in range(30)]
    held = [
        other | {name: ANA[name] for name in ("member_number", "document")} | {"account_number": f"5555/{number + 2}"}
        | {name: ANA[name] for name in ("name", "birth_date", "email")}
        for number, other in enumerate(others)
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        imports = [pool.submit(import_rows, spain, row) for row in held]
        asked = pool.submit(ask, spain, "account-ana", "12345678Z", "1984-03-12")
        assert [done.result().supplies_created for done in imports] == [1] * 30
        asked.result()
    assert settled(spain, "account-ana") == ["granted"]
    assert len(mine(spain, "account-ana")) == 31
    told = [event.supply_id for _, event in spain.events(events.AccessGranted)]
    assert len(told) == len(set(told)) == 31


def test_one_code_typed_twice_at_once_grants_once(spain: ServiceUnderTest) -> None:
    import_rows(spain, ANA)
    activated(spain, "account-x", "other@example.org")
    ask(spain, "account-x", "12345678Z", "1984-03-12")
    code = code_of(spain)

    def confirm(_: int) -> int:
        request = pb.ConfirmAssociationRequest(code=code, request_id=new_id())
        try:
            with remote():
                return int(spain.as_member("account-x").ConfirmAssociation(request).supplies_added)
        except Invalid:
            return 0

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(confirm, range(4))) == [0, 0, 0, 1]
    assert len(spain.events(events.AccessGranted)) == 1
