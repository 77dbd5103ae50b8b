"""Why a member stands where they stand: decisions and policies in plain words."""

from collections.abc import Mapping

from blueprints.formatting import day, number, points, yuan
from blueprints.language import speak
from blueprints.wording import term
from loyalty.tiers.models import TierDecision
from loyalty.tiers.rules import Period, Policy


def amount(policy: Policy | None, figure: int) -> str:
    """Return a figure in what a policy measures: money, or points."""
    if policy is None:
        return number(figure)
    return yuan(figure) if policy.measure == "bill_spend" else points(figure)


def policy_words(policy: Policy) -> list[str]:
    """Return how tiers are reached and kept, one sentence each."""
    said = [_counted(policy), _kept(policy)]
    if policy.never_downgrade:
        return [*said, speak("等级不会下降。", "A tier never falls.")]
    if policy.grace_days:
        said.append(
            speak(
                f"到期后还有 {policy.grace_days} 天宽限，这些天的也算。",
                f"After its end {policy.grace_days} days of grace follow, and what"
                " comes in then counts too.",
            )
        )
    if policy.soft_landing:
        said.append(
            speak("一次最多降一级。", "You fall one rung at a time, and no more.")
        )
    if policy.late_days:
        said.append(
            speak(
                f"伙伴晚报的，{policy.late_days} 天内仍按发生的那天算。",
                f"What a partner posts late counts for its own day for"
                f" {policy.late_days} days.",
            )
        )
    return said


def explain(decision: TierDecision, by_version: Mapping[int, Policy]) -> list[str]:
    """Return what a decision saw, what it came to, and why, one sentence each."""
    policy = by_version.get(decision.version) if decision.version else None
    said = [outcome(decision)]
    if (
        policy is not None
        and decision.figure is not None
        and decision.counted_from is not None
        and decision.counted_to is not None
    ):
        said.append(
            speak(
                f"{day(decision.counted_from)}至{day(decision.counted_to)}的"
                f"{term('tier_measure', policy.measure)}为"
                f" {amount(policy, decision.figure)}。",
                f"{term('tier_measure', policy.measure)} from"
                f" {day(decision.counted_from)} to {day(decision.counted_to)}:"
                f" {amount(policy, decision.figure)}.",
            )
        )
        said += _thresholds(decision, policy)
    if decision.grant_tier is not None and decision.grant_until is not None:
        said.append(
            speak(
                f"另有授予的{term('tier', decision.grant_tier)}，"
                f"至 {day(decision.grant_until)}。",
                f"{term('tier', decision.grant_tier)} was given besides, until"
                f" {day(decision.grant_until)}.",
            )
        )
    if decision.version is not None:
        said.append(
            speak(
                f"依据等级规则第 {decision.version} 版。",
                f"By version {decision.version} of the policy of tiers.",
            )
        )
    return said


def outcome(decision: TierDecision) -> str:
    """Return what a decision came to, in one sentence."""
    tier = term("tier", decision.tier) if decision.tier else speak("普通会员", "Member")
    said = speak(
        f"{day(decision.starts_on)}起为{tier}", f"{tier} from {day(decision.starts_on)}"
    )
    if decision.until is not None:
        said += speak(f"，至 {day(decision.until)}", f" until {day(decision.until)}")
    return f"{said}{speak('。', '.')}"


def _thresholds(decision: TierDecision, policy: Policy) -> list[str]:
    """Return what the figure reached, and why more than that is held."""
    assert decision.figure is not None
    ranks = {rung.tier: rung for rung in policy.rungs}
    reached = [rung for rung in policy.rungs if rung.needed <= decision.figure]
    held = ranks.get(decision.tier or "")
    was = ranks.get(decision.was or "")
    said = []
    if held is not None and held in reached:
        said.append(
            speak(
                f"{term('tier', held.tier)}需要 {amount(policy, held.needed)}，"
                "已达到。",
                f"{term('tier', held.tier)} takes {amount(policy, held.needed)}, which"
                " is reached.",
            )
        )
    if was is not None and was not in reached and was is not held:
        said.append(
            speak(
                f"{term('tier', was.tier)}需要 {amount(policy, was.needed)}，"
                f"还差 {amount(policy, was.needed - decision.figure)}。",
                f"{term('tier', was.tier)} takes {amount(policy, was.needed)}:"
                f" {amount(policy, was.needed - decision.figure)} were missing.",
            )
        )
    if held is not None and held not in reached:
        said.append(
            speak("到期没有达到的，这次不再往下降。", "You fall no further this time.")
            if decision.kind == "lowered"
            else speak("这一期仍为您保留。", "It is kept for you this time.")
        )
    return said


def _counted(policy: Policy) -> str:
    what = term("tier_measure", policy.measure)
    match policy.period:
        case Period.ROLLING:
            return speak(
                f"看每天之前 {policy.months} 个月的{what}。",
                f"What counts: {what.lower()} in the {policy.months} months before"
                " each day.",
            )
        case Period.ANNIVERSARY:
            return speak(
                f"看从加入那天算起每 {policy.months} 个月的{what}。",
                f"What counts: {what.lower()} in each {policy.months} months from the"
                " day of joining.",
            )
        case Period.CALENDAR:
            return speak(
                f"看每 {policy.months} 个月一期的{what}，从一月起算。",
                f"What counts: {what.lower()} in each {policy.months} months, from"
                " January on.",
            )


def _kept(policy: Policy) -> str:
    if policy.period is Period.ROLLING:
        return speak(
            "达到当天就升级，够用多久就保留多久。",
            "You rise on the day you reach a tier, and keep it while it is enough.",
        )
    return speak(
        "达到当天就升级，保留到下一期结束。",
        "You rise on the day you reach a tier, and keep it to the end of the next"
        " period.",
    )
