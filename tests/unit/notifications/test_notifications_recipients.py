import pytest

from services.notifications.domain.recipients import ATTACHED, LINK, Account, Contact, Recipient, masked, of_invoice

ON_FILE = Contact("ana@example.org", "Ana Prado", "es")


def account(email: str, relation: str = "holder", delivery: str = LINK) -> Account:
    return Account(f"account-{email}", email, "Ana", "en", relation, delivery)


def test_the_holders_account_gets_the_mail_the_way_it_chose() -> None:
    assert of_invoice([account("ana@work.example", delivery=ATTACHED)], ON_FILE) == [
        Recipient("ana@work.example", "Ana", "en", ATTACHED)
    ]


def test_somebody_without_an_account_gets_the_invoice_itself() -> None:
    assert of_invoice([], ON_FILE) == [Recipient("ana@example.org", "Ana Prado", "es", ATTACHED)]


def test_a_family_account_does_not_take_the_holders_mail_away() -> None:
    found = of_invoice([account("son@example.org", relation="family")], ON_FILE)
    assert [recipient.email for recipient in found] == ["ana@example.org"]


def test_two_spellings_of_one_address_are_one_mail() -> None:
    found = of_invoice([account("ana@example.org"), account("Ana@Example.org")], ON_FILE)
    assert len(found) == 1


@pytest.mark.parametrize("on_file", [None, Contact("", "Ana", "es")])
def test_without_any_address_there_is_no_mail(on_file: Contact | None) -> None:
    assert of_invoice([], on_file) == []


@pytest.mark.parametrize(
    ("email", "shown"), [("ana@example.org", "a***@example.org"), ("x@y.example", "x***@y.example"), ("broken", "***")]
)
def test_the_office_sees_masked_addresses(email: str, shown: str) -> None:
    assert masked(email) == shown
