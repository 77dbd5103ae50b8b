from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from loyalty.catalogue.rules import (
    Fault,
    Item,
    Offer,
    account_of,
    as_json,
    from_json,
    leverage_tenths,
    price,
    publication_faults,
    why_not,
)
from loyalty.rules.operations import starting_terms
from tests.loyalty.catalogue.makers import BEGINS, INSURANCE, but

VOUCHER = replace(
    INSURANCE,
    family="TELECOM",
    kind="VAS",
    cost_treatment="NO_REVENUE_EFFECT",
    fulfilment="TOP_UP",
    settlement_fen=0,
    partner=None,
)


def faults(facts, *others):
    return {
        (fault.code, fault.field) for fault in publication_faults(facts, others=others)
    }


def test_an_item_that_says_all_has_no_faults():
    assert faults(INSURANCE) == set()
    assert faults(VOUCHER) == set()


@pytest.mark.parametrize("field", ["family", "cost_treatment"])
def test_an_item_without_family_or_cost_treatment_cannot_be_published(field):
    assert ("needed", field) in faults(but(INSURANCE, **{field: ""}))


@pytest.mark.parametrize(
    "field",
    ["segment", "entry_rule_zh", "entry_rule_en", "valid_until", "min_spend_fen"],
)
def test_an_offer_without_barriers_cannot_be_published(field):
    assert faults(but(INSURANCE, **{field: None})) == {("needed", field)}


def test_no_minimum_spend_is_said_with_zero():
    assert faults(but(INSURANCE, min_spend_fen=0)) == set()


def test_a_telecom_top_up_is_never_delivered():
    delivered = but(VOUCHER, fulfilment="DELIVERY")
    handset = but(VOUCHER, fulfilment="DELIVERY", kind="TERMINAL")

    assert faults(delivered) == {("telecom_needs_no_delivery", "fulfilment")}
    assert faults(handset) == set()


@pytest.mark.parametrize(
    ("family", "kind", "treatment"),
    [
        ("NON_TELECOM", "PRODUCT", "POINTS_ACCRUAL"),
        ("NON_TELECOM", "SERVICE", "CLUB_COST"),
        ("ALLIANCE", "ACTIVITY", "CLUB_COST"),
        ("TELECOM", "GUOXIN", "NO_REVENUE_EFFECT"),
    ],
)
@pytest.mark.parametrize("said", ["POINTS_ACCRUAL", "CLUB_COST", "NO_REVENUE_EFFECT"])
def test_the_cost_treatment_follows_the_kind(family, kind, treatment, said):
    item = replace(
        INSURANCE, family=family, kind=kind, cost_treatment=said, fulfilment="VOUCHER"
    )

    found = faults(item)

    assert (("treatment_not_of_kind", "cost_treatment") in found) == (said != treatment)


def test_a_kind_belongs_to_its_family():
    assert ("kind_not_of_family", "kind") in faults(but(INSURANCE, kind="VAS"))
    assert ("kind_not_of_family", "kind") in faults(but(VOUCHER, kind="PRODUCT"))


def test_a_product_is_not_booked_like_a_session():
    assert ("booking_of_a_product", "fulfilment") in faults(
        but(INSURANCE, fulfilment="BOOKING")
    )


@pytest.mark.parametrize("channel", ["hall", "hotline", "manager", "club"])
def test_what_is_sold_by_people_needs_their_words(channel):
    silent = but(INSURANCE, channels=("web", channel), script_zh="", script_en="")

    assert faults(silent) == {
        ("script_needed", "script_zh"),
        ("script_needed", "script_en"),
    }
    assert faults(but(silent, channels=None)) == faults(silent)
    assert faults(but(silent, channels=("web",))) == set()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"term_months": 13}, ("insurance_too_long", "term_months")),
        ({"term_months": None}, ("insurance_too_long", "term_months")),
        ({"settlement_fen": 10_001}, ("insurance_too_dear", "settlement_fen")),
        ({"cover_class": "LIFE"}, ("insurance_class", "cover_class")),
        ({"partner": None, "settlement_fen": 0}, ("insurer_needed", "partner")),
        (
            {"partner": None, "fulfilment": "VOUCHER"},
            ("settled_with_nobody", "partner"),
        ),
        ({"mix_cash_fen": None}, ("mix_not_whole", "mix_points")),
        ({"mix_points": 2500}, ("mix_not_cheaper", "mix_points")),
        ({"limit_count": 2}, ("limit_not_whole", "limit_count")),
        ({"tier_prices": {"GOLD": 2501}}, ("tier_dearer_than_list", "tier_GOLD")),
        ({"valid_until": date(2007, 12, 9)}, ("ends_before_it_begins", "valid_until")),
    ],
)
def test_what_cannot_be_is_said_at_its_field(change, fault):
    assert faults(but(INSURANCE, **change)) == {fault}


def test_an_insurance_may_last_a_year_and_settle_at_a_hundred_yuan():
    assert faults(but(INSURANCE, term_months=12, settlement_fen=10_000)) == set()


# Three points buy a yuan here: another strength than that of the insurance.
RIVAL = Offer("OTHER", "mid_high", BEGINS, points=3000, market_fen=1000)


