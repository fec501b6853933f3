"""The public page where anybody checks the code of a certificate, or a PDF that is said to be ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import documents_service_pb2 as documents
from flask import Blueprint, Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from flask_wtf.file import FileField

from services.chassis.errors import Invalid, NotFound
from services.chassis.grpc.client import remote
from services.gateway import session
from services.gateway.web import errors
from services.gateway.web.fields import Form, TextField

blueprint = Blueprint("verify", __name__)

CODE_LENGTH = 16
LARGEST_MB = 2
"""What the service that checks documents takes."""
FORM_BYTES = 64 * 1024
CHECK_DEADLINE_S = 10.0
_CROCKFORD = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


class VerifyForm(Form):
    """Asked by GET: checking changes nothing, and the paper's QR code carries the address with the code."""

    class Meta(FlaskForm.Meta):  # type: ignore[name-defined]
        csrf = False

    code = TextField(lazy("Verification code"))


class DocumentForm(Form):
    document = FileField(lazy("PDF file"))


@dataclass(frozen=True)
class CheckedDocument:
    """`verdict`: "genuine", "altered" or "not_ours"; the rest of a genuine one that is kept, `state` of a certificate."""

    verdict: str
    kind: str
    number: str
    issued_at: datetime | None
    state: str
    signed_by: str


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
        return _page(form)
    code = canonical(form.code.data or "")
    problem = _problem(code)
    if problem:
        form.code.errors = [problem]
        return _page(form), 422
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


@blueprint.post("/verify")
def document() -> ResponseReturnValue:
    """Whether the file is one of ours. It is looked at and not kept."""
    form = DocumentForm()
    sent = form.document.data if form.validate_on_submit() else None
    content = sent.read() if sent else b""
    problem = ""
    if not content:
        problem = _("Choose the PDF file that you want to check.")
    elif len(content) > LARGEST_MB * 1024 * 1024:
        problem = _too_large()
    if problem:
        form.document.errors = [problem]
        return _page(VerifyForm(None), form), 422
    with remote():
        answer = session.upstream().documents.VerifyDocument(
            documents.VerifyDocumentRequest(content=content),
            timeout=CHECK_DEADLINE_S,
            metadata=session.anonymous_metadata(),
        )
    checked = CheckedDocument(
        answer.verdict,
        answer.kind,
        answer.number,
        answer.issued_at.ToDatetime(tzinfo=UTC) if answer.HasField("issued_at") else None,
        answer.certificate_state,
        answer.signed_by,
    )
    return render_template("pages/verified_document.html", checked=checked)


def register(app: Flask) -> None:
    """Room for the file: it must be made before form tokens are looked at, which reads all."""

    @app.before_request
    def make_room_for_a_document() -> Response | None:
        if request.endpoint != "verify.document":
            return None
        # A file that is somewhat too large is read, so that the form can say so beside its field.
        request.max_content_length = 2 * LARGEST_MB * 1024 * 1024 + FORM_BYTES
        if request.content_length is not None and request.content_length > request.max_content_length:
            return errors.page(413, _too_large())
        return None


def _page(form: VerifyForm, upload: DocumentForm | None = None) -> str:
    """Both ways of checking; the summary of errors is of the one that was used."""
    return render_template("pages/verify.html", form=form, upload=upload or DocumentForm(), used=upload or form)


def _too_large() -> str:
    return _("The file is larger than %(most)d MB, and no document of ours is.", most=LARGEST_MB)


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
