from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.approvals.errors import AlreadyRequested
from loyalty.catalogue.errors import (
    ChangeWaiting,
    EffectiveTooSoon,
    ItemChangedMeanwhile,
    ItemCodeTaken,
    NothingChanges,
    NotInThatState,
    NotPublishable,
    UnknownItem,
)
from loyalty.catalogue.operations import (
    apply_change,
    apply_due,
    apply_publication,
    ask_change,
    ask_publication,
    change_item,
    draft_item,
    withdraw,
)
from loyalty.catalogue.queries import item, on_sale, waiting
from loyalty.catalogue.rules import facts_of
from tests.loyalty.catalogue.makers import INSURANCE, but

FIRST_DAY = date(2007, 12, 10)


@pytest.fixture
def ask(session, published, people, at):
    """Ask for an item on sale to change."""

    def ask(facts, effective_on=date(2007, 12, 20)):
        return ask_change(
            session,
            item_code=published,
            facts=facts,
            effective_on=effective_on,
            reason="dearer",
            maker=people[0],
            at=at,
        )

    return ask


def test_an_item_goes_on_sale_with_four_eyes_and_on_its_day(
    session, people, decide, at
):
    draft_item(session, item_code="X", facts=INSURANCE, at=at)
    asked = ask_publication(
        session, item_code="X", reason="new", maker=people[0], at=at
    )
    assert item(session, "X").state == "draft"

    first_day = apply_publication(session, approval=decide(asked), at=at)

    assert first_day == FIRST_DAY
    assert item(session, "X").state == "approved"
    assert apply_due(session, on=date(2007, 12, 9), at=at).published == 0
    assert apply_due(session, on=FIRST_DAY, at=at).published == 1
    assert apply_due(session, on=FIRST_DAY, at=at).published == 0
    assert [one.item_code for one in on_sale(session, on=FIRST_DAY)] == ["X"]
    assert facts_of(item(session, "X")) == INSURANCE


def test_what_is_valid_at_once_goes_on_sale_the_next_day(session, people, decide, at):
    draft_item(session, item_code="X", facts=but(INSURANCE, valid_from=None), at=at)
    asked = ask_publication(
        session, item_code="X", reason="new", maker=people[0], at=at
    )

    first_day = apply_publication(session, approval=decide(asked), at=at)

    assert first_day == date(2007, 12, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"family": ""},
        {"cost_treatment": ""},
        {"valid_until": None},
        {"script_zh": ""},
        {"family": "TELECOM", "kind": "VAS", "fulfilment": "DELIVERY"},
    ],
)
def test_a_draft_may_be_what_cannot_be_published(session, people, at, change):
    draft_item(session, item_code="X", facts=but(INSURANCE, **change), at=at)

    with pytest.raises(NotPublishable) as told:
        ask_publication(session, item_code="X", reason="", maker=people[0], at=at)

    assert told.value.faults


@pytest.mark.parametrize(
    "change",
    [
        "family = NULL",
        "cost_treatment = NULL",
        "cost_treatment = 'CLUB_COST'",
        (
            "family = 'TELECOM', kind = 'VAS', cost_treatment = 'NO_REVENUE_EFFECT',"
            " fulfilment = 'DELIVERY'"
        ),
        "settlement_fen = 10001",
        "term_months = 13",
        "mix_points = points",
    ],
)
def test_the_database_refuses_it_too(session, published, change):
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(f"UPDATE catalogue_item SET {change} WHERE item_code = :code"),
            {"code": published},
        )


def test_two_items_have_no_code_in_common(session, published, at):
    with pytest.raises(ItemCodeTaken):
        draft_item(session, item_code=published, facts=INSURANCE, at=at)


def test_what_was_changed_after_the_request_is_not_published(
    session, people, decide, at
):
    draft_item(session, item_code="X", facts=INSURANCE, at=at)
    asked = ask_publication(
        session, item_code="X", reason="new", maker=people[0], at=at
    )
    change_item(session, item_code="X", facts=but(INSURANCE, points=1300), at=at)

    with pytest.raises(ItemChangedMeanwhile):
        apply_publication(session, approval=decide(asked), at=at)


