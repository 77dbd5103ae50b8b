"""What an item is, when it may be published, and who may have it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any

FAMILIES = ("TELECOM", "NON_TELECOM", "ALLIANCE")
TELECOM_KINDS = ("VAS", "GUOXIN", "TERMINAL")  # domain.md A09
OTHER_KINDS = ("PRODUCT", "SERVICE", "ACTIVITY")  # domain.md A16
KINDS = OTHER_KINDS + TELECOM_KINDS
COST_TREATMENTS = ("NO_REVENUE_EFFECT", "POINTS_ACCRUAL", "CLUB_COST")
FULFILMENTS = ("VOUCHER", "TOP_UP", "DELIVERY", "INSURANCE", "BOOKING", "CLUB")
CODE_SOURCES = ("GENERATED", "POOL")
CHANNELS = ("web", "hall", "hotline", "manager", "club", "partner", "pos")
# Where a person of ours says something to the customer (domain.md E05).
SPOKEN_CHANNELS = frozenset({"hall", "hotline", "manager", "club"})
TIERS = ("SILVER", "GOLD", "DIAMOND")  # from the lowest
COVER_CLASSES = ("ACCIDENT", "HEALTH")
EMBLEMS = (
    "umbrella",
    "phone",
    "car",
    "racket",
    "plane",
    "gift",
    "ticket",
    "card",
    "shield",
)
# Whom an offer is for (domain.md A08, A15). "all" is the standing range for
# everybody; every other segment is a promotion to a defined group.
SEGMENTS = ("all", "mid_high", "at_risk", "worldwind_vip", "partner_customers")
EVERYBODY = "all"

OVERLAP_DAYS = 30  # domain.md B33, ASSUMED
INSURANCE_TERM_MONTHS_MAX = 12  # domain.md 3.5
INSURANCE_SETTLEMENT_FEN_MAX = 10_000  # domain.md 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """What somebody says about an item; `''` and `None`: not decided."""

    title_zh: str
    title_en: str
    points: int
    market_fen: int
    settlement_fen: int = 0
    owner: str = "operator"
    description_zh: str = ""
    description_en: str = ""
    script_zh: str = ""
    script_en: str = ""
    emblem: str = "gift"
    family: str = ""
    kind: str = ""
    cost_treatment: str = ""
    fulfilment: str = "VOUCHER"
    code_source: str = "GENERATED"
    valid_days: int = 365
    cash_fen: int | None = None
    mix_points: int | None = None
    mix_cash_fen: int | None = None
    partner: str | None = None  # None: our own product
    channels: tuple[str, ...] | None = None  # None: every one; so with the next three
    brands: tuple[str, ...] | None = None
    tiers: tuple[str, ...] | None = None
    clubs: tuple[str, ...] | None = None
    segment: str | None = None
    entry_rule_zh: str | None = None
    entry_rule_en: str | None = None
    min_spend_fen: int | None = None
    valid_from: date | None = None  # None: from the start
    valid_until: date | None = None
    limit_count: int | None = None  # None: as many as a member likes
    limit_days: int | None = None
    free_look_days: int = 0
    term_months: int | None = None
    cover_class: str | None = None
    priority: int = 0
    tier_prices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(ItemFacts):
    """An item as the catalogue has it."""

    item_code: str
    state: str
    account: str  # of the ledger's chart; '': a draft that has not decided
    stock_left: int | None  # None: never runs out
    changed_at: datetime | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is a product of ours, settled with nobody."""
        return self.partner is None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that keeps an item from being published, and where it is said."""

    code: str
    field: str


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why somebody cannot have an item now."""

    code: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """What another item promises to a segment, to compare strengths."""

    item_code: str
    segment: str
    begins_on: date
    points: int
    market_fen: int


def facts_of(item: ItemFacts) -> ItemFacts:
    """Return what is said about an item, without what became of it."""
    return ItemFacts(**{one.name: getattr(item, one.name) for one in fields(ItemFacts)})


def as_json(facts: ItemFacts) -> dict[str, Any]:
    """Return facts as a request for approval keeps them."""
    return {one.name: _plain(getattr(facts, one.name)) for one in fields(ItemFacts)}


