"""coopctl from the outside: exit codes, and sentences instead of tracebacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.billing.v1 import billing_pb2, billing_service_pb2, billing_service_pb2_grpc
from coop.common.v1 import operations_service_pb2, operations_service_pb2_grpc
from coop.common.v1.types_pb2 import Money
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2, metering_service_pb2_grpc
from coop.supplies.v1 import supplies_pb2, supplies_service_pb2, supplies_service_pb2_grpc
from grpc_status import rpc_status

from services.chassis.errors import NotFound, Refused
from services.chassis.grpc.status import to_status
from services.local.ports import free_port
from services.staff.cli import run
from services.staff.session import Session, SessionFile

SERVICES = ("IDENTITY", "SUPPLIES", "METERING", "BILLING", "NOTIFICATIONS")


class Services(
    identity_service_pb2_grpc.IdentityServiceServicer,
    supplies_service_pb2_grpc.SuppliesServiceServicer,
    metering_service_pb2_grpc.MeteringServiceServicer,
    billing_service_pb2_grpc.BillingServiceServicer,
    operations_service_pb2_grpc.OperationsServiceServicer,
):
    """All services on one port, as far as the commands under test ask."""

    def __init__(self) -> None:
        self.tokens = 0
        self.token_life = timedelta(seconds=60)
        self.seen: list[tuple[str, str]] = []
        self.payments: list[billing_service_pb2.RecordPaymentRequest] = []
        self.chunks: dict[str, bytes] = {}

    def SignIn(self, request: identity_service_pb2.SignInRequest, context: Any) -> Any:
        staff = request.email.startswith("office")
        kind = identity_service_pb2.ACCOUNT_KIND_STAFF if staff else identity_service_pb2.ACCOUNT_KIND_MEMBER
        account = identity_service_pb2.Account(id="a1", email=request.email, kind=kind, staff_roles=["billing"])
        return identity_service_pb2.SignInResponse(session_token=f"session of {request.password}", account=account)

    def SignOut(self, request: Any, context: Any) -> Any:
        self._note("SignOut", context)
        return identity_service_pb2.SignOutResponse()

    def IssueAccessToken(self, request: identity_service_pb2.IssueAccessTokenRequest, context: Any) -> Any:
        if request.session_token == "over":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "The session is over.")
        self.tokens += 1
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token=f"token-{self.tokens}")
        answer.expires_at.FromDatetime(datetime.now(UTC) + self.token_life)
        return answer

    def GetSupply(self, request: supplies_service_pb2.GetSupplyRequest, context: Any) -> Any:
        self._note("GetSupply", context)
        if request.supply_id != "5555/1":
            _fail(
                context, NotFound(f"There is no supply {request.supply_id!r}: look it up with 'coopctl supplies list'.")
            )
        supply = supplies_pb2.Supply(id="s1", account_number="5555/1", holder_name="Ana [Prado]", cups="ES0575")
        return supplies_service_pb2.GetSupplyResponse(supply=supply)

    def GetDebtState(self, request: billing_service_pb2.GetDebtStateRequest, context: Any) -> Any:
        return billing_service_pb2.GetDebtStateResponse(debt=billing_pb2.DebtState(overdue=_euros("0.00")))

    def RequestCertificate(self, request: billing_service_pb2.RequestCertificateRequest, context: Any) -> Any:
        assert request.supply_id == "s1"
        due = billing_pb2.OpenItem(invoice_number="E2026-7", due_date="2026-10-22", outstanding=_euros("41.20"))
        refusal = billing_service_pb2.CertificateRefusal(due=[due], total_due=_euros("41.20"))
        return billing_service_pb2.RequestCertificateResponse(refused=refusal)

    def VerifyCertificate(self, request: billing_service_pb2.VerifyCertificateRequest, context: Any) -> Any:
        self._note("VerifyCertificate", context)
        return billing_service_pb2.VerifyCertificateResponse(state="valid", holder_masked="A*** P***")

    def GetInvoice(self, request: billing_service_pb2.GetInvoiceRequest, context: Any) -> Any:
        if request.invoice_id == "none":
            _fail(context, NotFound("There is no invoice none."))
        invoice = billing_pb2.Invoice(id="i7", number="E2026-7", total=_euros("55.44"))
        return billing_service_pb2.GetInvoiceResponse(invoice=invoice)

    def RecordPayment(self, request: billing_service_pb2.RecordPaymentRequest, context: Any) -> Any:
        self.payments.append(request)
        if request.amount.amount == "0.01":
            _fail(context, Refused("The invoice E2026-7 is paid already."))
        payment = billing_pb2.Payment(id="p1", invoice_number="E2026-7", amount=request.amount, credited=_euros("0.00"))
        return billing_service_pb2.RecordPaymentResponse(
            payment=payment, debt=billing_pb2.DebtState(overdue=_euros("0.00"))
        )

    def ImportReadings(self, requests: Any, context: Any) -> Any:
        self._note("ImportReadings", context)
        name, content = next(requests).file_name, b""
        for request in requests:
            content += request.chunk
            yield metering_service_pb2.ImportReadingsResponse(
                progress=metering_service_pb2.ImportProgress(bytes_read=len(content))
            )
        self.chunks[name] = content
        problem = "The file is empty." if not content else ""
        refused = metering_service_pb2.RefusedRow(line=4, meter="CIR1", value="-3", reason="Energy is negative.")
        summary = metering_service_pb2.ImportSummary(
            file_name=name,
            accepted=1234,
            refused=1,
            refused_readings=[refused],
            unknown_meters=["CIR9"],
            file_problem=problem,
        )
        yield metering_service_pb2.ImportReadingsResponse(summary=summary)

    def ListImports(self, request: Any, context: Any) -> Any:
        found = metering_service_pb2.ImportSummary(
            file_name="half.xml", accepted=745, file_problem="The import was interrupted: import the file again."
        )
        return metering_service_pb2.ListImportsResponse(imports=[found])

    def ListDeadLetters(self, request: Any, context: Any) -> Any:
        return operations_service_pb2.ListDeadLettersResponse()

    def RetryDeadLetter(self, request: Any, context: Any) -> Any:
        _fail(context, NotFound("No such letter."))

    def _note(self, method: str, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.seen.append((method, str(metadata.get("authorization", ""))))


def _euros(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


def _fail(context: Any, error: Any) -> None:
    context.abort_with_status(rpc_status.to_status(to_status(error)))


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    made = Services()
    server = grpc.server(ThreadPoolExecutor(8))
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(made, server)
    supplies_service_pb2_grpc.add_SuppliesServiceServicer_to_server(made, server)
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(made, server)
    billing_service_pb2_grpc.add_BillingServiceServicer_to_server(made, server)
    operations_service_pb2_grpc.add_OperationsServiceServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for name in SERVICES:
        monkeypatch.setenv(f"COOP_{name}_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    yield made
    server.stop(None)


@pytest.fixture
def signed_in(services: Services, tmp_path: Path) -> Services:
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    return services


def test_sign_in_keeps_the_session_for_its_owner_alone(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Pipe("secret words\n"))
    assert run(["login", "--email", "office@example.org", "--password-stdin", "--json"]) == 0
    file = tmp_path / "session.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["token"] == "session of secret words"
    captured = capsys.readouterr()
    assert json.loads(captured.out)["account"]["staff_roles"] == ["billing"]
    assert "secret" not in captured.out + captured.err
    assert run(["logout"]) == 0
    assert not file.exists()
    assert services.seen == [("SignOut", "Bearer token-1")]


def test_a_program_signs_in_with_a_password_file(
    services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text("secret words\nsecond line\n")
    login = ["login", "--email", "office@example.org", "--password-file", str(password)]
    assert run(login) == 0
    assert json.loads((tmp_path / "session.json").read_text())["token"] == "session of secret words"
    assert run([*login, "--password-stdin"]) == 2
    assert "Give the password once" in capsys.readouterr().err
    password.write_text("\n")
    assert run(login) == 2
    assert "has no password in its first line" in capsys.readouterr().err


def test_a_members_account_is_not_for_coopctl(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Pipe("x\n"))
    assert run(["login", "--email", "ana@example.org", "--password-stdin"]) == 1
    assert "member's account" in capsys.readouterr().err
    assert not (tmp_path / "session.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bill", "run"], "Missing option '--period'"),
        (["bill", "run", "--period", "October"], "write it as 2026-10"),
        (["bill", "run", "--period", "2026-10", "--issue-date", "2026-02-30"], "not a date of the calendar"),
        (["payments", "record", "--invoice", "1", "--amount", "55,44", "--method", "cash"], "write it with a point"),
        (["payments", "record", "--invoice", "1", "--amount", "-1", "--method", "cash"], "above zero"),
        (["payments", "record", "--invoice", "1", "--amount", "1", "--method", "shells"], "shells"),
        (["payments", "cash-up", "--counted", "-3"], "give 0 or more"),
        (["payments", "queue", "match", "m1", "--why", "x"], "--invoice (once or more), or --supply"),
        (
            ["statement", "1/1", "--from", "2026-11-02", "--to", "2026-11-01"],
            "2026-11-01 is before the first, 2026-11-02",
        ),
        (["members", "import", "/nowhere/members.csv"], "does not exist"),
        (["certificate", "revoke", "c1"], "Missing option '--why'"),
        (["messages", "list", "--state", "lost"], "lost"),
        (["dead-letters", "list", "--service", "gateway"], "gateway"),
        (["nonsense"], "nonsense"),
        (["supplies", "show"], "Missing argument"),
    ],
)
def test_wrong_use_says_what_and_how_and_ends_with_2(
    signed_in: Services, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Usage: coopctl" in captured.err
    assert captured.out == ""


def test_without_a_session_a_command_says_how_to_get_one(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["supplies", "show", "5555/1"]) == 1
    assert "coopctl login" in capsys.readouterr().err


def test_a_session_that_is_over_says_so(services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SessionFile(tmp_path).save(Session("office@example.org", "", "over", ""))
    assert run(["supplies", "show", "5555/1"]) == 1
    assert capsys.readouterr().err == "The session is over. Run 'coopctl login'.\n"


def test_a_broken_session_file_asks_for_a_new_sign_in(
    services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "session.json").write_text("{")
    assert run(["supplies", "show", "5555/1"]) == 1
    assert "run 'coopctl login' again" in capsys.readouterr().err


def test_a_service_that_is_down_is_named_with_its_address(
    signed_in: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("COOP_SUPPLIES_ADDRESS", f"127.0.0.1:{port}")
    assert run(["supplies", "show", "5555/1"]) == 1
    said = capsys.readouterr().err
    assert f"The supplies service does not answer at 127.0.0.1:{port}." in said
    assert "make run" in said and "Traceback" not in said


def test_what_the_service_refuses_ends_with_1_and_its_sentence(
    signed_in: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["supplies", "show", "9/9"]) == 1
    captured = capsys.readouterr()
    assert "There is no supply '9/9'" in captured.err
    assert captured.out == ""


def test_a_supply_is_shown_although_its_name_looks_like_markup(
    signed_in: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["supplies", "show", "5555/1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["supply"]["holder_name"] == "Ana [Prado]"
    assert run(["supplies", "show", "5555/1"]) == 0
    assert "Ana [Prado]" in capsys.readouterr().out


def test_a_refused_certificate_ends_with_1_and_names_the_invoices(
    signed_in: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["certificate", "request", "5555/1", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["refused"]["total_due"] == {"amount": "41.20", "currency_code": "EUR"}
    assert "E2026-7 (41.20 EUR, due 2026-10-22)" in captured.err


def test_anybody_checks_a_certificate_without_a_session(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["certificate", "verify", "ABCD", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holder_masked"] == "A*** P***"
    assert services.seen == [("VerifyCertificate", "")]


def test_a_payment_is_exact_and_in_the_invoices_currency(
    signed_in: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["payments", "record", "--invoice", "E2026-7", "--amount", "55.40", "--method", "transfer"]
    assert run([*arguments, "--paid-on", "2026-11-05", "--request-id", "r-1", "--json"]) == 0
    (sent,) = signed_in.payments
    assert (sent.invoice, sent.amount, sent.paid_on, sent.request_id) == ("i7", _euros("55.40"), "2026-11-05", "r-1")
    assert json.loads(capsys.readouterr().out)["payment"]["amount"]["amount"] == "55.40"


def test_a_refused_payment_ends_with_1(signed_in: Services, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["payments", "record", "--invoice", "E2026-7", "--amount", "0.01", "--method", "cash"]
    assert run(arguments) == 1
    assert capsys.readouterr().err == "The invoice E2026-7 is paid already.\n"


def test_readings_are_streamed_as_they_are(
    signed_in: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "readings"
    folder.mkdir()
    content = bytes(range(256)) * 3000
    (folder / "b.gz").write_bytes(content)
    (folder / "a.xml").write_bytes(b"<Report/>")
    assert run(["import", "readings", str(folder), "--json"]) == 0
    assert list(signed_in.chunks) == ["a.xml", "b.gz"]
    assert signed_in.chunks["b.gz"] == content
    imports = json.loads(capsys.readouterr().out)["imports"]
    assert [found["accepted"] for found in imports] == [1234, 1234]
    assert run(["import", "readings", str(folder)]) == 0
    table = capsys.readouterr()
    assert "Energy is negative." in table.out
    assert "CIR9" in table.err


def test_a_file_that_could_not_be_read_ends_with_1(
    signed_in: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.xml").touch()
    assert run(["import", "readings", str(tmp_path / "empty.xml")]) == 1
    assert "empty.xml: The file is empty." in capsys.readouterr().err


def test_the_list_of_imports_says_which_were_interrupted(
    signed_in: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["imports", "list"]) == 0
    said = capsys.readouterr()
    assert "745" in said.out and said.err == "half.xml: The import was interrupted: import the file again.\n"


def test_an_empty_folder_is_said(signed_in: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    assert run(["import", "readings", str(folder)]) == 1
    assert "has no files" in capsys.readouterr().err


def test_a_token_is_renewed_before_it_ends(signed_in: Services, tmp_path: Path) -> None:
    signed_in.token_life = timedelta(seconds=5)  # shorter than the margin: every call asks for a new one
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_bytes(b"<Report/>")
    assert run(["import", "readings", str(tmp_path / "a.xml"), str(tmp_path / "b.xml")]) == 0
    assert [token for _, token in signed_in.seen] == ["Bearer token-1", "Bearer token-2"]


def test_a_dead_letter_nobody_has_is_not_found(signed_in: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead-letters", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"dead_letters": []}
    assert run(["dead-letters", "retry", "x"]) == 1
    assert "no dead letter x at any service" in capsys.readouterr().err


def test_a_wrong_setting_is_named(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOP_BILLING_ADDRESS", "8004")
    assert run(["certificate", "verify", "ABCD"]) == 2
    assert "COOP_BILLING_ADDRESS is '8004'" in capsys.readouterr().err


class _Pipe:
    """Standard input that is no terminal."""

    def __init__(self, text: str) -> None:
        self._text = text

    def readline(self) -> str:
        return self._text

    @staticmethod
    def isatty() -> bool:
        return False


def test_a_command_that_is_not_there_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["members", "show", "5555"]) == 2
    assert "No such command 'show'.\nThere are: import.\n" in capsys.readouterr().err
    assert run(["suplies", "list"]) == 2
    said = capsys.readouterr().err
    assert "Did you mean 'supplies'?" in said and "There are" not in said


def test_a_value_that_is_none_of_those_is_said_without_jargon(capsys: pytest.CaptureFixture[str]) -> None:
    paid = ["--invoice", "E-1", "--amount", "1.00", "--paid-on", "2026-11-05"]
    assert run(["payments", "record", "--method", "cheque", *paid]) == 2
    assert "Invalid value for '--method': 'cheque' is not one of 'cash'" in capsys.readouterr().err
