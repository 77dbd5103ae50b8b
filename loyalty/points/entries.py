"""Every kind of entry the programme can post, and the accounts each may touch.

This file is the declaration: `migrate` writes it to the database, which refuses
whatever is not in it. `redeemed.merchant:` names a family of accounts, one per
partner. Chart: domain.md 2.4, book P; without its suspense, for an entry belongs to a
member's book, and who is in suspense is not known. Such points wait as what a partner
claims, in the money of `loyalty.matching`, and are posted once the account is linked.
"""

from collections.abc import Iterable
from datetime import date

from ledger.values import AccountClass, Kind, Lot, Shortfall, Side, Unit

UNITS = (Unit("CUP", draw_rank=0), Unit("UNI", draw_rank=1))
CUP, UNI = (unit.code for unit in UNITS)
UNIVERSAL = (CUP, UNI)  # spent as one balance, one for one

PURCHASED = "purchased"  # the cost class of points that were bought for cash
# No lot that there is: it names the class of those to be spared.
BOUGHT = Lot("", "", PURCHASED, date(1970, 1, 1), None)

CHART = (
    AccountClass("available", "member", Side.CREDIT),
    AccountClass("pending", "member", Side.CREDIT),
    AccountClass("held", "member", Side.CREDIT),
    AccountClass("owed", "member", Side.DEBIT),
    AccountClass("issued", "programme", Side.DEBIT),
    AccountClass("issued.partner", "programme", Side.DEBIT, by_partner=True),
    AccountClass("redeemed.telecom", "programme", Side.CREDIT),
    AccountClass("redeemed.product", "programme", Side.CREDIT),
    AccountClass("redeemed.service", "programme", Side.CREDIT),
    AccountClass("redeemed.merchant", "programme", Side.CREDIT, by_partner=True),
    AccountClass("exchanged.out", "programme", Side.CREDIT, by_partner=True),
    AccountClass("exchanged.in", "programme", Side.DEBIT, by_partner=True),
    AccountClass("expired", "programme", Side.CREDIT),
    AccountClass("voided.churn", "programme", Side.CREDIT),
    AccountClass("forfeited.fraud", "programme", Side.CREDIT),
    AccountClass("adjusted", "programme", Side.CREDIT),
    AccountClass("clearing", "programme", Side.CREDIT),
)

# Points for which neither a bill nor a partner has paid are accounted for apart from
# those of who funds their lot `x` (domain.md 2.6, J10, J16, J20). So are those that a
# coalition lets us give: they stay its own, and we owe nothing for them (J8).
APART = ("purchased", "goodwill", "fraud")
COALITION = "coalition"  # the cost class of points that stay a coalition's
FUNDING_CLASS = (
    f"CASE WHEN x.cost_class IN ({', '.join(repr(one) for one in APART)})"
    f" THEN x.cost_class WHEN x.cost_class = '{COALITION}'"
    f" THEN '{COALITION}:' || x.funding ELSE x.funding END"
)

_REDEEMED = (
    "redeemed.telecom",
    "redeemed.product",
    "redeemed.service",
    "redeemed.merchant:",
)


def _legs(debits: Iterable[str], credits_: Iterable[str]) -> frozenset[tuple[str, str]]:
    debits = tuple(debits)
    return frozenset((debit, credit) for credit in credits_ for debit in debits)


# Whatever credits `available` may have to pay `owed` first.
_MEMBER = ("available", "owed")
# Who issues: the operator, or whoever's points they stay.
_ISSUED = ("issued", "issued.partner:")

KINDS = (
    Kind("opening", _legs(_ISSUED, _MEMBER)),
    Kind("bill_accrual", _legs(_ISSUED, ["pending"])),
    Kind("bill_release", _legs(["pending"], _MEMBER)),
    Kind("bill_revival", _legs(_ISSUED, ["pending"])),
    Kind("bill_bounce", _legs(_MEMBER, ["pending"]), shortfall=Shortfall.OWE),
    Kind("bill_cancel", _legs(["pending"], _ISSUED)),
    Kind(
        "bill_adjustment",
        _legs(["pending", "voided.churn", *_MEMBER], _ISSUED),
        shortfall=Shortfall.OWE,
    ),
    Kind("activity_accrual", _legs(["issued.partner:"], _MEMBER)),
    Kind(
        "activity_refund",
        _legs(["voided.churn", *_MEMBER], ["issued.partner:"]),
        shortfall=Shortfall.OWE,
    ),
    # What is bought is refunded from its own lot or not at all, and only what is there.
    Kind("purchase", _legs(["issued"], _MEMBER)),
    Kind("purchase_return", _legs(["available"], ["issued"])),
    Kind("redemption", _legs(["available"], _REDEEMED), spends=True),
    Kind("redemption_reversal", _legs(_REDEEMED, _MEMBER)),
    Kind("hold", _legs(["available"], ["held"]), spends=True),
    Kind("capture", _legs(["held"], _REDEEMED)),
    Kind("release", _legs(["held"], [*_MEMBER, "voided.churn"])),
    Kind("exchange_out", _legs(["held"], ["exchanged.out:"])),
    Kind(
        "exchange_out_reversal",
        _legs(["exchanged.out:"], [*_MEMBER, "voided.churn"]),
    ),
    Kind("exchange_in", _legs(["exchanged.in:"], _MEMBER)),
    # What is spent already is not owed: the partner gave its word for it.
    Kind(
        "exchange_in_reversal",
        _legs(["available"], ["exchanged.in:"]),
        shortfall=Shortfall.FLOOR,
    ),
    Kind("expiry", _legs(["available"], ["expired"]), shortfall=Shortfall.FLOOR),
    Kind(
        "churn_void",
        _legs(["available", "pending"], ["voided.churn"]),
        shortfall=Shortfall.FLOOR,
    ),
    Kind("reinstatement", _legs(["voided.churn"], ["pending", *_MEMBER])),
    # By hand, by two people. What is not there any more is owed; where a reason does
    # not let anybody owe, it is not posted.
    Kind(
        "adjustment",
        _legs([*_ISSUED, "adjusted"], _MEMBER)
        | _legs(_MEMBER, ["adjusted", "forfeited.fraud"]),
        shortfall=Shortfall.OWE,
    ),
    Kind(
        "adjustment_reversal",
        _legs(_MEMBER, [*_ISSUED, "adjusted"])
        | _legs(["adjusted", "forfeited.fraud"], _MEMBER),
        shortfall=Shortfall.OWE,
    ),
)
