# SPDX-License-Identifier: EUPL-1.2
import pytest
from pydantic_settings import SettingsConfigDict

from protocol.errors import ConfigurationError
from protocol.runtime.settings import ServiceSettings, load_settings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TESTIMONI_TEST_", frozen=True, extra="forbid")


GOOD = {
    "ENVIRONMENT": "development",
    "PUBLIC_URL": "http://localhost:1",
    "DATABASE_URL": "sqlite:///x",
    "SECRET_KEY": "s" * 32,
    "TRUST_ANCHOR_FILE": "a",
    "TRUST_LIST_FILE": "b",
}


@pytest.fixture
def environment(monkeypatch):
    def put(**change):
        for name, value in {**GOOD, **change}.items():
            if value is None:
                monkeypatch.delenv(f"TESTIMONI_TEST_{name}", raising=False)
            else:
                monkeypatch.setenv(f"TESTIMONI_TEST_{name}", value)

    return put


def test_settings_come_from_the_environment(environment):
    environment()
    assert load_settings(Settings).public_url == "http://localhost:1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SECRET_KEY": None}, "TESTIMONI_TEST_SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "at least 32"),
        ({"UNKNOWN": "x"}, "unknown setting TESTIMONI_TEST_UNKNOWN"),
        ({"PUBLIC_URL": "http://localhost:1/"}, "trailing slash"),
        ({"PUBLIC_URL": "http://town.example"}, "must be https"),
        ({"ENVIRONMENT": "production"}, "must be https"),
        (
            {
                "ENVIRONMENT": "production",
                "PUBLIC_URL": "https://town.example",
                "ALLOWED_PRIVATE_ORIGINS": '["http://localhost:1"]',
            },
            "must be empty in production",
        ),
    ],
)
def test_settings_when_missing_unknown_or_unsafe_refuse_to_start(environment, change, said):
    environment(**change)
    with pytest.raises(ConfigurationError, match=said):
        load_settings(Settings)


def test_refusal_never_quotes_a_secret(environment):
    environment(SECRET_KEY="hunter2", PUBLIC_URL="nonsense")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(Settings)
    assert "hunter2" not in str(caught.value)
