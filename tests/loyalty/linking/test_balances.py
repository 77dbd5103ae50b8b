"""What partners say that accounts hold: with consent, whole, and with its time."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.clients.operations import Profile
from loyalty.clients.operations import add as add_client
from loyalty.exchange.combined import combined
from loyalty.linking import balances
from loyalty.linking.models import LinkConsent
from loyalty.linking.operations import revoke
from partners.ports import AccountBalance, Expiring, Outcome
from tests.loyalty.exchange.alliance import FROM_MILES, NOON, Alliance

AT = NOON + timedelta(hours=1)
AS_OF = datetime(2007, 10, 15, 2, tzinfo=UTC)
MILES = AccountBalance(
    Outcome.CONFIRMED, "MILE", 2_005, (Expiring(300, date(2007, 12, 31)),), AS_OF
)


class Teller:
    """A partner that says what it is told to, when it is let."""

    def __init__(self, told=MILES):
        self.told, self.asked = told, []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def balance(self, account_ref):
        self.asked.append(account_ref)
        assert self.may_answer.wait(30)
        return self.told


@pytest.fixture
def teller():
    return Teller()


@pytest.fixture
def member(fresh_database):
    """Somebody with 10,000 points here and an account at the airline."""
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.open()
        member = alliance.member(10_000)
        alliance.link(member, "MU600001", "MU")
    return member


def consent(
    session,
    member,
    *,
    name="lnk_of_the_member",
    kinds=("balance.read",),
    version=2,
    at,
):
    """Let a member have said yes to the airline; return the name of the yes."""
    profile = Profile(
        partner="MU",
        name="core",
        auth_method="client_secret_basic",
        scopes=("balance.read",),
        contact="95530",
        redirect_uris=("https://airline.example/back",),
    )
    given = LinkConsent(
        consent_ref=name,
        partner="MU",
        client_id=add_client(session, profile=profile, at=at).client_id,
        member_id=member,
        account_hash=name.encode(),
        kinds=list(kinds),
        purpose_version=version,
        state="authorized",
        asked_at=at,
        granted_at=at,
        expires_at=at + timedelta(days=180),
    )
    session.add(given)
    return given.consent_ref


@pytest.fixture
def agree(fresh_database, member):
    """Let the member say yes to the airline."""

    def say(*, kinds=("balance.read",), version=2):
        with fresh_database.unit_of_work() as session:
            return consent(session, member, kinds=kinds, version=version, at=NOON)

    return say


@pytest.fixture
def ask(fresh_database, teller, member):
    def do(*, at=AT, **other):
        return balances.ask(
            fresh_database, {"MU": teller}, member_id=member, at=at, **other
        )

    return do


@pytest.fixture
def shown(fresh_database, member):
    def look(*, at=AT):
        with fresh_database.unit_of_work() as session:
            return combined(session, member_id=member, at=at)

    return look


def test_what_is_elsewhere_adds_up_at_the_rate_of_the_day(agree, ask, shown):
    """A28: the sum of their points times the rate, each with its own expiry."""
    agree()

    assert ask() == balances.Asked(1, 1)

    found = shown()
    (one,) = found.elsewhere
    rate = FROM_MILES.points_num, FROM_MILES.points_den
    assert rate == (5, 1)
    assert (one.units, one.points, found.points) == (2_005, 10_025, 20_025)
    assert one.expiring == [Expiring(300, date(2007, 12, 31))]
    assert one.as_of == AS_OF
    assert [part.issuer for part in found.ours] == ["operator"]


def test_units_without_a_rate_are_shown_and_not_counted(agree, ask, shown, teller):
    agree()
    teller.told = replace(MILES, unit="STAR")
    ask()
    found = shown()
    assert [(one.units, one.points) for one in found.elsewhere] == [(2_005, None)]
    assert not found.counts_elsewhere
    assert found.points == 10_000


@pytest.mark.parametrize(
    "given", [None, {"kinds": ("accrue",)}, {"version": 1}, "ended", "expired"]
)
def test_nobody_is_asked_without_consent(
    *, agree, ask, shown, teller, given, fresh_database
):
    at = AT
    if isinstance(given, dict):
        agree(**given)
    elif given is not None:
        name = agree()
        if given == "ended":
            with fresh_database.unit_of_work() as session:
                revoke(session, consent_ref=name, reason="member", at=AT)
        else:
            at = NOON + timedelta(days=180)

    assert ask(at=at) == balances.Asked(0, 0)
    assert teller.asked == []
    assert shown(at=at).elsewhere == []


def test_what_was_known_goes_with_the_consent(agree, ask, shown, fresh_database):
    name = agree()
    ask()
    with fresh_database.unit_of_work() as session:
        revoke(session, consent_ref=name, reason="member", at=AT)
        assert session.scalar(text("SELECT count(*) FROM partner_balance")) == 0
    assert shown().points == 10_000


def test_an_answer_after_the_consent_has_ended_is_not_kept(
    agree, ask, shown, teller, fresh_database
):
    name = agree()
    teller.may_answer.clear()
    assert ask(patience=timedelta(0)) == balances.Asked(1, 0)
    with fresh_database.unit_of_work() as session:
        revoke(session, consent_ref=name, reason="member", at=AT)
    teller.may_answer.set()
    wait_for_threads()
    assert shown().elsewhere == []


def test_who_is_silent_keeps_nobody_waiting_and_is_heard_later(
    agree, ask, shown, teller
):
    agree()
    teller.may_answer.clear()

    assert ask(patience=timedelta(milliseconds=10)) == balances.Asked(1, 0)
    assert shown().elsewhere == []

    teller.may_answer.set()
    wait_for_threads()
    assert [one.units for one in shown().elsewhere] == [2_005]


def test_no_answer_leaves_what_was_known_with_its_time(agree, ask, shown, teller):
    agree()
    ask()
    teller.told = AccountBalance(Outcome.UNKNOWN, reason="nobody there")
    assert ask() == balances.Asked(1, 0)
    assert [one.as_of for one in shown().elsewhere] == [AS_OF]


def test_an_older_answer_does_not_take_the_place_of_a_newer_one(
    agree, ask, shown, teller
):
    agree()
    ask()
    teller.told = replace(
        MILES, units=1, as_of=AS_OF - timedelta(seconds=1), expiring=()
    )
    ask()
    assert [one.units for one in shown().elsewhere] == [2_005]


def test_an_account_that_is_gone_holds_nothing(agree, ask, shown, teller):
    agree()
    ask()
    teller.told = AccountBalance(Outcome.ABSENT)
    ask()
    assert shown().elsewhere == []


def wait_for_threads():
    for thread in threading.enumerate():
        if thread.name.startswith("balances"):
            thread.join(30)
            assert not thread.is_alive()
