"""Which language a page speaks, and its catalogue.

The reader's own choice (a cookie set by a form) comes first, then the browser's wish among the languages of the
profile, then the profile's default. Catalogues are compiled from their .po files when the process starts, so the
text that translators edit is the text that runs.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, current_app, has_request_context, request
from flask_babel import Babel, Domain, get_locale

from services.chassis.i18n import locale_for

FOLDER = Path(__file__).parent / "translations"
SOURCE_LANGUAGE = "en"
COOKIE = "lang"
NAMES = {"es": "Español", "ca": "Català", "en": "English"}


class PoDomain(Domain):
    """The catalogues of this folder, compiled in memory."""

    def __init__(self) -> None:
        super().__init__([str(FOLDER)])
        compiled = {file.parent.parent.name: _compiled(file) for file in FOLDER.glob("*/LC_MESSAGES/messages.po")}
        self._catalogues: dict[str, NullTranslations] = dict(compiled)
        for name, catalogue in compiled.items():
            language, _, country = name.partition("_")
            if country:
                catalogue.add_fallback(compiled[language])

    def get_translations(self) -> NullTranslations:
        """The catalogue of the current language, the country's own words first; English is what the source says."""
        locale = get_locale()
        if locale is None:
            return NullTranslations()
        return self._catalogues.get(str(locale)) or self._catalogues.get(locale.language, NullTranslations())

    def languages(self) -> set[str]:
        """Languages there is a catalogue for."""
        return {SOURCE_LANGUAGE, *(name for name in self._catalogues if "_" not in name)}


class _Babel(Babel):
    """Flask-Babel whose messages come from the catalogues above."""

    @property
    def domain_instance(self) -> PoDomain:
        domain: PoDomain = current_app.extensions["coop.catalogues"]
        return domain


def register(app: Flask, languages: list[str], default_language: str, jurisdiction: str) -> None:
    """Start Flask-Babel with the languages of the profile, the default one first.

    Raises ValueError when there is no catalogue for the default one: members would read another language than the office
    promised them.
    """
    domain = PoDomain()
    known = [language for language in languages if language in domain.languages()]
    if default_language not in known:
        raise ValueError(
            f"the profile's default_language is {default_language!r}, but of its languages {languages} there are catalogues "
            f"only for {known or sorted(domain.languages())}"
        )
    default = default_language

    def choose() -> Locale:
        wanted = _chosen(known) or request.accept_languages.best_match(known) or default
        return Locale.parse(locale_for(wanted, jurisdiction))

    app.extensions["coop.catalogues"] = domain
    app.extensions["coop.languages"] = known
    _Babel(app, locale_selector=choose, default_locale=locale_for(default, jurisdiction))


def offered() -> list[str]:
    """The languages a reader may choose from."""
    languages: list[str] = current_app.extensions["coop.languages"]
    return languages


def _chosen(known: list[str]) -> str | None:
    if not has_request_context():
        return None
    wish = request.cookies.get(COOKIE, "")
    return wish if wish in known else None


def _compiled(file: Path) -> Translations:
    return Translations(io.BytesIO(_binary(file)))


@cache
def _binary(file: Path) -> bytes:
    """Of a catalogue, made once in a process however many applications it has."""
    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.parent.parent.name)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()
