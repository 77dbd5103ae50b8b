"""Whom a partner may name, and what a consent is about."""

from datetime import date

import pytest
from sqlalchemy import text

from loyalty.alliance.operations import link_account
from loyalty.clients.operations import Profile
from loyalty.clients.operations import add as add_client
from loyalty.clock import now
from loyalty.keyring import Keyring
from loyalty.linking.errors import (
    BadAccount,
    ConsentDecided,
    UnknownConsent,
    UnknownKind,
)
from loyalty.linking.operations import Answer, account_of, ask, reject, revoke
from loyalty.linking.queries import consent, consents_at, linked_member

KEYRING = Keyring(b"a secret of the tests, and of nobody else")
ON = date(2026, 11, 24)


@pytest.fixture
def people(session):
    """Two members, and a bank, a shop and a club."""
    for partner, kind in (("CEB", "bank"), ("SHOP", "merchant"), ("CLUB", "venue")):
        session.execute(
            text("INSERT INTO partner (partner, kind, name) VALUES (:p, :kind, :p)"),
            {"p": partner, "kind": kind},
        )
    members = []
    for ref in ("WANG", "LI"):
        member_id = session.execute(
            text(
                "INSERT INTO member (member_ref, joined_on)"
                " VALUES (:ref, '2005-03-01') RETURNING member_id"
            ),
            {"ref": ref},
        ).scalar_one()
        session.execute(
            text(
                "INSERT INTO claim (space, key, member_id, content)"
                " VALUES ('member', :ref, :member, gen_random_uuid())"
            ),
            {"ref": ref, "member": member_id},
        )
        members.append(member_id)
    return members


@pytest.fixture
def client(session, people):  # noqa: ARG001 - the bank is among them
    """A machine of the bank that may ask members."""
    profile = Profile(
        partner="CEB",
        name="core",
        auth_method="client_secret_basic",
        scopes=("accrue", "balance.read"),
        contact="95595",
        redirect_uris=("https://bank.example/back",),
    )
    return add_client(session, profile=profile, at=now())


@pytest.fixture
def asked(session, client):
    """Ask for a consent."""

    def wish(account_ref="6225-1", kinds=("balance.read", "accrue")):
        return ask(
            session,
            client=client,
            account_ref=account_ref,
            kinds=kinds,
            keyring=KEYRING,
            at=now(),
        )

    return wish


def test_an_account_is_of_who_linked_it_first(session, people):
    wang, li = people

    def link(member_id):
        return link_account(
            session, member_id=member_id, partner="CEB", account_ref="6225-1", on=ON
        )

    assert [link(wang), link(li), link(wang)] == [wang, wang, wang]

    links = session.execute(text("SELECT member_id, account_ref, linked_on FROM link"))
    assert links.all() == [(wang, "6225-1", ON)]
    assert linked_member(session, partner="CEB", account_ref="6225-1") == wang


def test_at_a_shop_the_account_is_the_member_number(session, people):
    wang, _ = people

    assert linked_member(session, partner="SHOP", account_ref="WANG") == wang
    assert linked_member(session, partner="CLUB", account_ref="WANG") == wang
    assert linked_member(session, partner="CEB", account_ref="WANG") is None
    assert linked_member(session, partner="NONE", account_ref="WANG") is None
    assert linked_member(session, partner="SHOP", account_ref="W\x00") is None


def test_an_account_is_kept_sealed(asked):
    wish = asked("6225-1")

    assert b"6225" not in (wish.account_sealed or b"")
    assert account_of(wish, keyring=KEYRING) == "6225-1"
    assert wish.account_hash == asked("6225-1").account_hash != asked("X").account_hash


def test_kinds_are_kept_in_the_order_in_which_they_are_told(asked):
    assert asked(kinds=("accrue", "balance.read")).kinds == ["balance.read", "accrue"]


@pytest.mark.parametrize("account_ref", ["", " 1", "1\n", "a\x00", "x" * 65])
def test_an_account_needs_a_name(asked, account_ref):
    with pytest.raises(BadAccount):
        asked(account_ref)


@pytest.mark.parametrize("kinds", [(), ("everything",)])
def test_a_consent_is_about_something_there_is(asked, kinds):
    with pytest.raises(UnknownKind):
        asked(kinds=kinds)


def test_a_consent_is_decided_once(session, asked, people):
    wish = asked()
    answer = Answer(wish.consent_ref, people[0], "web", "127.0.0.1")

    reject(session, answer=answer, at=now())

    with pytest.raises(ConsentDecided) as told:
        reject(session, answer=answer, at=now())
    assert told.value.facts["state"] == "rejected"


def test_a_partner_sees_its_own_consents_alone(session, asked):
    wishes = sorted(asked().consent_ref for _ in range(3))

    def named(**which):
        found = consents_at(session, partner="CEB", **which)
        return [one.consent_ref for one in found]

    assert named() == wishes
    assert named(limit=2) == wishes[:2]
    assert named(after=wishes[1]) == wishes[2:]
    assert consents_at(session, partner="SHOP") == []
    with pytest.raises(UnknownConsent):
        consent(session, consent_ref=wishes[0], partner="SHOP")
    with pytest.raises(UnknownConsent):
        revoke(
            session,
            consent_ref=wishes[0],
            partner="SHOP",
            reason="partner",
            at=now(),
        )


def test_what_waits_can_be_taken_back_by_who_asked(session, asked):
    wish = asked()

    ended = revoke(
        session, consent_ref=wish.consent_ref, partner="CEB", reason="p", at=now()
    )

    assert (ended.state, ended.account_sealed) == ("rejected", None)
