"""What a decision about a request needs, and what it brings about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from blueprints.sessions import SignedInStaff
from loyalty.adjustments import governance as adjustment_limits
from loyalty.adjustments import granting
from loyalty.adjustments import operations as adjustments
from loyalty.approvals.models import Approval
from loyalty.catalogue import operations as catalogue
from loyalty.churn import governance as churn
from loyalty.clients import governance as clients
from loyalty.closing import operations as closing
from loyalty.estimates import operations as estimates
from loyalty.estimates.queries import CHANGE_TERMS, EXPECT
from loyalty.exchange import cards
from loyalty.exchange import deciding as exchange
from loyalty.feeds import mending
from loyalty.journal import governance as posting
from loyalty.matching import receiving
from loyalty.matching import resolving as breaks
from loyalty.matching import terms as match_terms
from loyalty.members import operations as members
from loyalty.prepaid import billing, coalitions
from loyalty.settlement import charging, netting, statements
from loyalty.settlement import operations as settlement
from loyalty.staff import operations as staff
from loyalty.staff.rules import Permission
from loyalty.tiers import operations as tiers
from loyalty.tiers import policy as tier_policy

Apply = Callable[[Session, Approval, datetime], date | None]


@dataclass(frozen=True, slots=True)
class Action:
    """A kind of request: who may decide it, and how it is made so once approved."""

    permission: Permission
    apply: Apply  # returns the day it takes effect; None: at once
    # The page that shows more than the two sides; None: there is none.
    page: Callable[[Approval], str] | None = None


def _publish(session: Session, approval: Approval, at: datetime) -> date:
    return catalogue.apply_publication(session, approval=approval, at=at)


def _change(session: Session, approval: Approval, at: datetime) -> date:
    return catalogue.apply_change(session, approval=approval, at=at)


def _let_rate_hold(session: Session, approval: Approval, at: datetime) -> date:
    return cards.apply_approval(session, approval=approval, at=at)


def _write_off(session: Session, approval: Approval, at: datetime) -> None:
    exchange.apply_write_off(session, approval=approval, at=at)


def _settle_exchange(session: Session, approval: Approval, at: datetime) -> None:
    exchange.apply_settlement(session, approval=approval, at=at)


def _take_back(session: Session, approval: Approval, at: datetime) -> None:
    exchange.apply_take_back(session, approval=approval, at=at)


def _let_partner_pay(session: Session, approval: Approval, at: datetime) -> date:
    return billing.apply_billing(session, approval=approval, at=at)


def _give_coalitions(session: Session, approval: Approval, at: datetime) -> date:
    return coalitions.apply_terms(session, approval=approval, at=at)


def _accept_dispute(session: Session, approval: Approval, at: datetime) -> None:
    settlement.apply_acceptance(session, approval=approval, at=at)


def _issue_statement(session: Session, approval: Approval, at: datetime) -> None:
    statements.apply_issue(session, approval=approval, at=at)


def _write_settlement_off(session: Session, approval: Approval, at: datetime) -> None:
    netting.apply_write_off(session, approval=approval, at=at)


def _charge_fee(session: Session, approval: Approval, at: datetime) -> date:
    return charging.apply_fee(session, approval=approval, at=at).charged_on


def _sell(session: Session, approval: Approval, at: datetime) -> date:
    return charging.apply_purchase(session, approval=approval, at=at).ordered_on


def _adjust_partner(session: Session, approval: Approval, at: datetime) -> date:
    return charging.apply_adjustment(session, approval=approval, at=at).adjusted_on


def _set_roles(session: Session, approval: Approval, at: datetime) -> None:
    staff.set_roles(session, approval=approval, at=at)


def _erase(session: Session, approval: Approval, at: datetime) -> None:
    members.apply_erasure(session, approval=approval, at=at)


def _add_client(session: Session, approval: Approval, at: datetime) -> None:
    clients.apply_add(session, approval=approval, at=at)


def _change_client(session: Session, approval: Approval, _at: datetime) -> None:
    clients.apply_change(session, approval=approval)


def _let_tiers_hold(session: Session, approval: Approval, at: datetime) -> date:
    return tier_policy.apply_policy(session, approval=approval, at=at)


def _let_leaving_mean(session: Session, approval: Approval, at: datetime) -> date:
    return churn.apply_terms(session, approval=approval, at=at)


def _expect(session: Session, approval: Approval, at: datetime) -> date:
    return estimates.apply_estimates(session, approval=approval, at=at)


def _let_terms_hold(session: Session, approval: Approval, at: datetime) -> date:
    return estimates.apply_terms(session, approval=approval, at=at)


def _let_rules_post(session: Session, approval: Approval, at: datetime) -> date:
    return posting.apply_rules(session, approval=approval, at=at)


def _map_account(session: Session, approval: Approval, at: datetime) -> None:
    posting.apply_mapping(session, approval=approval, at=at)


def _settle_break(session: Session, approval: Approval, at: datetime) -> None:
    mending.settle_break(session, approval=approval, at=at)


def _clear_suspense(session: Session, approval: Approval, at: datetime) -> None:
    receiving.apply_clearing(session, approval=approval, at=at)


def _let_match_terms_hold(session: Session, approval: Approval, at: datetime) -> None:
    match_terms.apply_terms(session, approval=approval, at=at)


def _grant_tier(session: Session, approval: Approval, at: datetime) -> None:
    tiers.apply_grant(session, approval=approval, at=at)


def _sign_off(session: Session, approval: Approval, at: datetime) -> None:
    closing.apply_sign_off(session, approval=approval, at=at)


def _open_again(session: Session, approval: Approval, at: datetime) -> None:
    closing.apply_reopening(session, approval=approval, at=at)


def _change_points(session: Session, approval: Approval, at: datetime) -> None:
    adjustments.apply_ask(session, approval=approval, at=at)


def _change_many_points(session: Session, approval: Approval, at: datetime) -> None:
    adjustments.apply_release(session, approval=approval, at=at)


def _give_points(session: Session, approval: Approval, at: datetime) -> None:
    granting.apply_grants(session, approval=approval, at=at)


def _limit_changes(session: Session, approval: Approval, at: datetime) -> date:
    return adjustment_limits.apply_limits(session, approval=approval, at=at)


def _of_adjustment(approval: Approval) -> str:
    member_id, _, adjustment_ref = approval.subject.partition("/")
    return url_for(
        "console.adjustment", member_id=int(member_id), adjustment_ref=adjustment_ref
    )


def _of_grants(approval: Approval) -> str:
    return url_for("console.grant_file", file_id=int(approval.subject))


ACTIONS: Mapping[str, Action] = {
    catalogue.PUBLISH: Action(Permission.CATALOGUE_CHECK, _publish),
    catalogue.CHANGE: Action(Permission.CATALOGUE_CHECK, _change),
    "staff.roles": Action(Permission.STAFF_CHECK, _set_roles),
    clients.ADD: Action(Permission.CLIENT_CHECK, _add_client),
    clients.CHANGE: Action(Permission.CLIENT_CHECK, _change_client),
    cards.APPROVE: Action(Permission.CATALOGUE_CHECK, _let_rate_hold),
    exchange.SETTLE: Action(Permission.FINANCE_CHECK, _settle_exchange),
    exchange.TAKE_BACK: Action(Permission.FINANCE_CHECK, _take_back),
    exchange.WRITE_OFF: Action(Permission.FINANCE_CHECK, _write_off),
    billing.CHANGE: Action(Permission.FINANCE_CHECK, _let_partner_pay),
    coalitions.CHANGE: Action(Permission.FINANCE_CHECK, _give_coalitions),
    posting.CHANGE: Action(Permission.FINANCE_CHECK, _let_rules_post),
    posting.MAP: Action(Permission.FINANCE_CHECK, _map_account),
    tier_policy.CHANGE: Action(Permission.TIER_CHECK, _let_tiers_hold),
    churn.CHANGE: Action(Permission.CATALOGUE_CHECK, _let_leaving_mean),
    breaks.RESOLVE: Action(Permission.FINANCE_CHECK, _settle_break),
    receiving.CLEAR: Action(Permission.FINANCE_CHECK, _clear_suspense),
    match_terms.CHANGE: Action(Permission.FINANCE_CHECK, _let_match_terms_hold),
    tiers.GRANT: Action(Permission.TIER_CHECK, _grant_tier),
    EXPECT: Action(Permission.FINANCE_CHECK, _expect),
    CHANGE_TERMS: Action(Permission.FINANCE_CHECK, _let_terms_hold),
    settlement.ACCEPT: Action(Permission.FINANCE_CHECK, _accept_dispute),
    statements.ISSUE: Action(Permission.FINANCE_CHECK, _issue_statement),
    netting.WRITE_OFF: Action(Permission.FINANCE_CHECK, _write_settlement_off),
    charging.FEE: Action(Permission.FINANCE_CHECK, _charge_fee),
    charging.PURCHASE: Action(Permission.FINANCE_CHECK, _sell),
    charging.ADJUST: Action(Permission.FINANCE_CHECK, _adjust_partner),
    closing.SIGN_OFF: Action(Permission.FINANCE_CHECK, _sign_off),
    closing.REOPEN: Action(Permission.REOPEN_CHECK, _open_again),
    members.ERASE: Action(Permission.MEMBER_ERASE_CHECK, _erase),
    adjustments.ASK: Action(Permission.ADJUST_CHECK, _change_points, _of_adjustment),
    adjustments.RELEASE: Action(
        Permission.FINANCE_CHECK, _change_many_points, _of_adjustment
    ),
    granting.GRANT: Action(Permission.FINANCE_CHECK, _give_points, _of_grants),
    adjustment_limits.CHANGE: Action(Permission.FINANCE_CHECK, _limit_changes),
}


def may_decide(caller: SignedInStaff, approval: Approval) -> bool:
    """Whether somebody may decide about a request: never about their own."""
    action = ACTIONS.get(approval.action)
    return (
        action is not None
        and action.permission in caller.permissions
        and approval.maker != caller.staff_id
        # A third person is neither of the two who came before.
        and approval.after.get("asked_by") != caller.login
    )


def page_of(approval: Approval) -> str | None:
    """Return where more is told about a request; None: nowhere."""
    action = ACTIONS.get(approval.action)
    return action.page(approval) if action and action.page else None


def facts_of(approval: Approval) -> list[tuple[str, Any, Any]]:
    """Return the names a request is about, each as it was and as it becomes.

    What changes stands first, for a policy of fifty facts may change two of them.
    """
    before: Mapping[str, Any] = approval.before or {}
    after: Mapping[str, Any] = approval.after
    named = [*after, *(name for name in before if name not in after)]
    facts = [(name, before.get(name), after.get(name)) for name in named]
    return sorted(facts, key=lambda one: (one[1] == one[2], one[0].rpartition(".")[0]))