def from_json(said: Mapping[str, Any]) -> ItemFacts:
    """Return the facts that `as_json` wrote."""
    told = dict(said)
    for name in ("valid_from", "valid_until"):
        told[name] = None if told[name] is None else date.fromisoformat(told[name])
    for name in ("channels", "brands", "tiers", "clubs"):
        told[name] = None if told[name] is None else tuple(told[name])
    return ItemFacts(**told)


def _plain(said: object) -> object:
    if isinstance(said, date):
        return said.isoformat()
    if isinstance(said, Mapping):
        return dict(said)
    return list(said) if isinstance(said, tuple) else said


def price(item: ItemFacts, *, tier: str | None) -> int:
    """Return the points of one for a tier; 0: free for it (domain.md A45)."""
    return item.points if tier is None else item.tier_prices.get(tier, item.points)


def leverage_tenths(*, market_fen: int, settlement_fen: int) -> int | None:
    """Return market ÷ settlement in tenths, rounded half up (domain.md A14).

    None: nothing is settled, so that nothing is amplified.
    """
    if settlement_fen == 0:
        return None
    return (20 * market_fen + settlement_fen) // (2 * settlement_fen)


def account_of(facts: ItemFacts) -> str:
    """Return where the points of an item go; `''`: it has not decided enough."""
    if not facts.family or not facts.kind:
        return ""
    if facts.family == "TELECOM":
        return "redeemed.telecom"
    if facts.family == "ALLIANCE" and facts.partner is not None:
        return f"redeemed.merchant:{facts.partner}"
    if facts.kind in ("SERVICE", "ACTIVITY"):
        return "redeemed.service"
    return "redeemed.product"


def treatment_of(*, family: str, kind: str) -> str:
    """Return how the cost of a kind is booked (domain.md A11, A17)."""
    if family == "TELECOM":
        return "NO_REVENUE_EFFECT"
    return "CLUB_COST" if kind in ("SERVICE", "ACTIVITY") else "POINTS_ACCRUAL"


def why_not(
    item: Item,
    *,
    channel: str,
    brands: Collection[str],
    tier: str | None,
    on: date,
    bought_in_window: int,
    quantity: int = 1,
    clubs: Collection[str] = (),
) -> WhyNot | None:
    """Return why somebody cannot have an item; None: they can.

    What no wish can change comes first, then what time may change.
    """
    begins, ends = item.valid_from or date.min, item.valid_until or date.max
    left, limit = item.stock_left, item.limit_count
    window = {"count": limit, "days": item.limit_days}
    reasons: tuple[tuple[bool, str, Mapping[str, object]], ...] = (
        (item.state != "published" or not begins <= on <= ends, "not_on_sale", {}),
        (
            item.channels is not None and channel not in item.channels,
            "channel_not_allowed",
            {"channels": item.channels},
        ),
        (
            item.brands is not None and not set(item.brands) & set(brands),
            "brand_not_allowed",
            {"brands": item.brands},
        ),
        (
            item.tiers is not None and tier not in item.tiers,
            "tier_not_allowed",
            {"tiers": item.tiers},
        ),
        (
            item.clubs is not None and not set(item.clubs) & set(clubs),
            "club_not_allowed",
            {"clubs": item.clubs},
        ),
        (left is not None and left < quantity, "sold_out", {"left": left}),
        (
            limit is not None and bought_in_window + quantity > limit,
            "limit_reached",
            window,
        ),
    )
    return next((WhyNot(code, facts) for holds, code, facts in reasons if holds), None)


def publication_faults(
    facts: ItemFacts, *, others: Sequence[Offer] = ()
) -> list[Fault]:
    """Return all that keeps an item from being published.

    `others` are the offers it would stand beside, for the barrier of domain.md B33.
    """
    return [
        *_undecided(facts),
        *_of_kind(facts),
        *_of_price(facts),
        *_of_words(facts),
        *_of_insurance(facts),
        *_of_validity(facts),
        *_of_strength(facts, others),
    ]


def _undecided(facts: ItemFacts) -> list[Fault]:
    """Return what was left open (domain.md A02, B33)."""
    needed = {
        "title_zh": facts.title_zh,
        "title_en": facts.title_en,
        "description_zh": facts.description_zh,
        "description_en": facts.description_en,
        "owner": facts.owner,
        "family": facts.family,
        "kind": facts.kind,
        "cost_treatment": facts.cost_treatment,
        "segment": facts.segment,
        "entry_rule_zh": facts.entry_rule_zh,
        "entry_rule_en": facts.entry_rule_en,
        "valid_until": facts.valid_until,
    }
    faults = [Fault("needed", name) for name, said in needed.items() if not said]
    if facts.min_spend_fen is None:
        faults.append(Fault("needed", "min_spend_fen"))
    return faults


