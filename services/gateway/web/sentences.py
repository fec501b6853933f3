"""A service's refusal as a sentence in the reader's language.

Services speak to programs in reasons and to engineers in English; the member reads what this table says.
"""

from __future__ import annotations

from flask_babel import LazyString, get_locale, gettext
from flask_babel import lazy_gettext as _

from services.chassis.errors import CoopError, Violation

_BY_REASON: dict[str, LazyString] = {
    "SIGN_IN": _("You have to sign in first."),
    "SESSION_OVER": _("Your session is over: sign in again."),
    "ACCOUNT_GONE": _("Your session is over: sign in again."),
    "PASSWORD_CHANGED": _("The password was changed in the meantime: sign in again."),
    "WRONG_CREDENTIALS": _("The e-mail address or the password is not right."),
    "WRONG_PASSWORD": _("The current password is not right."),
    "NAME_MISSING": _("Write your name."),
    "NAME_MALFORMED": _("The name is too long or has characters that a name does not have."),
    "EMAIL_MISSING": _("Write your e-mail address."),
    "EMAIL_MALFORMED": _("That is not an e-mail address: write it like name@example.org."),
    "EMAIL_TOO_LONG": _("That e-mail address is too long."),
    "PASSWORD_TOO_SHORT": _("The password is too short: use at least 12 characters."),
    "PASSWORD_TOO_LONG": _("The password is too long."),
    "PASSWORD_COMMON": _("Too many people use that password: choose another, such as four words of your own."),
    "PASSWORD_CONTEXT": _(
        "The password must not be your name, your address or the cooperative's name: choose another."
    ),
    "DOCUMENT_MALFORMED": _("That number is not a document's: check its digits and its letter."),
    "DATE_MALFORMED": _("That is not a date of the calendar."),
    "DATE_UNKNOWN": _("That is not a date of the calendar."),
    "WRONG_CODE": _("That code is not right or is too old. Look for the newest mail, or ask for another code."),
    "INVITATION_MISSPELT": _("That is not a code: it has eight letters and digits, such as 7K3M-9QXF. Copy it again."),
    "INVITATION_UNKNOWN": _("Nobody has that code: ask who invited you for it again."),
    "INVITATION_OWN": _("That is your own code: an invitation comes from somebody else."),
    "INVITATION_USED": _("This supply came by an invitation already: it can be used once."),
    "INVITATION_REVOKED": _("That code is no longer good: ask who invited you for the new one."),
    "INVITATION_LATE": _("This supply is no longer new: a code is used when the contract begins."),
    "INVITATION_NO_CONTRACT": _("This supply has no contract of electricity, and an invitation gives energy."),
    "NOTHING_TO_PAY": _("There is nothing to pay: it is paid already."),
    "NO_CARD_PAYMENTS": _("This cooperative takes no cards."),
    "NO_INVITATIONS": _("This cooperative has no invitations."),
}
_BY_CODE: dict[str, LazyString] = {
    "INVALID_ARGUMENT": _("Something in the form is not right: check it and try again."),
    "NOT_FOUND": _("We have not found it."),
    "FAILED_PRECONDITION": _("That cannot be done now."),
    "PERMISSION_DENIED": _("Your account may not do that."),
    "UNAUTHENTICATED": _("You have to sign in first."),
    "RESOURCE_EXHAUSTED": _("There have been too many attempts. Wait a few minutes and try again."),
    "UNAVAILABLE": _(
        "That part of the office does not answer right now. Nothing was lost: try again in a few minutes."
    ),
    "DEADLINE_EXCEEDED": _(
        "That part of the office does not answer right now. Nothing was lost: try again in a few minutes."
    ),
}


def sentence(error: CoopError, violation: Violation | None = None) -> str:
    """What the member reads about an error, or about one of the fields it names.

    An error about several fields says the reason of each in its metadata. In English the service's own sentence about
    a field is shown, for it names what was written.
    """
    if violation is not None and get_locale().language == "en":
        return violation.description
    reason = error.metadata.get(f"reason_{violation.field}", error.reason) if violation is not None else error.reason
    found = _BY_REASON.get(reason) or _BY_CODE.get(error.code)
    return str(found) if found is not None else gettext("Something failed on our side. Try again in a few minutes.")
