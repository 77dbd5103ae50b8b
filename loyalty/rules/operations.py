"""Load the programme's terms."""

import tomllib
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from sqlalchemy.orm import Session

from loyalty.rules.leaving import insert_all, load_churn_terms
from loyalty.rules.models import (
    ActivityTerms,
    BillTerms,
    ClubTerms,
    CommunityTerms,
    EntitlementTerms,
    EstimateTerms,
    ExcludedCategory,
    ProgrammeTerms,
    ProviderFee,
    PurchaseTerms,
    RetentionCap,
    RetentionTerms,
    TierPolicy,
    TierTerms,
    TillTerms,
)
from loyalty.rules.posting import load_posting_rules

# What a club leaves out: it is not sold, and no tier opens it.
_CLUB_DEFAULTS: dict[str, Any] = {
    "tiers": None,
    "item_code": None,
    "refund": "none",
    "refund_days": 0,
    "on_churn": "end",
}


def starting_terms() -> dict[str, Any]:
    """Return the terms the programme ships with."""
    return tomllib.loads((files("loyalty.rules") / "starting_terms.toml").read_text())


def load_terms(session: Session, *, terms: dict[str, Any], at: datetime) -> None:
    """Load a version of the terms; one that is there already stays as it is."""
    version = {"version": terms["version"]}
    programme = terms["programme"]
    num, den = programme["carrying_fen"]
    rows: dict[type[Any], list[dict[str, Any]]] = {
        ProgrammeTerms: [
            version
            | {
                "expiry_months": programme["expiry_months"],
                "cancel_unpaid_after_days": programme["cancel_unpaid_after_days"],
                "carrying_fen_num": num,
                "carrying_fen_den": den,
                "loaded_at": at,
            }
        ],
        BillTerms: [
            version
            | {
                "brand": bill["brand"],
                "points_num": bill["points_per_yuan"][0],
                "points_den": bill["points_per_yuan"][1],
            }
            for bill in terms["bill"]
        ],
        ActivityTerms: [version | activity for activity in terms["activity"]],
        ExcludedCategory: [
            version | {"partner": group["partner"], "first": first, "last": last}
            for group in terms["excluded_categories"]
            for first, last in group["ranges"]
        ],
        TillTerms: [
            version
            | {
                "partner_kind": till["partner_kind"],
                "partner": till["partner"],
                "pays_num": till["pays_fen"][0],
                "pays_den": till["pays_fen"][1],
                "settles_num": till["settles_fen"][0],
                "settles_den": till["settles_fen"][1],
                "hold_minutes": till["hold_minutes"],
            }
            for till in terms.get("till", [])
        ],
        EstimateTerms: [
            {
                "version": estimates["version"],
                "valid_from": estimates["valid_from"],
                "redeemed_num": estimates["redemption_rate"][0],
                "redeemed_den": estimates["redemption_rate"][1],
                "value_num": estimates["point_value_fen"][0],
                "value_den": estimates["point_value_fen"][1],
                "loaded_at": at,
            }
            for estimates in terms.get("estimates", [])
        ],
        **_tiers(terms.get("tier_policy"), terms.get("tier", []), at),
        PurchaseTerms: [one | {"loaded_at": at} for one in terms.get("purchase", [])],
        ProviderFee: [
            {
                "version": fee["version"],
                "valid_from": fee["valid_from"],
                "fee_num": fee["share"][0],
                "fee_den": fee["share"][1],
                "fixed_fen": fee["fixed_fen"],
            }
            for fee in terms.get("provider_fee", [])
        ],
        **_retention(terms.get("retention"), terms.get("retention_cap", []), at),
        CommunityTerms: [
            version | {"rank": rank} | community
            for rank, community in enumerate(terms.get("community", []), start=1)
        ],
        ClubTerms: [version | _CLUB_DEFAULTS | club for club in terms.get("club", [])],
        EntitlementTerms: [
            version | {"rank": rank, "per_term": None, "cost_fen": 0} | entitlement
            for rank, entitlement in enumerate(terms.get("entitlement", []), start=1)
        ],
    }
    insert_all(session, rows)
    if "churn" in terms:
        load_churn_terms(session, terms=terms["churn"], starts_on=date.min, at=at)
    if "posting" in terms:
        load_posting_rules(
            session,
            terms=terms["posting"],
            accounts=terms.get("money_account", []),
            at=at,
        )


def _tiers(
    policy: dict[str, Any] | None, rungs: list[dict[str, Any]], at: datetime
) -> dict[type[Any], list[dict[str, Any]]]:
    """Return the policy of tiers and its rungs, which are versioned on their own."""
    if policy is None:
        return {}
    return {
        TierPolicy: [policy | {"loaded_at": at}],
        TierTerms: [
            {"version": policy["version"], "rank": rank} | rung
            for rank, rung in enumerate(rungs, start=1)
        ],
    }


def _retention(
    retention: dict[str, Any] | None, caps: list[dict[str, Any]], at: datetime
) -> dict[type[Any], list[dict[str, Any]]]:
    """Return what keeping members may cost, which is versioned on its own."""
    if retention is None:
        return {}
    (high_num, high_den), (mid_num, mid_den) = retention["high"], retention["mid"]
    return {
        RetentionTerms: [
            {
                "version": retention["version"],
                "valid_from": retention["valid_from"],
                "bill_months": retention["bill_months"],
                "group_members": retention["group_members"],
                "high_num": high_num,
                "high_den": high_den,
                "mid_num": mid_num,
                "mid_den": mid_den,
                "loaded_at": at,
            }
        ],
        RetentionCap: [
            {
                "version": retention["version"],
                "segment": cap["segment"],
                "rank": rank,
                "share_num": cap["share"][0],
                "share_den": cap["share"][1],
            }
            for rank, cap in enumerate(caps, start=1)
        ],
    }
