"""Getting in: register, activate, sign in and out, forgotten and changed password."""

from __future__ import annotations

from coop.identity.v1 import identity_service_pb2 as identity
from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from wtforms import PasswordField
from wtforms.validators import DataRequired, Email, EqualTo, Length

from services.chassis.errors import CoopError, Invalid, NotFound, Refused, Unauthenticated
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import kept, session
from services.gateway.web.fields import Form, TextField
from services.gateway.web.frame import my_navigation
from services.gateway.web.sentences import sentence

blueprint = Blueprint("account", __name__)

MIN_PASSWORD = 12
_PASSWORD = [
    DataRequired(lazy("Write a password.")),
    Length(min=MIN_PASSWORD, message=lazy("The password is too short: use at least 12 characters.")),
]
_EMAIL = [
    DataRequired(lazy("Write your e-mail address.")),
    Email(lazy("That is not an e-mail address: write it like name@example.org."), check_deliverability=False),
]


class RegisterForm(Form):
    name = TextField(lazy("Name and surname"), [DataRequired(lazy("Write your name."))])
    email = TextField(lazy("E-mail address"), _EMAIL)
    password = PasswordField(lazy("Password"), _PASSWORD)


class SignInForm(Form):
    email = TextField(lazy("E-mail address"), [DataRequired(lazy("Write your e-mail address."))])
    password = PasswordField(lazy("Password"), [DataRequired(lazy("Write your password."))])


class ForgottenForm(Form):
    email = TextField(lazy("E-mail address"), _EMAIL)


class NewPasswordForm(Form):
    new_password = PasswordField(lazy("New password"), _PASSWORD)


class ChangePasswordForm(Form):
    current_password = PasswordField(lazy("Current password"), [DataRequired(lazy("Write your current password."))])
    new_password = PasswordField(lazy("New password"), _PASSWORD)
    repeated = PasswordField(
        lazy("New password again"), [EqualTo("new_password", lazy("The two new passwords are not the same."))]
    )


class ButtonForm(Form):
    """A form with a button and nothing to fill in."""


@blueprint.route("/register", methods=["GET", "POST"])
def register() -> ResponseReturnValue:
    form = RegisterForm()
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().identity.Register(
                    identity.RegisterRequest(
                        email=form.email.data,
                        password=form.password.data,
                        name=form.name.data,
                        language=get_locale().language,
                        request_id=new_id(),
                    ),
                    metadata=session.anonymous_metadata(),
                )
        except Invalid as wrong:
            form.take(wrong)
        else:
            return redirect(url_for("account.mail_sent", purpose="activation"), 303)
    return render_template("pages/register.html", form=form), 422 if form.errors else 200


@blueprint.get("/mail-sent/<any(activation, password):purpose>")
def mail_sent(purpose: str) -> ResponseReturnValue:
    return render_template("pages/mail_sent.html", purpose=purpose)


