"""Posting rules are data: they balance by proof, or are refused."""

from copy import deepcopy

import pytest

from loyalty.journal.measures import EVENTS, VIEWS, amounts, is_balanced
from loyalty.journal.rules import faults_of, rules_of
from loyalty.rules.operations import starting_terms

TERMS = starting_terms()
POSTING = TERMS["posting"]
ACCOUNTS = {one["account"] for one in TERMS["money_account"]}


def rules_from(document):
    return rules_of(
        document, version=1, valid_from=POSTING["valid_from"], statutory="D"
    )


def test_the_starting_rules_make_sense():
    assert faults_of(POSTING, accounts=ACCOUNTS) == []


def test_every_event_means_something_in_the_statutory_view():
    told = {one["event"] for one in POSTING["rule"] if one["view"] == "D"}

    assert told == set(EVENTS)


def test_made_measures_hang_together_whatever_the_figures_are():
    figures = {"released": 1750, "payable": 2000, "cash": 0, "shortfall": 250}

    assert amounts(figures)["fee"] == 0
    assert is_balanced(["released", "shortfall", "cash"], ["payable", "fee"])
    assert not is_balanced(["released"], ["payable", "fee"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"credit": [["6001.01", "price"]]}, "rule 3: debits and credits differ"),
        ({"debit": [["1123.9", "price"]]}, "rule 3: unknown account 1123.9"),
        ({"debit": [["1122", "fee"]]}, "rule 3: bill_earned has no fee"),
        ({"view": "E"}, "rule 3: unknown view E"),
        ({"event": "lunch"}, "rule 3: unknown event lunch"),
        ({"when": "moon"}, "rule 3: unknown switch moon"),
        ({"weather": "fine"}, "rule 3: unknown selector weather"),
        ({"billing": "later"}, "rule 3: unknown billing later"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(change, fault):
    document = deepcopy(POSTING)
    document["rule"][2] |= change
    if "credit" in change:
        document["rule"][2]["credit"] = [["6001.01", "service"]]

    assert fault in faults_of(document, accounts=ACCOUNTS)


def test_the_most_special_rule_holds_and_a_switch_decides_between_equals():
    facts = {"treatment": "NO_REVENUE_EFFECT", "role": "agent"}
    document = deepcopy(POSTING)

    memo = rules_from(document).rule_for("C", "redeemed", facts)
    document["switches"]["release_on_own_redemption"] = True
    released = rules_from(document).rule_for("C", "redeemed", facts)

    assert [line.account for line in memo.debit] == ["2241"]
    assert [line.account for line in released.debit] == ["2801", "2241"]


def test_who_fulfills_is_said_by_item_partner_or_family():
    document = deepcopy(POSTING)
    document["principals"] = ["item:INS-A", "family:service"]
    rules = rules_from(document)

    assert rules.role_of({"item": "INS-A"}) == "principal"
    assert rules.role_of({"item": "INS-B", "family": "service"}) == "principal"
    assert rules.role_of({"item": "INS-B", "family": "product"}) == "agent"


def test_both_views_are_told_of():
    assert {one["view"] for one in POSTING["rule"]} == set(VIEWS)
