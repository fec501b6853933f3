"""Why a bank gives a direct debit back: the reason codes of ISO 20022, what they mean and what follows.

Source: ISO 20022 external code sets, ExternalReturnReason1Code and ExternalStatusReason1Code, as EPC130-08 uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ReturnReason:
    """`retry`: presenting it again may go well. `account_wrong`: ask for another. `mandate_ends`: never use it again.

    `payers_account`: the payer's account could not pay, which is nobody else's doing; a cooperative may charge for that.
    """

    code: str
    words: str
    retry: bool = False
    account_wrong: bool = False
    mandate_ends: bool = False
    payers_account: bool = False


_REASONS = (
    ReturnReason("AC01", "the account number is wrong", account_wrong=True),
    ReturnReason("AC04", "the account is closed", account_wrong=True, mandate_ends=True, payers_account=True),
    ReturnReason("AC06", "the account is blocked", account_wrong=True, payers_account=True),
    ReturnReason("AC13", "the account is one of a consumer and the scheme is not", account_wrong=True),
    ReturnReason("AG01", "the account takes no direct debits", account_wrong=True),
    ReturnReason("AG02", "the bank does not take this kind of operation"),
    ReturnReason("AM04", "there was not enough money in the account", retry=True, payers_account=True),
    ReturnReason("AM05", "it was collected twice"),
    ReturnReason("BE05", "the bank does not know the creditor identifier"),
    ReturnReason("CNOR", "the creditor's bank cannot be reached by the scheme"),
    ReturnReason("DNOR", "the debtor's bank cannot be reached by the scheme", account_wrong=True),
    ReturnReason("FF01", "the file had a wrong format"),
    ReturnReason("MD01", "there is no valid mandate", mandate_ends=True),
    ReturnReason("MD02", "the mandate lacks something or is wrong"),
    ReturnReason("MD06", "the payer claimed the money back"),
    ReturnReason("MD07", "the payer has died", mandate_ends=True),
    ReturnReason("MS02", "the payer refused it"),
    ReturnReason("MS03", "the bank gives no reason", retry=True),
    ReturnReason("RC01", "the bank's code is wrong", account_wrong=True),
    ReturnReason("RR01", "the regulator asks for the payer's account"),
    ReturnReason("RR02", "the regulator asks for the payer's name or address"),
    ReturnReason("RR03", "the regulator asks for the creditor's name or address"),
    ReturnReason("RR04", "a rule of the regulator"),
    ReturnReason("SL01", "the payer's bank applies limits that the payer set"),
)
REASONS: Mapping[str, ReturnReason] = {each.code: each for each in _REASONS}


def return_reason(code: str) -> ReturnReason:
    """The reason of a code; one that is not in the list is passed on as it came, and a person decides."""
    code = code.strip().upper()
    return REASONS.get(code) or ReturnReason(code, f"the bank gives the code {code[:35]!r}")
