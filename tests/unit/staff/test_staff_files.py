"""Reading the office's members file, and messages as plain data."""

from pathlib import Path

import pytest
from coop.billing.v1 import billing_pb2
from coop.metering.v1 import metering_service_pb2

from services.chassis.errors import Invalid
from services.staff import members_file
from services.staff.plain import enum_prefix, plain


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_lines_keep_their_number_and_their_values(tmp_path: Path, separator: str) -> None:
    lines = ["member_number;name;email", "5555;Ana;ana@example.org", "", "5601;Luis;"]
    file = write(tmp_path / "m.csv", "\n".join(lines).replace(";", separator))
    found = list(members_file.rows(file))
    assert [(row.line, dict(row.fields)) for row in found] == [
        (2, {"member_number": "5555", "name": "Ana", "email": "ana@example.org"}),
        (4, {"member_number": "5601", "name": "Luis"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", b"\xef\xbb\xbfmember_number;name\n5555;Ana\n")
    assert dict(next(members_file.rows(file)).fields) == {"member_number": "5555", "name": "Ana"}


def test_a_value_too_many_reaches_the_service_so_that_the_line_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "m.csv", "member_number;name\n5555;Ana;extra\n")
    assert dict(next(members_file.rows(file)).fields)["unnamed column"] == "extra"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"   \n", "is empty"),
        (b"Fecha;Hora;Consumo\n", "names the column member_number"),
        ("member_number;name\n5555;José\n".encode("latin-1"), "not UTF-8 \\(line 2\\)"),
    ],
)
def test_what_is_no_members_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        list(members_file.rows(write(tmp_path / "m.csv", content)))


def test_a_large_file_travels_in_several_messages_of_one_import(tmp_path: Path) -> None:
    body = "".join(f"{number};Name\n" for number in range(450))
    sent = list(members_file.messages(write(tmp_path / "m.csv", "member_number;name\n" + body), "request-1"))
    assert [len(message.rows) for message in sent] == [200, 200, 50]
    assert {message.request_id for message in sent} == {"request-1"}


def test_a_file_with_only_a_header_is_one_empty_import(tmp_path: Path) -> None:
    sent = list(members_file.messages(write(tmp_path / "m.csv", "member_number;name\n"), "request-1"))
    assert [len(message.rows) for message in sent] == [0]


def test_messages_become_plain_data() -> None:
    run = billing_pb2.BillRun(id="r", state=billing_pb2.BILL_RUN_STATE_COMPLETED, contracts=60)
    run.started_at.FromJsonString("2026-11-02T08:00:00Z")
    found = plain(run)
    assert found["state"] == "completed"
    assert found["contracts"] == 60
    assert found["started_at"] == "2026-11-02T08:00:00Z"
    assert found["completed_at"] is None and found["total"] is None
    assert plain(metering_service_pb2.ImportSummary(accepted=2**40))["accepted"] == 2**40
    assert enum_prefix("BillRunState") == "BILL_RUN_STATE_"