def _of_kind(facts: ItemFacts) -> list[Fault]:
    if not facts.family or not facts.kind:
        return []
    faults = []
    is_telecom = facts.family == "TELECOM"
    if facts.kind not in (TELECOM_KINDS if is_telecom else OTHER_KINDS):
        faults.append(Fault("kind_not_of_family", "kind"))
    treatment = treatment_of(family=facts.family, kind=facts.kind)
    if facts.cost_treatment and facts.cost_treatment != treatment:
        faults.append(Fault("treatment_not_of_kind", "cost_treatment"))
    if is_telecom and facts.fulfilment == "DELIVERY" and facts.kind != "TERMINAL":
        faults.append(Fault("telecom_needs_no_delivery", "fulfilment"))
    if facts.fulfilment == "BOOKING" and facts.kind not in ("SERVICE", "ACTIVITY"):
        faults.append(Fault("booking_of_a_product", "fulfilment"))
    if facts.fulfilment == "CLUB" and facts.kind != "SERVICE":
        faults.append(Fault("club_place_of_a_product", "fulfilment"))
    return faults


def _of_price(facts: ItemFacts) -> list[Fault]:
    faults = []
    if facts.settlement_fen > 0 and facts.partner is None:
        faults.append(Fault("settled_with_nobody", "partner"))
    if (facts.mix_points is None) != (facts.mix_cash_fen is None):
        faults.append(Fault("mix_not_whole", "mix_points"))
    elif facts.mix_points is not None and not 0 < facts.mix_points < facts.points:
        faults.append(Fault("mix_not_cheaper", "mix_points"))
    if (facts.limit_count is None) != (facts.limit_days is None):
        faults.append(Fault("limit_not_whole", "limit_count"))
    faults += [
        Fault("tier_dearer_than_list", f"tier_{tier}")
        for tier, points in facts.tier_prices.items()
        if points > facts.points
    ]
    return faults


def _of_words(facts: ItemFacts) -> list[Fault]:
    """Return scripts that are missing where somebody has to say them (E05)."""
    if facts.channels is not None and not SPOKEN_CHANNELS & set(facts.channels):
        return []
    return [
        Fault("script_needed", name)
        for name in ("script_zh", "script_en")
        if not getattr(facts, name)
    ]


def _of_insurance(facts: ItemFacts) -> list[Fault]:
    """Return what an insurer may not give (domain.md 3.5)."""
    if facts.fulfilment != "INSURANCE":
        return []
    faults = []
    term = facts.term_months
    if term is None or not 0 < term <= INSURANCE_TERM_MONTHS_MAX:
        faults.append(Fault("insurance_too_long", "term_months"))
    if facts.settlement_fen > INSURANCE_SETTLEMENT_FEN_MAX:
        faults.append(Fault("insurance_too_dear", "settlement_fen"))
    if facts.cover_class not in COVER_CLASSES:
        faults.append(Fault("insurance_class", "cover_class"))
    if facts.partner is None:
        faults.append(Fault("insurer_needed", "partner"))
    return faults


def _of_validity(facts: ItemFacts) -> list[Fault]:
    begins, ends = facts.valid_from, facts.valid_until
    if begins is not None and ends is not None and ends < begins:
        return [Fault("ends_before_it_begins", "valid_until")]
    return []


def _of_strength(facts: ItemFacts, others: Sequence[Offer]) -> list[Fault]:
    """Return whether a group would see two strengths in a short time (B33).

    Strength is what a point buys at market price. Offers are near when they begin
    within `OVERLAP_DAYS` of each other.
    """
    if facts.segment in (None, "", EVERYBODY):
        return []
    begins = facts.valid_from or date.min
    for other in others:
        is_near = abs(begins - other.begins_on) <= timedelta(days=OVERLAP_DAYS)
        # Cross-multiplied, for the division would round strengths together.
        differs = facts.market_fen * other.points != other.market_fen * facts.points
        if other.segment == facts.segment and is_near and differs:
            return [Fault("other_strength_near", "segment")]
    return []
