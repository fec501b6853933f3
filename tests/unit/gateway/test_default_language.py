"""A portal never opens in another language than the office promised."""

import shutil
from pathlib import Path

import pytest

from services.gateway.app import create_app
from tests.unit.gateway.conftest import ROOT, settings_for


def test_a_default_language_without_a_catalogue_stops_the_start(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    shutil.copytree(ROOT / "profiles" / "demo-es", profile)
    toml = (profile / "coop.toml").read_text()
    asked = toml.replace('default_language = "es"', 'default_language = "ca"').replace(
        '["es", "en"]', '["ca", "es", "en"]'
    )
    (profile / "coop.toml").write_text(asked)
    with pytest.raises(ValueError, match=r"default_language is 'ca', but .* only for \['es', 'en'\]"):
        create_app(settings_for(tmp_path, {}, COOP_PROFILE_DIR=str(profile)))
