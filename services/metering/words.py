"""What metering says to people: sentences in their language, figures and days as it writes them.

Message ids are English; ``services/metering/locale`` has the catalogues of the other languages, compiled by `make setup`.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from babel.numbers import format_decimal

from services.chassis.i18n import format_day, locale_for
from services.chassis.profile import Profile
from services.metering.domain.estimation.explain import MEMBER_LATER, Reason
from services.metering.domain.estimation.obtaining import PROVISIONAL
from services.metering.domain.estimation.self_reading import TOTAL, Figure

LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Words:
    """A reader's language. ``locale`` is CLDR's: language and country."""

    language: str
    locale: str

    @classmethod
    def of(cls, language: str, profile: Profile) -> Words:
        """The language asked for where the cooperative speaks it, else the cooperative's own."""
        short = language.replace("_", "-").split("-")[0].lower()
        chosen = short if short in profile.languages else profile.default_language
        return cls(chosen, locale_for(chosen, profile.jurisdiction))

    def say(self, message: str) -> str:
        """A message id in the language, in the words of the country where it has its own."""
        return _catalogue(self.locale, self.language).gettext(message)

    def figure(self, value: Figure) -> str:
        """A whole number, a day or a name, as the language writes it."""
        if isinstance(value, date):
            return format_day(value, self.locale)
        if isinstance(value, int):
            return str(format_decimal(value, locale=self.locale))
        return self.say("Reading") if value == TOTAL else value


@lru_cache(maxsize=8)
def _catalogue(locale: str, language: str) -> gettext.NullTranslations:
    """The compiled catalogue, the country's own words first; English message ids where there is none."""
    return gettext.translation("messages", localedir=LOCALE, languages=[locale, language], fallback=True)


def why_estimated(reason: Reason, words: Words) -> str:
    """The member's sentence; where the real reading is still to come, with what happens then."""
    sentence = reason.member(words.say)
    return f"{sentence} {words.say(MEMBER_LATER)}" if reason.method in PROVISIONAL else sentence


def what_was_done(reason: Reason, words: Words) -> str:
    """The office's sentence, with its figures."""
    return reason.office(words.say, words.figure)
