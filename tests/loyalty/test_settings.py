from pathlib import Path
from typing import Any

import pytest

from loyalty.settings import Settings


def test_nothing_set_means_the_embedded_database():
    settings = Settings.from_environment({})

    assert settings.database_url is None
    assert settings.data_dir.name == "jifen"


def test_an_empty_variable_counts_as_not_set():
    settings = Settings.from_environment(
        {"JIFEN_DATABASE_URL": "", "JIFEN_DATA_DIR": ""}
    )

    assert settings == Settings.from_environment({})


def test_everything_can_be_set():
    settings = Settings.from_environment(
        {
            "JIFEN_DATABASE_URL": "postgresql://app@db/jifen",
            "JIFEN_OWNER_DATABASE_URL": "postgresql://owner@db/jifen",
            "JIFEN_DATA_DIR": "/srv/jifen",
        }
    )

    assert settings == Settings(
        database_url="postgresql://app@db/jifen",
        owner_database_url="postgresql://owner@db/jifen",
        data_dir=Path("/srv/jifen"),
    )


def test_a_password_never_shows_in_a_log():
    settings = Settings(database_url="postgresql://app:hidden@db/jifen")

    assert "hidden" not in repr(settings)


def test_settings_do_not_change_under_way():
    settings: Any = Settings.from_environment({})

    with pytest.raises(AttributeError):
        settings.data_dir = Path("/elsewhere")
