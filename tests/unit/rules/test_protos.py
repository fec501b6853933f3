"""The contracts keep the style of docs/adding-a-service.md: names, paging, request ids, access, zero values."""

import importlib
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from services.chassis.grpc import access

ROOT = Path(__file__).resolve().parents[3]
PROTOS = sorted((ROOT / "protos").rglob("*.proto"))


def _file(path: Path) -> FileDescriptor:
    module = ".".join(path.relative_to(ROOT / "protos").with_suffix("").parts) + "_pb2"
    found: FileDescriptor = importlib.import_module(module).DESCRIPTOR
    return found


FILES = {str(path.relative_to(ROOT / "protos")): _file(path) for path in PROTOS}
METHODS = {
    f"{service.name}.{method.name}": method
    for file in FILES.values()
    for service in file.services_by_name.values()
    for method in service.methods
}


@pytest.mark.parametrize("name", FILES)
def test_package_is_the_folder(name: str) -> None:
    assert FILES[name].package == name.rpartition("/")[0].replace("/", ".")


@pytest.mark.parametrize("name", FILES)
def test_enums_have_an_unspecified_zero_and_their_own_prefix(name: str) -> None:
    for enum in FILES[name].enum_types_by_name.values():
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
        assert enum.values[0].name == f"{prefix}_UNSPECIFIED"
        assert all(value.name.startswith(f"{prefix}_") for value in enum.values)


@pytest.mark.parametrize("name", FILES)
def test_fields_are_snake_case(name: str) -> None:
    for message in FILES[name].message_types_by_name.values():
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", field.name) for field in message.fields)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_its_own_request_and_response(name: str) -> None:
    method: MethodDescriptor = METHODS[name]
    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"


@pytest.mark.parametrize("name", [name for name in METHODS if name.split(".")[1].startswith("List")])
def test_lists_are_paged(name: str) -> None:
    method = METHODS[name]
    assert {"page_size", "page_token"} <= set(method.input_type.fields_by_name)
    assert "next_page_token" in method.output_type.fields_by_name


#: Commands that are naturally the same however often they come, so they carry no request id: say why.
REPEATABLE = {
    "SignIn": "each sign-in is a session of its own",
    "SignOut": "ending an ended session changes nothing",
    "IssueAccessToken": "a token is no state",
    "ResetPassword": "its single-use token is the key",
    "ChangePassword": "the current password is the key: after the change it no longer fits",
    "RevokeSession": "a revoked session stays revoked",
    "BootstrapStaff": "its single-use secret is the key",
    "IssueMailToken": "the event id is the key",
    "IssueAssociationCode": "the event id is the key",
    "ApplyRetention": "what is gone is gone: a second one finds nothing of it",
    "AnnounceState": "the same states are told again, and readers that have them change nothing",
    "ImportReadings": "the file's hash is the key, and every reading is stored once",
    "PrintReminder": "the reminder is the key: its letter is printed once",
    "MarkNoticeRead": "a read notice stays read",
    "NotifyCardPayment": "the order that the bank names is the key",
}
READS = ("Get", "List", "Verify", "Preview", "Watch", "Stream")


@pytest.mark.parametrize("name", [name for name in METHODS if not name.split(".")[1].startswith(READS)])
def test_commands_carry_a_request_id(name: str) -> None:
    method = METHODS[name]
    assert "request_id" in method.input_type.fields_by_name or method.name in REPEATABLE


@pytest.mark.parametrize("name", FILES)
def test_every_method_says_who_may_call_it(name: str) -> None:
    for service in FILES[name].services_by_name.values():
        assert len(access.policies(service)) == len(service.methods)


@pytest.mark.parametrize("path", PROTOS, ids=lambda path: str(path.relative_to(ROOT / "protos")))
def test_services_are_described(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(("//", "syntax"))
    assert 'syntax = "proto3";' in text


MONEY = [
    method
    for name, method in METHODS.items()
    if method.containing_service.file.package == "coop.billing.v1"
    and not method.name.startswith(READS)
    and method.name not in REPEATABLE
]


@pytest.mark.parametrize("method", MONEY, ids=lambda method: method.name)
def test_billings_commands_refuse_an_empty_request_id(method: MethodDescriptor) -> None:
    """Each is keyed by its own name and its request id, which `RequestKey.of` refuses when it is empty."""
    written = [path.read_text(encoding="utf-8") for path in (ROOT / "services" / "billing").glob("*_api.py")]
    found = [
        body
        for text in written
        for body in re.findall(rf"def {method.name}\(.*?(?=\n    def |\nclass |\ndef |\Z)", text, re.S)
    ]
    assert len(found) == 1, f"{method.name} has {len(found)} implementations"
    assert f'RequestKey.of("{method.name}", ' in found[0]
