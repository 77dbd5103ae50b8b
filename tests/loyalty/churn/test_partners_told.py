"""What partners hear of who leaves and who comes back."""

import pytest
from sqlalchemy import text

from tests.loyalty.churn.world import LEAVING
from tests.loyalty.exchange.alliance import A_DAY

CARD = "CARD-1"


@pytest.fixture
def linked(world):
    """A member with a card at a bank that is told everything, and the consent."""
    world.session.execute(
        text(
            "INSERT INTO webhook_endpoint (endpoint_id, partner, url, types, secret,"
            " created_at) VALUES ('whk_1', 'CEB', 'https://ceb.example/',"
            " '{benefits.voided,benefits.reinstated}', 'x', now())"
        )
    )
    member = world.member(UNI=500)
    world.alliance.link(member, CARD)
    world.session.execute(
        text(
            "INSERT INTO partner_client (client_id, partner, name, contact,"
            " auth_method, redirect_uris, scopes, require_dpop, require_par,"
            " created_at) VALUES ('ceb-1', 'CEB', 'x', '', 'client_secret_basic',"
            " '{}', '{links:write}', false, false, now())"
        )
    )
    return member


def consent(world, member, *kinds):
    """Let the bank have a consent of these kinds."""
    world.session.execute(
        text(
            "INSERT INTO link_consent (consent_ref, partner, client_id, member_id,"
            " kinds, purpose_version, state, asked_at, expires_at, granted_at)"
            " VALUES ('lnk_1', 'CEB', 'ceb-1', :member, :kinds, 1, 'authorized', :at,"
            " :until, :at)"
        ),
        {
            "member": member,
            "kinds": list(kinds),
            "at": LEAVING - A_DAY,
            "until": LEAVING + 100 * A_DAY,
        },
    )


def told(world):
    return world.rows("SELECT partner, type, data FROM event ORDER BY number")


def test_a_partner_hears_what_ended_and_what_came_back(world, linked):
    consent(world, linked, "balance.read", "churn.notify")

    world.depart(linked, "ported_out", "")
    world.go_on(linked)
    world.depart(linked, "reconnected", "", at=LEAVING + A_DAY)

    left, back = LEAVING.date(), (LEAVING + A_DAY).date()
    assert told(world) == [
        (
            "CEB",
            "benefits.voided",
            {
                "link": "lnk_1",
                "effective_on": left.isoformat(),
                "return_until": (LEAVING + 90 * A_DAY).date().isoformat(),
                "benefits": ["points.universal", "link", "card"],
            },
        ),
        (
            "CEB",
            "benefits.reinstated",
            {
                "link": "lnk_1",
                "effective_on": back.isoformat(),
                "benefits": ["points.universal"],
            },
        ),
    ]


def test_a_partner_that_may_not_hear_of_it_is_told_nothing(world, linked):
    consent(world, linked, "balance.read")

    world.depart(linked, "ported_out", "")
    world.depart(linked, "reconnected", "", at=LEAVING + A_DAY)

    assert told(world) == []


def test_who_never_lost_anything_is_not_said_to_have_it_back(world, linked):
    world.rule(grace_days=30)
    consent(world, linked, "churn.notify")

    world.depart(linked, "ported_out", "")
    world.depart(linked, "reconnected", "", at=LEAVING + A_DAY)

    assert told(world) == []