@blueprint.route("/activate", methods=["GET", "POST"])
def activate() -> ResponseReturnValue:
    """The link of the mail shows a button: programs that open links before people do must not use it up."""
    token = request.values.get("token", "")
    form = ButtonForm()
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().identity.Activate(
                    identity.ActivateRequest(token=token, request_id=new_id()), metadata=session.anonymous_metadata()
                )
        except (Invalid, NotFound, Refused, Unauthenticated):
            return render_template("pages/link_over.html", purpose="activation"), 410
        flash(_("Your account is active. Sign in with your e-mail address and password."), "ok")
        return redirect(url_for("account.sign_in"), 303)
    if not token:
        return render_template("pages/link_over.html", purpose="activation"), 410
    return render_template("pages/activate.html", form=form, token=token)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    form = SignInForm()
    wanted = session.safe_next(request.values.get("next", ""))
    if request.method == "GET" and session.signed_in() is not None:
        return redirect(wanted or url_for("home.start"), 303)
    if form.validate_on_submit():
        try:
            with remote():
                answer = session.upstream().identity.SignIn(
                    identity.SignInRequest(
                        email=form.email.data, password=form.password.data, device=device(request.user_agent.string)
                    ),
                    metadata=session.anonymous_metadata(),
                )
        except (Unauthenticated, Invalid, NotFound, Refused):
            # One answer for every cause: nobody learns here which addresses have an account.
            form.form_errors.append(_("The e-mail address or the password is not right."))
        else:
            response = make_response(redirect(wanted or url_for("home.start"), 303))
            form_session.clear()  # form tokens of before signing in end here
            kept.take_over(request.form.get("kept", ""), wanted)
            session.start(response, answer.session_token)
            return response
    typed = request.form.get("kept", "") if request.method == "POST" else kept.hand_over(wanted)
    page = render_template("pages/sign_in.html", form=form, next=wanted, kept=typed)
    return page, 422 if form.errors else 200


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    if ButtonForm().validate_on_submit() and session.signed_in() is not None:
        try:
            with remote():
                session.upstream().identity.SignOut(identity.SignOutRequest(), metadata=session.member_metadata())
        except Unauthenticated:
            pass  # the session was over already: the browser is out either way
    form_session.clear()
    response = make_response(redirect(url_for("account.signed_out"), 303))
    session.end(response)
    return response


@blueprint.get("/signed-out")
def signed_out() -> ResponseReturnValue:
    return render_template("pages/signed_out.html")


@blueprint.route("/forgotten-password", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    form = ForgottenForm()
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().identity.RequestPasswordReset(
                    identity.RequestPasswordResetRequest(email=form.email.data, request_id=new_id()),
                    metadata=session.anonymous_metadata(),
                )
        except Invalid as wrong:
            form.take(wrong)
        else:
            return redirect(url_for("account.mail_sent", purpose="password"), 303)
    return render_template("pages/forgotten.html", form=form), 422 if form.errors else 200


@blueprint.route("/reset-password", methods=["GET", "POST"])
def reset() -> ResponseReturnValue:
    token = request.values.get("token", "")
    form = NewPasswordForm()
    if not token:
        return render_template("pages/link_over.html", purpose="password"), 410
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().identity.ResetPassword(
                    identity.ResetPasswordRequest(token=token, new_password=form.new_password.data),
                    metadata=session.anonymous_metadata(),
                )
        except Invalid as wrong:
            if not any(violation.field in form for violation in wrong.violations):
                return render_template("pages/link_over.html", purpose="password"), 410
            form.take(wrong)
        except (NotFound, Refused, Unauthenticated):
            return render_template("pages/link_over.html", purpose="password"), 410
        else:
            flash(_("Your password is changed. Sign in with the new one."), "ok")
            response = make_response(redirect(url_for("account.sign_in"), 303))
            session.end(response)
            return response
    return render_template("pages/reset.html", form=form, token=token), 422 if form.errors else 200


@blueprint.get("/account")
@session.members_only
def show() -> ResponseReturnValue:
    return render_template(
        "pages/account.html", me=session.member(), form=ButtonForm(), section="account", nav=my_navigation()
    )


@blueprint.route("/account/password", methods=["GET", "POST"])
@session.members_only
def password() -> ResponseReturnValue:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().identity.ChangePassword(
                    identity.ChangePasswordRequest(
                        current_password=form.current_password.data, new_password=form.new_password.data
                    ),
                    metadata=session.member_metadata(),
                )
        except (Invalid, Refused, Unauthenticated) as wrong:
            form.take(wrong, {"password": "new_password"})
        except CoopError as failed:
            form.form_errors.append(sentence(failed))
        else:
            flash(_("Your password is changed. Your other sessions are closed."), "ok")
            return redirect(url_for("account.show"), 303)
    return render_template(
        "pages/password.html", form=form, section="account", nav=my_navigation()
    ), 422 if form.errors else 200


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """What the list of sessions calls a browser: "Firefox, Android". Never the whole header."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return ", ".join(part for part in (browser, system) if part)