def test_a_rival_that_was_published_meanwhile_stands_against_it(
    session, people, decide, at
):
    asked = []
    for code, points in (("X", 2500), ("Y", 2000)):
        facts = but(INSURANCE, points=points)
        draft_item(session, item_code=code, facts=facts, at=at)
        asked.append(
            ask_publication(
                session, item_code=code, reason="new", maker=people[0], at=at
            )
        )
    apply_publication(session, approval=decide(asked[0]), at=at)

    with pytest.raises(NotPublishable) as told:
        apply_publication(session, approval=decide(asked[1]), at=at)

    assert [fault.code for fault in told.value.faults] == ["other_strength_near"]


def test_what_is_on_sale_is_not_simply_changed(session, published, at):
    with pytest.raises(NotInThatState):
        change_item(session, item_code=published, facts=INSURANCE, at=at)


def test_a_price_changes_on_its_day_and_only_with_four_eyes(
    session, published, ask, decide, at
):
    dearer = but(INSURANCE, points=3000, tier_prices={"GOLD": 2400})
    asked = ask(dearer)
    assert asked.before == {"points": 2500, "tier_prices": {"GOLD": 2000}}
    assert asked.after == {
        "points": 3000,
        "tier_prices": {"GOLD": 2400},
        "effective_on": "2007-12-20",
    }

    assert apply_change(session, approval=decide(asked), at=at) == date(2007, 12, 20)

    assert apply_due(session, on=date(2007, 12, 19), at=at).changed == 0
    assert item(session, published).points == 2500
    assert apply_due(session, on=date(2007, 12, 20), at=at).changed == 1
    assert facts_of(item(session, published)) == dearer
    assert item(session, published).state == "published"


def test_a_change_approved_too_late_for_its_day_takes_the_next(
    session, ask, decide, at
):
    asked = ask(but(INSURANCE, points=3000), effective_on=date(2007, 12, 2))
    later = at + timedelta(days=2)

    assert apply_change(session, approval=decide(asked, later), at=later) == date(
        2007, 12, 4
    )


def test_a_change_never_takes_effect_on_the_same_day(ask):
    with pytest.raises(EffectiveTooSoon):
        ask(but(INSURANCE, points=3000), effective_on=date(2007, 12, 1))


def test_a_request_that_changes_nothing_is_refused(ask):
    with pytest.raises(NothingChanges):
        ask(INSURANCE)


def test_one_request_and_one_change_wait_at_a_time(session, ask, decide, at):
    asked = ask(but(INSURANCE, points=3000))
    with pytest.raises(AlreadyRequested):
        ask(but(INSURANCE, points=3100))
    apply_change(session, approval=decide(asked), at=at)

    with pytest.raises(ChangeWaiting):
        ask(but(INSURANCE, points=3100))


def test_a_change_that_breaks_the_rules_is_refused(ask):
    with pytest.raises(NotPublishable):
        ask(but(INSURANCE, cost_treatment="CLUB_COST"))


def test_a_withdrawal_is_at_once_and_drops_what_waits(
    session, published, ask, decide, at
):
    asked = ask(but(INSURANCE, points=3000))
    apply_change(session, approval=decide(asked), at=at)

    withdraw(session, item_code=published, at=at)

    assert on_sale(session, on=FIRST_DAY) == []
    assert waiting(session) == []
    assert apply_due(session, on=date(2007, 12, 31), at=at).changed == 0
    with pytest.raises(NotInThatState):
        withdraw(session, item_code=published, at=at)


def test_what_was_withdrawn_can_come_back_with_four_eyes(
    session, published, people, decide, at
):
    withdraw(session, item_code=published, at=at)
    facts = but(INSURANCE, points=2600, valid_from=None)
    assert (
        change_item(session, item_code=published, facts=facts, at=at).state == "draft"
    )
    asked = ask_publication(
        session, item_code=published, reason="again", maker=people[0], at=at
    )
    apply_publication(session, approval=decide(asked), at=at)
    apply_due(session, on=date(2007, 12, 2), at=at)

    assert item(session, published).state == "published"


def test_an_item_that_nobody_made_is_not_there(session):
    with pytest.raises(UnknownItem):
        item(session, "NOTHING")
