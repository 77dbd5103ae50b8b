"""One person, one number: their own, for good, and changed with a pause."""

from datetime import timedelta

import pytest

from loyalty.access.errors import ConfirmationMissing
from loyalty.exchange import linking
from loyalty.exchange.errors import AccountBound, AccountInUse, LinkMovedOn, NameDiffers
from loyalty.members.errors import OrdersUnderWay
from loyalty.members.operations import ask_erasure, erase
from loyalty.members.rules import ERASURE
from partners.matching import PersonName
from partners.ports import Outcome
from tests.loyalty.exchange.alliance import A_DAY, KEYRING, NOON, SENT_AT, WANG

LATIN = PersonName(family="WANG", given="XIAOMING")


def bound(alliance, member, at=NOON):
    found = linking.current(alliance.session, member_id=member, partner="MU", at=at)
    return found.account_ref if found else None


def test_a_number_is_bound_once_the_airline_knows_the_name(alliance):
    member = alliance.member()
    row = alliance.bind(member)
    assert row.state == "bound"
    assert bound(alliance, member) == "MU600001"
    assert alliance.rows("SELECT account_ref FROM link WHERE partner = 'MU'") == [
        ("MU600001",)
    ]
    assert WANG.family.encode() not in row.family_name


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.DECLINED, "refused"),
        (Outcome.PENDING, "asked"),
        (Outcome.UNKNOWN, "asked"),
        (Outcome.ABSENT, "asked"),
    ],
)
def test_without_a_yes_of_the_airline_nothing_is_bound(alliance, outcome, state):
    member = alliance.member()
    assert alliance.bind(member, outcome=outcome).state == state
    assert bound(alliance, member) is None
    assert alliance.rows("SELECT count(*) FROM link") == [(0,)]


def test_asked_for_again_it_is_the_same_and_can_still_be_bound(alliance):
    member = alliance.member()
    first = alliance.bind(member, outcome=Outcome.UNKNOWN)
    again = alliance.bind(member)
    assert (again.nth, again.state) == (first.nth, "bound")


def test_somebody_elses_name_is_refused_before_anybody_is_asked(alliance):
    member = alliance.member(name="李四")
    with pytest.raises(NameDiffers):
        alliance.bind(member)


def test_a_name_in_other_letters_is_for_a_person_to_compare(alliance):
    member, other = alliance.member(), alliance.member()
    assert alliance.bind(member, name=LATIN).state == "review"
    assert bound(alliance, member) is None
    key = {"member_id": member, "partner": "MU", "nth": 1, "at": NOON}
    linking.decide(alliance.session, ok=True, **key)
    assert bound(alliance, member) == "MU600001"
    with pytest.raises(LinkMovedOn):
        linking.decide(alliance.session, ok=True, **key)

    alliance.bind(other, "MU600002", name=LATIN)
    linking.decide(alliance.session, ok=False, **(key | {"member_id": other}))
    assert bound(alliance, other) is None


def test_a_number_belongs_to_one_person(alliance):
    alliance.bind(alliance.member())
    with pytest.raises(AccountInUse):
        alliance.bind(alliance.member())


def test_two_who_ask_for_one_number_at_once_do_not_both_get_it(alliance):
    first, second = alliance.member(), alliance.member()
    for member in (first, second):
        alliance.bind(member, outcome=Outcome.UNKNOWN)
    assert alliance.bind(second).state == "bound"
    with pytest.raises(AccountInUse):
        alliance.bind(alliance.member())
    row = alliance.bind(first)
    assert (row.state, row.reason) == ("refused", "account_in_use")


def test_another_number_takes_a_confirmation_and_seven_days(alliance):
    member = alliance.member()
    alliance.bind(member)
    with pytest.raises(ConfirmationMissing):
        alliance.bind(member, "MU600002")

    alliance.confirm(
        member, linking.binding(partner="MU", account_ref="MU600002"), at=NOON
    )
    assert alliance.bind(member, "MU600002").state == "bound"

    week = timedelta(days=7)
    assert bound(alliance, member, NOON + week - timedelta(seconds=1)) == "MU600001"
    assert bound(alliance, member, NOON + week) == "MU600002"
    states = [
        [
            one.state
            for one in linking.accounts(alliance.session, member_id=member, at=t)
        ]
        for t in (NOON, NOON + week)
    ]
    assert states == [["waiting", "bound"], ["bound", "replaced"]]
    with pytest.raises(AccountBound):
        alliance.bind(member, "MU600003", at=NOON + A_DAY)


def test_a_number_that_a_file_told_of_is_the_first_one(alliance):
    member = alliance.member()
    alliance.link(member, "MU600009", partner="MU")
    with pytest.raises(ConfirmationMissing):
        alliance.bind(member)

    assert alliance.bind(member, "MU600009").state == "bound"
    assert bound(alliance, member) == "MU600009"

    alliance.confirm(
        member, linking.binding(partner="MU", account_ref="MU600001"), at=NOON
    )
    alliance.bind(member)
    assert bound(alliance, member) == "MU600009"
    assert bound(alliance, member, NOON + timedelta(days=7)) == "MU600001"


def test_names_are_told_to_the_airline_and_kept_sealed(alliance):
    member = alliance.member()
    alliance.bind(member)
    told = linking.named(
        alliance.session,
        member_id=member,
        partner="MU",
        account_ref="MU600001",
        keyring=KEYRING,
    )
    assert (told.family_name, told.given_name, told.number) == (
        "王",
        "小明",
        "MU600001",
    )


def test_who_is_erased_leaves_no_number_and_what_has_ended_is_looked_up_still(
    alliance, carrier
):
    member = alliance.member(10_000)
    alliance.bind(member)
    ref = alliance.out(member)
    alliance.confirm(member, ERASURE)
    ask_erasure(alliance.session, member_id=member, at=NOON)
    with pytest.raises(OrdersUnderWay):
        erase(alliance.session, member_id=member, at=NOON + timedelta(days=20))
    confirmed_at = NOON + timedelta(days=20)
    alliance.advance(carrier, member, ref, at=SENT_AT)
    alliance.rows("UPDATE exchange SET state_at = :at RETURNING 1", at=confirmed_at)

    erase(alliance.session, member_id=member, at=confirmed_at)

    assert alliance.rows(
        "SELECT b.account_ref, family_name, given_name, e.account_ref"
        " FROM bound_account b, exchange e"
    ) == [("erased", None, None, "erased")]
    alliance.session.expire_all()
    alliance.advance(carrier, member, ref, at=confirmed_at + A_DAY)
    assert carrier.asked[-1] == "look_up"
    assert alliance.state(member, ref) == "confirmed"
    alliance.report()