def rival(**told):
    return replace(RIVAL, **told)


def test_one_group_sees_no_two_strengths_within_a_month():
    within = BEGINS + timedelta(days=30)
    later = BEGINS + timedelta(days=31)
    conflict = {("other_strength_near", "segment")}

    assert faults(INSURANCE, rival()) == conflict
    assert faults(INSURANCE, rival(begins_on=within)) == conflict
    assert faults(INSURANCE, rival(begins_on=later)) == set()
    assert faults(INSURANCE, rival(segment="at_risk")) == set()
    assert faults(INSURANCE, rival(points=5000, market_fen=32_000)) == set()


def test_the_standing_range_for_everybody_is_no_promotion():
    everyone = but(INSURANCE, segment="all")

    assert faults(everyone, rival(segment="all")) == set()


def test_all_starting_items_may_be_published():
    for told in starting_terms()["item"]:
        columns = {
            name: said
            for name, said in told.items()
            if name not in ("item_code", "account")
        }
        if "channels" in columns:
            columns["channels"] = tuple(columns["channels"])
        facts = replace(
            INSURANCE,
            cash_fen=None,
            mix_points=None,
            mix_cash_fen=None,
            partner=None,
            channels=None,
            tier_prices={},
        )
        facts = but(facts, **columns)
        assert publication_faults(facts) == []
        assert account_of(facts) == told["account"]


def test_leverage_is_market_over_settlement():
    assert leverage_tenths(market_fen=16_000, settlement_fen=2_000) == 80
    assert leverage_tenths(market_fen=36_000, settlement_fen=4_000) == 90
    assert leverage_tenths(market_fen=1_000, settlement_fen=3_000) == 3
    assert leverage_tenths(market_fen=5_000, settlement_fen=0) is None


def test_points_of_the_alliance_go_to_the_merchant():
    assert account_of(INSURANCE) == "redeemed.product"
    assert account_of(but(INSURANCE, kind="SERVICE")) == "redeemed.service"
    assert account_of(but(INSURANCE, family="ALLIANCE")) == "redeemed.merchant:PINGAN"
    assert account_of(but(INSURANCE, family="")) == ""


def test_a_tier_pays_its_price_and_others_the_list_price():
    session = replace(
        INSURANCE, points=600, tier_prices={"DIAMOND": 0, "GOLD": 300, "SILVER": 480}
    )

    assert price(session, tier="DIAMOND") == 0
    assert price(session, tier="GOLD") < 600
    assert price(session, tier="SILVER") < 600
    assert price(session, tier=None) == 600
    assert price(INSURANCE, tier="DIAMOND") == 2500


def test_facts_survive_being_kept():
    facts = but(INSURANCE, brands=("worldwind",), tiers=None)

    assert from_json(as_json(facts)) == facts


ITEM = Item(
    **{name: getattr(INSURANCE, name) for name in INSURANCE.__dataclass_fields__},
    item_code="X",
    state="published",
    account="redeemed.product",
    stock_left=None,
    changed_at=datetime(2007, 12, 1),  # noqa: DTZ001 - never looked at
)


@pytest.mark.parametrize(
    ("item", "asked", "code"),
    [
        ({}, {}, None),
        ({"state": "approved"}, {}, "not_on_sale"),
        ({"state": "withdrawn"}, {}, "not_on_sale"),
        ({}, {"on": date(2007, 12, 9)}, "not_on_sale"),
        ({}, {"on": date(2008, 12, 31)}, None),
        ({}, {"on": date(2009, 1, 1)}, "not_on_sale"),
        ({}, {"channel": "agent"}, "channel_not_allowed"),
        ({"channels": None}, {"channel": "agent"}, None),
        ({"brands": ("worldwind",)}, {}, "brand_not_allowed"),
        ({"brands": ("worldwind",)}, {"brands": ["up", "worldwind"]}, None),
        ({"tiers": ("GOLD", "DIAMOND")}, {"tier": "SILVER"}, "tier_not_allowed"),
        ({"tiers": ("GOLD", "DIAMOND")}, {"tier": None}, "tier_not_allowed"),
        ({"tiers": ("GOLD", "DIAMOND")}, {"tier": "GOLD"}, None),
        ({"stock_left": 0}, {}, "sold_out"),
        ({"stock_left": 1}, {"quantity": 2}, "sold_out"),
        ({"stock_left": 1}, {}, None),
        ({"limit_count": 2, "limit_days": 30}, {"bought_in_window": 1}, None),
        (
            {"limit_count": 2, "limit_days": 30},
            {"bought_in_window": 2},
            "limit_reached",
        ),
        ({"limit_count": 2, "limit_days": 30}, {"quantity": 3}, "limit_reached"),
    ],
)
def test_it_is_said_why_somebody_cannot_have_an_item(item, asked, code):
    wish = {
        "channel": "web",
        "brands": ["up"],
        "tier": None,
        "on": date(2007, 12, 10),
        "bought_in_window": 0,
    } | asked

    reason = why_not(replace(ITEM, **item), **wish)

    assert (reason.code if reason else None) == code


def test_a_fault_names_its_field():
    (fault,) = publication_faults(but(INSURANCE, title_en=""))

    assert fault == Fault("needed", "title_en")
