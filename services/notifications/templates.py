"""Texts of mails and notices: one file per kind, version and language, filled in when they are needed.

`templates/<kind>/<version>.<language>.txt` begins with `subject:`, `notice:` and `notice_body:` lines and has the mail's
text after a line `---`. A message keeps the version it was queued with, so that it can be shown later as it was sent.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_skeleton
from babel.numbers import format_decimal
from jinja2 import Environment, StrictUndefined

from services.chassis.i18n import format_day, format_money, locale_for
from services.chassis.profile import Profile

FOLDER = Path(__file__).parent / "templates"
_URL = re.compile(r"https?://\S+")
_BREAKS = re.compile(r"\s*[\r\n]+\s*")


@dataclass(frozen=True)
class Source:
    subject: str
    notice: str
    notice_body: str
    text: str


@dataclass(frozen=True)
class Mail:
    """A mail's words: subject, plain text, and the same text as simple HTML."""

    subject: str
    text: str
    html: str


class Renderer:
    """Fills the templates in with a profile's name and the figures' local forms."""

    def __init__(self, profile: Profile, public_url: str) -> None:
        self._profile = profile
        self._public_url = public_url.rstrip("/")
        self._environment = Environment(
            undefined=StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

        self._compiled = lru_cache(maxsize=256)(self._environment.from_string)

    def language(self, wanted: str) -> str:
        """The language a text is written in for somebody who wants `wanted`."""
        short = wanted.split("-")[0].split("_")[0].lower()
        return short if short in self._profile.languages else self._profile.default_language

    @property
    def office(self) -> str:
        """The cooperative's own address."""
        return self._profile.email

    def url(self, path: str) -> str:
        """A path of the portal as the address members type."""
        return self._public_url + path

    def mail(self, kind: str, version: int, language: str, data: Mapping[str, Any]) -> Mail:
        """The mail of a kind. Raises jinja2's UndefinedError when the data lack what the text names."""
        source = load(kind, version, language)
        values = self._values(language, data)
        text = self._fill(source.text, values)
        return Mail(_one_line(self._fill(source.subject, values)), text, as_html(text, language))

    def notice(self, kind: str, version: int, language: str, data: Mapping[str, Any]) -> tuple[str, str]:
        """Title and body of a kind's notice."""
        source = load(kind, version, language)
        values = self._values(language, data)
        return _one_line(self._fill(source.notice, values)), _one_line(self._fill(source.notice_body, values))

    def _fill(self, text: str, values: Mapping[str, Any]) -> str:
        return self._compiled(text).render(values)

    def _values(self, language: str, data: Mapping[str, Any]) -> dict[str, Any]:
        locale = locale_for(language, self._profile.jurisdiction)

        def money(amount: str) -> str:
            return format_money(Decimal(amount), self._profile.currency, locale)

        def day(text: str) -> str:
            return format_day(date.fromisoformat(text), locale)

        def month(text: str) -> str:
            return str(format_skeleton("yMMMM", date.fromisoformat(text), locale=locale))

        def whole(number: int) -> str:
            return str(format_decimal(number, locale=locale))

        words = {"money": money, "day": day, "month": month, "whole": whole, "url": self.url}
        return {"coop": self._profile, **words, **data}


@lru_cache
def load(kind: str, version: int, language: str) -> Source:
    """A template file. Raises FileNotFoundError for one that was never written and ValueError for a broken one."""
    path = FOLDER / kind / f"{version}.{language}.txt"
    head, rule, text = path.read_text(encoding="utf-8").partition("\n---\n")
    found: dict[str, str] = {}
    for line in head.splitlines():
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    if not rule or "subject" not in found:
        raise ValueError(f"{path} must have a subject: line, then a line --- and the text")
    return Source(found["subject"], found.get("notice", ""), found.get("notice_body", ""), text.strip() + "\n")


@lru_cache
def newest_version(kind: str) -> int:
    """The version new messages of a kind are written with."""
    versions = [int(path.name.split(".")[0]) for path in (FOLDER / kind).glob("*.txt")]
    if not versions:
        raise FileNotFoundError(f"there is no template for {kind}: write {FOLDER / kind}/1.es.txt")
    return max(versions)


def as_html(text: str, language: str) -> str:
    """The plain text as HTML that every mail program shows: paragraphs, and links where the text has addresses."""
    paragraphs = []
    for paragraph in text.strip().split("\n\n"):
        lines = "<br>\n".join(_linked(line) for line in paragraph.splitlines())
        paragraphs.append(f'<p style="margin:0 0 1em">{lines}</p>')
    body = "\n".join(paragraphs)
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"></head>\n'
        '<body style="font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;max-width:36em;margin:1em auto">'
        f"\n{body}\n</body></html>\n"
    )


def _linked(line: str) -> str:
    made, last = "", 0
    for found in _URL.finditer(line):
        address = html.escape(found[0])
        made += html.escape(line[last : found.start()]) + f'<a href="{address}">{address}</a>'
        last = found.end()
    return made + html.escape(line[last:])


def _one_line(text: str) -> str:
    """Subjects and titles are one line: a line break in a name must not become a header of a mail."""
    return _BREAKS.sub(" ", text).strip()
