"""Mails kept as files, one `.eml` each, and what a page needs to know of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from services.chassis.ids import new_id


@dataclass(frozen=True)
class Summary:
    """One line of the inbox. `id` grows with the time of arrival."""

    id: str
    sender: str
    to: str
    subject: str
    date: datetime
    message_id: str

    def is_for(self, address: str) -> bool:
        return address.casefold() in self.to.casefold()


@dataclass(frozen=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Opened:
    """A whole mail: its text, the source of its HTML twin, and what hangs on it."""

    summary: Summary
    text: str
    html: str
    attachments: list[Attachment]


class Mailbox:
    """A folder of mails; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arrived = threading.Condition()
        folder.mkdir(parents=True, exist_ok=True)
        self._summaries = {path.stem: _summary(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.eml"))}

    def add(self, content: bytes) -> Summary:
        """Keeps a mail; it is on the disk when this returns."""
        mail_id = new_id()
        path = self._folder / f"{mail_id}.eml"
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        summary = _summary(mail_id, content)
        with self._arrived:
            self._summaries[mail_id] = summary
            self._arrived.notify_all()
        return summary

    def find(self, to: str = "", after: str = "") -> list[Summary]:
        """Mails to an address (part of it is enough), the newest first, that arrived later than the one with id `after`."""
        with self._arrived:
            found = [mail for mail in self._summaries.values() if mail.id > after and mail.is_for(to)]
        return sorted(found, key=lambda mail: mail.id, reverse=True)

    def wait(self, to: str, after: str, timeout_s: float) -> list[Summary]:
        """As `find`, but waits for the first such mail when there is none yet."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: any(m.id > after and m.is_for(to) for m in self._summaries.values()), timeout_s
            )
        return self.find(to, after)

    def open(self, mail_id: str) -> Opened | None:
        """A mail with its parts; None when there is none of this id."""
        with self._arrived:
            summary = self._summaries.get(mail_id)
        if summary is None:
            return None
        mail = message_from_bytes((self._folder / f"{mail_id}.eml").read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)  # what policy.default makes
        return Opened(summary, _body(mail, "plain"), _body(mail, "html"), list(_attachments(mail)))


def _summary(mail_id: str, content: bytes) -> Summary:
    mail = BytesHeaderParser(policy=policy.default).parsebytes(content)
    try:
        date = parsedate_to_datetime(str(mail["Date"])).astimezone(UTC)
    except (TypeError, ValueError):
        date = datetime.fromtimestamp(
            int(mail_id.replace("-", "")[:12], 16) / 1000, UTC
        )  # UUIDv7 begins with milliseconds
    headers = {name: str(mail[name] or "") for name in ("From", "To", "Subject", "Message-ID")}
    subject = headers["Subject"] or "(no subject)"
    return Summary(mail_id, headers["From"], headers["To"], subject, date, headers["Message-ID"])


def _body(mail: EmailMessage, subtype: str) -> str:
    part = mail.get_body(preferencelist=(subtype,))
    # Lines end in CR LF on the wire and in LF here.
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _attachments(mail: EmailMessage) -> Iterator[Attachment]:
    for number, part in enumerate(mail.iter_attachments(), start=1):
        content = part.get_payload(decode=True)
        yield Attachment(
            part.get_filename() or f"attachment-{number}",
            part.get_content_type(),
            content if isinstance(content, bytes) else b"",
        )
