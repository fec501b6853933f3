"""The mail server: one connection, kept while there are mails to send."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from services.notifications.domain.delivery import Hopeless, Trouble
from services.notifications.settings import Settings

TIMEOUT_S = 20.0


class ServerDown(Exception):
    """The mail server does not answer, or does not let us in: no mail can be sent now, and none of them is at fault."""


class SmtpTransport:
    """Sends messages over a connection that is opened when first needed and closed when idle."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> None:
        """Returns once the server has taken the mail.

        Raises Hopeless when the server refuses it for good (5xx to recipient or content), Trouble when it asks to come
        back (4xx), ServerDown when there is nobody to talk to.
        """
        fresh = self._connection is None
        try:
            self._deliver(mail)
        except (smtplib.SMTPServerDisconnected, ConnectionError) as gone:
            self.close()
            if fresh:
                raise ServerDown(f"The mail server closed the connection: {gone}") from gone
            # It may have closed an idle connection. Nothing was accepted on it, so a new one is tried once.
            self.send(mail)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.quit()
        except (smtplib.SMTPException, OSError):
            connection.close()

    def _deliver(self, mail: EmailMessage) -> None:
        connection = self._connection or self._open()
        self._connection = connection
        try:
            connection.send_message(mail)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            raise _meaning(code, text) from refused
        except smtplib.SMTPSenderRefused as refused:
            # The server does not accept our own address: a matter of settings, not of this mail.
            raise Trouble(f"The sender was refused: {refused.smtp_code} {_text(refused.smtp_error)}") from refused
        except smtplib.SMTPDataError as refused:
            raise _meaning(refused.smtp_code, refused.smtp_error) from refused
        except smtplib.SMTPNotSupportedError as impossible:
            raise Hopeless(f"The mail server cannot take this address: {impossible}") from impossible
        except TimeoutError as slow:
            self.close()
            raise Trouble(f"The mail server did not answer within {TIMEOUT_S:.0f} s.") from slow

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        host, _, port = settings.smtp_address.rpartition(":")
        made: smtplib.SMTP | None = None
        try:
            if settings.smtp_tls == "tls":
                made = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT_S, context=self._trusted())
            else:
                made = smtplib.SMTP(host, int(port), timeout=TIMEOUT_S)
                if settings.smtp_tls == "starttls":
                    made.starttls(context=self._trusted())
            if settings.smtp_user:
                made.login(settings.smtp_user, settings.smtp_password_now())
        except (OSError, ValueError, smtplib.SMTPException) as wrong:
            if made is not None:
                made.close()
            raise ServerDown(
                f"The mail server at {settings.smtp_address} cannot be used: {_why(wrong, settings)}"
            ) from wrong
        return made

    def _trusted(self) -> ssl.SSLContext:
        """The authorities that may have signed the server's certificate, read anew: they are replaced, too."""
        return ssl.create_default_context(cafile=self._settings.smtp_ca or None)


def _why(error: Exception, settings: Settings) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"{error.smtp_code} {_text(error.smtp_error)}"
        return f"it refuses the user {settings.smtp_user!r}, whose password may be wrong ({said})"
    return str(error)


def _meaning(code: int, text: bytes | str) -> Exception:
    sentence = f"The mail server answered {code} {_text(text)}"
    return Hopeless(sentence) if 500 <= code < 600 else Trouble(sentence)


def _text(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
