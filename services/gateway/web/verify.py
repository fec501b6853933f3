"""The public page where anybody checks the code of a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from coop.billing.v1 import billing_service_pb2 as billing
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm

from services.chassis.errors import Invalid, NotFound
from services.chassis.grpc.client import remote
from services.gateway import session
from services.gateway.web.fields import Form, TextField

blueprint = Blueprint("verify", __name__)

CODE_LENGTH = 16
_CROCKFORD = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


class VerifyForm(Form):
    """Asked by GET: checking changes nothing, and the paper's QR code carries the address with the code."""

    class Meta(FlaskForm.Meta):  # type: ignore[name-defined]
        csrf = False

    code = TextField(lazy("Verification code"))


@dataclass(frozen=True)
class Verified:
    """What the public may know of a certificate."""

    state: str
    issued_at: datetime
    valid_until: date
    holder: str
    supply: str
    issuer: str


@blueprint.get("/verify")
def ask() -> ResponseReturnValue:
    form = VerifyForm(request.args)
    if "code" not in request.args:
        return render_template("pages/verify.html", form=form)
    code = canonical(form.code.data or "")
    problem = _problem(code)
    if problem:
        form.code.errors = [problem]
        return render_template("pages/verify.html", form=form), 422
    try:
        with remote():
            answer = session.upstream().billing.VerifyCertificate(
                billing.VerifyCertificateRequest(code=code), metadata=session.anonymous_metadata()
            )
    except (NotFound, Invalid):
        return render_template("pages/verified.html", found=None, code=grouped(code)), 404
    found = Verified(
        answer.state,
        answer.issued_at.ToDatetime(tzinfo=UTC),
        date.fromisoformat(answer.valid_until),
        answer.holder_masked,
        answer.supply_masked,
        answer.issuer,
    )
    return render_template("pages/verified.html", found=found, code=grouped(code))


def canonical(typed: str) -> str:
    """The code without what people add when they type it: blanks, dots, hyphens, lower case, O for 0, I or L for 1."""
    kept = "".join(letter for letter in typed.upper() if letter.isalnum())
    return kept.translate(_LOOK_ALIKES)


def grouped(code: str) -> str:
    """In groups of four, as printed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _problem(code: str) -> str:
    if not code:
        return _("Write the code that is printed on the certificate.")
    strange = sorted(set(code) - _CROCKFORD)
    if strange:
        return _(
            "The code has %(letters)s, which no code of ours has: look again at the paper.",
            letters=", ".join(strange)[:40],
        )
    if len(code) != CODE_LENGTH:
        return _(
            "The code has %(count)d letters and digits, and ours have %(length)d: look again at the paper.",
            count=len(code),
            length=CODE_LENGTH,
        )
    return ""
