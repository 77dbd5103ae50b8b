"""What became of points month by month since they were earned, from the books alone.

A cohort's points come from outside its lots and go to where its transfers take them;
so `issued` is what became available, less what was clawed back, and pending points are
no part of it yet. What the books knew at the end of a month stays so once the month is
closed, for late facts are dated to an open one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.estimates.rules import Row
from loyalty.finance.cohorts import Cohort
from loyalty.finance.rules import next_month
from loyalty.points.entries import COALITION, FUNDING_CLASS

TOGETHER = "*"  # before a kind of partners, where a partner would stand

# Where points of lots can be; all else is outside. Exchanges and fraud are kept apart
# from redemptions and leaving here, and added where they count alike.
_PLACES = {
    "redeemed.telecom": "redeemed",
    "redeemed.product": "redeemed",
    "redeemed.service": "redeemed",
    "redeemed.merchant": "redeemed",
    "exchanged.out": "exchanged",
    "expired": "expired",
    "voided.churn": "voided",
    "forfeited.fraud": "forfeited",
    "held": "held",
    "available": "available",
}
_FLOWS = f"""
WITH moved AS (
    SELECT t.unit, {FUNDING_CLASS} AS funding, x.earned_in, t.debit, t.credit,
           CAST(date_trunc('month', t.effective_on) AS date) AS month,
           t.kind = 'opening' AS is_opening, sum(x.units) AS units
      FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x
     WHERE t.draws IS NOT NULL AND t.effective_on < :next_month
       AND x.cost_class <> '{COALITION}'  -- whose own business it is what it expects
       AND (CAST(:unit AS text) IS NULL OR t.unit = :unit)
       AND (CAST(:funding AS text) IS NULL OR {FUNDING_CLASS} = :funding)
       AND (CAST(:kind AS text) IS NULL OR {FUNDING_CLASS} IN (
            SELECT partner FROM partner WHERE kind = :kind))
       AND (CAST(:earned_in AS date) IS NULL OR x.earned_in = :earned_in)
       {{segment}}
     GROUP BY 1, 2, 3, 4, 5, 6, 7
), place AS (
    SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:places AS text[]))
                  AS p(account, place)
), placed AS (
    SELECT m.unit, m.funding, m.earned_in, m.month, m.is_opening, m.units,
           coalesce(d.place, 'outside') AS origin,
           coalesce(c.place, 'outside') AS target
      FROM moved m
      LEFT JOIN place d ON d.account = split_part(m.debit, ':', 1)
      LEFT JOIN place c ON c.account = split_part(m.credit, ':', 1)
)
SELECT unit, funding, earned_in, month, bool_or(is_opening) AS is_opening,
       {{issued}} AS issued,
       coalesce(sum(units) FILTER (WHERE target = 'redeemed'), 0) AS redeemed,
       coalesce(sum(units) FILTER (WHERE origin = 'redeemed'), 0) AS returned,
       {{exchanged}} AS exchanged, {{expired}} AS expired, {{voided}} AS voided,
       {{forfeited}} AS forfeited, {{held}} AS held
  FROM placed
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
# A member's brand is that of the line they have had longest, those in use first.
_BRAND = """
AND t.member_id IN (
    SELECT member_id FROM (
        SELECT DISTINCT ON (member_id) member_id, brand FROM subscription
         ORDER BY member_id, ended_on IS NOT NULL, activated_on, msisdn) s
     WHERE s.brand = :brand)
"""
# The highest tier a member holds on the last day.
_TIER = """
AND t.member_id IN (
    SELECT member_id FROM (
        SELECT DISTINCT ON (p.member_id) p.member_id, p.tier FROM tier_period p
          LEFT JOIN (SELECT tier, max(rank) AS rank FROM tier_terms GROUP BY tier) r
                 ON r.tier = p.tier
         WHERE p.starts_on < :next_month
           AND (p.ends_on IS NULL OR p.ends_on >= CAST(:next_month AS date) - 1)
         ORDER BY p.member_id, r.rank DESC) s
     WHERE s.tier = :tier)
"""
# A few facts may be older than the programme: it began when a month had a tenth of what
# the busiest one has.
_BEGAN = text(
    """
    SELECT min(month) FROM (
        SELECT CAST(date_trunc('month', effective_on) AS date) AS month,
               10 * count(*) >= max(count(*)) OVER () AS is_busy
          FROM ledger.transfer WHERE kind <> 'opening' GROUP BY 1) m
     WHERE is_busy
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Which points are looked at; None: all of them."""

    unit: str | None = None
    kind: str | None = None  # of the partners who fund them
    funding: str | None = None
    earned_in: date | None = None
    brand: str | None = None
    tier: str | None = None


EVERYBODY = Segment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a month did to a cohort, in points."""

    month: date
    issued: int  # into lots, less what was clawed back
    redeemed: int
    returned: int  # of what had been redeemed
    exchanged: int  # out, less what came back
    expired: int
    voided: int  # by leaving, less what was reinstated
    forfeited: int
    held: int  # set aside, less what went on or came back
    is_opening: bool  # some of it was taken over from an older programme


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What became of a cohort, month by month."""

    cohort: Cohort
    flows: tuple[Flow, ...]
    began: date | None  # the month in which our programme did; None: not yet

    def total(self, name: str, *, through: date) -> int:
        """Return the sum of one kind of flow, up to a month."""
        return sum(
            int(getattr(flow, name)) for flow in self.flows if flow.month <= through
        )

    def row(self, *, through: date) -> Row:
        """Return the cohort's row of the triangle, as it was known after a month."""
        earned_in = self.cohort.earned_in
        cells = [0] * max(months_between(earned_in, through) + 1, 0)
        for flow in self.flows:
            if flow.month <= through:
                age = max(months_between(earned_in, flow.month), 0)
                cells[age] += flow.redeemed - flow.returned + flow.exchanged
        seen_from = 0
        if self.began is not None and any(
            flow.is_opening and flow.month <= through for flow in self.flows
        ):
            seen_from = max(months_between(earned_in, self.began), 0)
        return Row(
            earned_in=earned_in,
            issued=self.total("issued", through=through),
            redeemed=tuple(cells),
            held=self.total("held", through=through),
            expired=self.total("expired", through=through),
            voided=self.total("voided", through=through)
            + self.total("forfeited", through=through),
            seen_from=min(seen_from, len(cells)),
        )


def histories(
    session: Session, *, period: date, segment: Segment = EVERYBODY
) -> list[History]:
    """Return what became of each cohort up to the end of a month.

    In order of unit, funding and month of earning. A cohort of which points were taken
    over from an older programme was not seen before ours began.
    """
    statement = _FLOWS.format(
        segment=(_BRAND if segment.brand else "") + (_TIER if segment.tier else ""),
        issued=_net("outside", sign="-"),
        **{
            name: _net(name)
            for name in ("exchanged", "expired", "voided", "forfeited", "held")
        },
    )
    facts = {
        "next_month": next_month(period),
        "accounts": list(_PLACES),
        "places": list(_PLACES.values()),
        "unit": segment.unit,
        "kind": segment.kind,
        "funding": segment.funding,
        "earned_in": segment.earned_in,
        "brand": segment.brand,
        "tier": segment.tier,
    }
    flows: dict[Cohort, list[Flow]] = defaultdict(list)
    for found in session.execute(text(statement), facts).mappings():
        row = dict(found)
        cohort = Cohort(row.pop("unit"), row.pop("earned_in"), row.pop("funding"))
        month, is_opening = row.pop("month"), row.pop("is_opening")
        counts = {name: int(units) for name, units in row.items()}
        flows[cohort].append(Flow(month=month, is_opening=is_opening, **counts))
    began = session.scalar(_BEGAN)
    return [
        History(cohort=cohort, flows=tuple(months), began=began)
        for cohort, months in flows.items()
    ]


def together(
    session: Session, found: Sequence[History]
) -> list[tuple[History, list[History]]]:
    """Return the cohorts that partners of one kind fund as one, each with its parts.

    So hundreds of merchants are one line for each month. Where only one partner of a
    kind funds points of a unit, and where none does, a cohort stands for itself.
    """
    kinds = {
        row.partner: row.kind
        for row in session.execute(text("SELECT partner, kind FROM partner"))
    }
    partners: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    for one in found:
        kind = kinds.get(one.cohort.funding)
        partners[one.cohort.unit, kind].add(one.cohort.funding)
    parts: dict[Cohort, list[History]] = defaultdict(list)
    for one in found:
        cohort, kind = one.cohort, kinds.get(one.cohort.funding)
        if kind is not None and len(partners[cohort.unit, kind]) > 1:
            cohort = replace(cohort, funding=f"{TOGETHER}{kind}")
        parts[cohort].append(one)
    return [
        (
            History(
                cohort=cohort,
                flows=tuple(flow for one in members for flow in one.flows),
                began=members[0].began,
            ),
            members,
        )
        for cohort, members in sorted(parts.items())
    ]


def months_between(earlier: date, later: date) -> int:
    """Return how many months lie between two, by the calendar."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _net(place: str, *, sign: str = "") -> str:
    """Return the SQL of what went to a place, less what came from it."""
    return (
        f"{sign}coalesce(sum(CASE '{place}' WHEN target THEN units ELSE 0 END"
        f" - CASE '{place}' WHEN origin THEN units ELSE 0 END), 0)"
    )
