"""The machines of the API's tests, calling by TM Forum's names."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from authlib.integrations.requests_client import OAuth2Session

from loyalty.clock import now
from tests.blueprints.api.conftest import (  # noqa: F401 - fixtures
    _programme,
    agree,
    bank,
    change,
    enroll,
    link,
    member,
    proved,
    rows,
    site,
)

ROOT = "/tmf-api/loyaltyManagement/v4"
WANG = "M13300000001"


@dataclass
class Machine:
    """A partner's machine that knows TM Forum's names."""

    site: str
    client: OAuth2Session

    def call(self, method, path, *, body=None, query=None, key=None):
        """Call with a key of its own, unless told one."""
        return self.client.request(
            method,
            self.site + (path if path.startswith("/tmf-api/") else ROOT + path),
            json=body,
            params=query,
            headers={"Idempotency-Key": key or uuid4().hex},
            timeout=60,
        )

    def get(self, path, **query):
        """Ask something."""
        return self.call("GET", path, query=query)

    def post(self, path, body, *, key=None):
        """Have something done."""
        return self.call("POST", path, body=body, key=key)

    def delete(self, path):
        """End something."""
        return self.call("DELETE", path)


@pytest.fixture
def speak():
    """Let a machine of the API's tests speak by TM Forum's names."""

    def take(partner):
        return Machine(partner.site, partner.client)

    return take


@pytest.fixture
def machine(bank, speak):  # noqa: F811 - a fixture
    """The bank's machine; Wang is linked to it, and lets it see her points."""
    return speak(bank)


def earn(external_id="T1", value=1_000, member_ref=WANG, **other):
    """A card line of 1,000.00 at a supermarket, unless told."""
    return {
        "externalId": external_id,
        "loyaltyProgramMember": {"id": member_ref},
        "activity": "card",
        "activityDate": now().date().isoformat(),
        "amount": {"unit": "CNY", "value": value},
        "mcc": "5411",
    } | other


def burn(external_id="P1", value=60, member_ref=WANG):
    """Points to be spent."""
    return {
        "@type": "LoyaltyBurn",
        "externalId": external_id,
        "loyaltyProgramMember": {"id": member_ref},
        "quantity": {"unit": "points", "value": value},
    }
