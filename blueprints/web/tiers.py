"""A member's tier: where they stand, what is missing, why, and who can be asked."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import charts, current_database, tier_story
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.wording import say, term
from loyalty.clock import now
from loyalty.tiers import operations, queries
from loyalty.tiers.errors import AppealOpen

_WORDS_CHARS = 500
_SHOWN = 12


@bp.get("/tier")
@member_required
def tier() -> ResponseReturnValue:
    """Show where the member stands, and explain it."""
    return _page()


@bp.post("/tier/appeal")
@member_required
def appeal_tier() -> ResponseReturnValue:
    """Ask that a person look at it."""
    words = request.form.get("words", "").strip()[:_WORDS_CHARS]
    try:
        with current_database().unit_of_work() as session:
            operations.appeal(
                session,
                member_id=this_member().member_id,
                words=words or None,
                at=now(),
            )
    except AppealOpen as error:
        return _page(problem=say(error), words=words), 409
    flash(
        speak(
            "申请已收到，会由工作人员复核。", "We have it; a person will look at it."
        ),
        "done",
    )
    return redirect(url_for("web.tier", _anchor="appeal"), 303)


def _page(*, problem: str = "", words: str = "") -> str:
    member_id, on = this_member().member_id, now().date()
    with current_database().unit_of_work() as session:
        stands = queries.standing(session, member_id=member_id, on=on)
        policy = queries.policy_in_force(session, on=on)
        by_version = {one.version: one for one in queries.policies(session)}
        decisions = list(queries.history(session, member_id=member_id))[:_SHOWN]
        facts: dict[str, Any] = {
            "outlook": queries.outlook(session, stands, member_id=member_id, on=on),
            "since": stands.tier
            and queries.held_since(session, member_id=member_id, tier=stands.tier),
            "grants": queries.grants_of(session, member_id=member_id),
            "appeals": queries.appeals_of(session, member_id=member_id),
            "refuses": queries.refuses_machines(session, member_id=member_id),
        }
    rungs = policy.rungs if policy else ()
    return render_template(
        "web/tier.html",
        stands=stands,
        policy=policy,
        amount=lambda figure: tier_story.amount(policy, figure),
        rules=tier_story.policy_words(policy) if policy else [],
        bar=charts.tier_bar(
            stands.figure, [(term("tier", rung.tier), rung.needed) for rung in rungs]
        ),
        decisions=[(one, tier_story.explain(one, by_version)) for one in decisions],
        today=on,
        problem=problem,
        words=words,
        **facts,
    )
