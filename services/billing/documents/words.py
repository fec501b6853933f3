"""Message catalogues of the documents (services/billing/locale), compiled by `make setup`."""

from __future__ import annotations

import gettext
from functools import lru_cache
from pathlib import Path

from services.chassis.errors import Invalid

_FOLDER = Path(__file__).parent.parent / "locale"
_TERRITORY = {"es": "ES", "ar": "AR"}
LANGUAGES = ("es", "en")


def document_locale(locale: str, jurisdiction: str) -> str:
    """The CLDR locale for a reader's language: «es» in Argentina is «es_AR», English is en_GB (day before month).

    Raises Invalid for a language the documents do not speak.
    """
    language, _, territory = locale.replace("-", "_").partition("_")
    if language not in LANGUAGES:
        raise Invalid(
            f"Documents cannot be printed in {locale!r}: their catalogues are in {' and '.join(LANGUAGES)}.",
            field="locale",
        )
    if language == "en":
        return "en_GB"
    return f"{language}_{territory or _TERRITORY[jurisdiction]}"


@lru_cache(maxsize=8)
def catalogue(locale: str) -> gettext.NullTranslations:
    """The compiled catalogue of a locale, its country's own words first. A missing file is an installation error."""
    language = locale.partition("_")[0]
    try:
        return gettext.translation("messages", localedir=_FOLDER, languages=[locale, language])
    except FileNotFoundError as error:
        raise RuntimeError(
            f"The compiled catalogue {_FOLDER / language / 'LC_MESSAGES' / 'messages.mo'} is missing: run `make setup`."
        ) from error
