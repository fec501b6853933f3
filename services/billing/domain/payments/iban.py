"""Account numbers of Europe and the identifier of a direct-debit creditor, with sentences for what is wrong.

Source: ISO 13616 (IBAN, modulo 97), the Spanish CCC inside it, EPC262-08 (creditor identifier, AT-02), EPC409-09 (the
countries of SEPA).
"""

from __future__ import annotations

import re

from stdnum import iban as standard
from stdnum.es import ccc
from stdnum.eu import at_02
from stdnum.exceptions import InvalidChecksum, ValidationError

from services.chassis.errors import Invalid

_SEPA = (
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE "
    "SI SK SM VA"
)
SEPA_COUNTRIES = frozenset(_SEPA.split())
_SPANISH_LENGTH = 24
_LONGEST = 34


def compact(text: str) -> str:
    """Upper case, without blanks, hyphens and dots."""
    return re.sub(r"[\s\-–.]", "", text).upper()


def parse_iban(text: str, field: str = "iban", *, sepa: bool = False) -> str:
    """The canonical IBAN; `sepa` wants one that a direct debit can reach. Raises Invalid that says what is wrong.

    >>> parse_iban("es91 2100 0418 4502 0005 1332")
    'ES9121000418450200051332'
    """
    iban = compact(text)
    wrong = _what_is_wrong(iban, text)
    if not wrong and sepa and iban[:2] not in SEPA_COUNTRIES:
        wrong = f"{iban} is an account in {iban[:2]}, where SEPA direct debits do not reach: ask for another account."
    if wrong:
        raise Invalid(wrong, "IBAN_MALFORMED", field=field)
    return iban


def _what_is_wrong(iban: str, text: str) -> str:
    if not iban:
        return "The IBAN is empty: write it as on the bank's papers, such as ES91 2100 0418 4502 0005 1332."
    if not re.fullmatch(r"[A-Z]{2}[0-9A-Z]*", iban):
        return f"{text[:40]!r} is not an IBAN: that is two letters of a country and then digits and letters."
    if iban.startswith("ES"):
        if len(iban) != _SPANISH_LENGTH:
            return f"{iban[:_LONGEST]} has {len(iban)} characters; a Spanish IBAN has {_SPANISH_LENGTH}."
        if not iban[2:].isdigit():
            return f"{iban} has letters after ES; a Spanish IBAN has 22 digits there."
    if len(iban) > _LONGEST or not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]+", iban):
        return f"{iban[:_LONGEST]} is not an IBAN: that is a country, two check digits and at most 30 more characters."
    if iban[2:4] in ("00", "01", "99"):  # modulo 97 alone would take them for 97, 98 and 02
        return f"{iban} has the check digits {iban[2:4]}, which no IBAN has: check the number."
    if standard.calc_check_digits(iban) != iban[2:4]:
        return f"The check digits {iban[2:4]} of {iban} do not fit the rest: one digit is wrong or two changed places."
    if iban.startswith("ES") and ccc.calc_check_digits(iban[4:]) != iban[12:14]:
        return f"The control digits {iban[12:14]} of the account in {iban} do not fit its bank, branch and number."
    try:
        standard.validate(iban)
    except ValidationError:
        return f"{iban} has not the form of the account numbers of {iban[:2]}: check its length and its country."
    return ""


def spanish_iban(bank: str, branch: str, account: str) -> str:
    """The IBAN of a Spanish account by bank (4 digits), branch (4) and number (10), as statements name it."""
    if not re.fullmatch(r"[0-9]{18}", bank + branch + account) or (len(bank), len(branch)) != (4, 4):
        raise Invalid(f"{bank} {branch} {account} is not bank, branch and number of an account.", field="account")
    number = f"{bank}{branch}00{account}"
    number = f"{bank}{branch}{ccc.calc_check_digits(number)}{account}"
    return f"ES{standard.calc_check_digits('ES00' + number)}{number}"


def masked_iban(iban: str) -> str:
    """Country and the last four characters: ES** **** … 1332, for pages and logs."""
    return f"{iban[:2]}{'*' * max(len(iban) - 6, 0)}{iban[-4:]}"


def parse_creditor_id(text: str, field: str = "creditor_id") -> str:
    """The canonical creditor identifier, such as ES90ZZZF12345674. Raises Invalid that says what is wrong."""
    number = compact(text)
    wrong = ""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{4,31}", number):
        wrong = (
            f"{text[:40]!r} is not a creditor identifier: that is the country, two check digits, three characters of the "
            "business and the tax number, such as ES90ZZZF12345674."
        )
    else:
        try:
            at_02.validate(number)
        except InvalidChecksum:
            asked = at_02.calc_check_digits(number)
            wrong = f"The check digits {number[2:4]} of {number} do not fit; its tax number asks for {asked}."
    if wrong:
        raise Invalid(wrong, "CREDITOR_ID_MALFORMED", field=field)
    return number


def creditor_id_of(tax_number: str, business: str = "ZZZ", country: str = "ES") -> str:
    """The creditor identifier of a tax number: F12345674 gives ES90ZZZF12345674."""
    number = f"{country}00{business}{compact(tax_number)}"
    return f"{country}{at_02.calc_check_digits(number)}{number[4:]}"
