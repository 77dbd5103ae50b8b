"""My accounts at partners: what is linked, and a number to be bound by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import confirming, services
from blueprints.language import speak
from blueprints.sessions import member_required, this_member
from blueprints.web import bp
from blueprints.web.home import SOON
from blueprints.wording import issuer_name, say, words_for
from loyalty.access.operations import verified
from loyalty.alliance.queries import links, partners
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.exchange import delivery, linking
from loyalty.exchange.combined import combined
from loyalty.exchange.errors import BadAccountNumber
from loyalty.exchange.linking import Account
from loyalty.linking import balances
from partners.matching import PersonName

_NAME_CHARS = 60
_NUMBER_CHARS = 27  # domain.md 3.3: what booking systems keep of a number
_NUMBER_CHARS_MIN = 4


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the form."""

    partner: str = ""
    number: str = ""
    family: str = ""
    given: str = ""

    @property
    def bound(self) -> str:
        """What a confirmation of this number is bound to."""
        return linking.binding(partner=self.partner, account_ref=self.number)


@bp.get("/profile/accounts")
@member_required
def accounts() -> ResponseReturnValue:
    """Show one's accounts at partners, and the form that binds another."""
    return _draw(Typed(partner=request.args.get("partner", "")))


@bp.post("/profile/accounts/balances")
@member_required
def ask_balances() -> ResponseReturnValue:
    """Ask partners what one has there; who is silent keeps nobody waiting."""
    kit = services()
    done = balances.ask(
        kit.database,
        kit.connections.tellers,
        member_id=this_member().member_id,
        at=now(),
    )
    if done.asked == 0:
        flash(
            speak(
                "还没有可以查询的伙伴：先在伙伴那里同意互看余额。",
                "There is nobody to ask: first let a partner see your balance.",
            ),
            "note",
        )
    elif done.answered < done.asked:
        flash(
            speak(
                "有伙伴暂时没有答复，先显示上次的数字。",
                "Not everybody has answered yet; the last known figures are shown.",
            ),
            "warm",
        )
    else:
        flash(speak("已更新。", "Brought up to date."), "done")
    return redirect(url_for("web.accounts"), 303)


@bp.post("/profile/accounts")
@member_required
def bind_account() -> ResponseReturnValue:
    """Bind a number, once its airline knows the name; another one takes a code."""
    form = request.form
    typed = Typed(
        partner=form.get("partner", ""),
        number="".join(form.get("number", "").split()).upper()[:_NUMBER_CHARS],
        family=form.get("family", "").strip()[:_NAME_CHARS],
        given=form.get("given", "").strip()[:_NAME_CHARS],
    )
    faults = {
        name: words_for("field_needed", {}) or ""
        for name in ("number", "family", "given")
        if not getattr(typed, name)
    }
    if faults:
        return _draw(typed, faults=faults), 422
    try:
        return _bound(typed)
    except LoyaltyError as error:
        return _draw(typed, refusal=say(error)), 422


def _bound(typed: Typed) -> ResponseReturnValue:
    kit, member_id, at = services(), this_member().member_id, now()
    airline = kit.connections.airline(typed.partner)
    is_number = typed.number.isascii() and typed.number.isalnum()
    if airline is None or not is_number or len(typed.number) < _NUMBER_CHARS_MIN:
        raise BadAccountNumber(partner=typed.partner)
    if _is_change(typed):
        if request.form.get("act") == "send":
            return _draw(typed, sent_to=_send(typed))
        if not _is_confirmed(typed, at) and not confirming.accept(
            member_id=member_id, bound=typed.bound
        ):
            is_typed = bool(request.form.get("code", "").strip())
            fault = words_for("code_wrong", {}) if is_typed else ""
            sent_to = request.form.get("sent_to", "")[:20]
            faults = {"code": fault or ""}
            return _draw(typed, faults=faults, sent_to=sent_to, asks_code=True), 422
    row = delivery.link(
        kit.database,
        airline,
        kit.keyring,
        member_id=member_id,
        partner_code=typed.partner,
        account_ref=typed.number,
        name=PersonName(family=typed.family, given=typed.given),
        at=at,
    )
    flash(*_told(row.state, row.effective_at, at))
    return redirect(url_for("web.accounts"), 303)


def _told(state: str, effective_at: datetime | None, at: datetime) -> tuple[str, str]:
    """Return what came of it, and its tone."""
    if state == "bound" and effective_at is not None and effective_at > at:
        return speak(
            "已确认，七天后换用新的号码；这之前用原来的。",
            "Confirmed. The new number takes over in seven days; until then it is the"
            " old one.",
        ), "done"
    return {
        "bound": (speak("已绑定。", "Connected."), "done"),
        "review": (
            speak(
                "对方已确认。姓名的写法不同，由专人核对后生效。",
                "They confirmed it. The name is in other letters, so a person checks.",
            ),
            "note",
        ),
        "asked": (
            speak(
                "对方暂时没有答复。稍后再提交一次同样的号码即可。",
                "They have not answered yet. Send the same number again later.",
            ),
            "warm",
        ),
    }.get(
        state,
        (
            speak(
                "对方没有通过：请核对号码和姓名。",
                "They did not accept it. Please check number and name.",
            ),
            "warm",
        ),
    )


def _send(typed: Typed) -> str:
    name = issuer_name(typed.partner, None)
    return confirming.send(
        member_id=this_member().member_id,
        bound=typed.bound,
        chinese=f"把{name}的账号换成尾号 {typed.number[-4:]}",
        english=f"changing your {name} number to one ending in {typed.number[-4:]}",
    )


def _is_change(typed: Typed) -> bool:
    """Tell whether another number is linked there already."""
    with services().database.unit_of_work() as session:
        return linking.is_change(
            session,
            member_id=this_member().member_id,
            partner=typed.partner,
            account_ref=typed.number,
        )


def _is_confirmed(typed: Typed, at: datetime) -> bool:
    with services().database.unit_of_work() as session:
        return verified(
            session,
            member_id=this_member().member_id,
            purpose="confirm",
            bound=typed.bound,
            at=at,
        )


def _draw(
    typed: Typed,
    *,
    faults: dict[str, str] | None = None,
    refusal: str | None = None,
    sent_to: str | None = None,
    asks_code: bool = False,
) -> str:
    member_id, at = this_member().member_id, now()
    with services().database.unit_of_work() as session:
        names = {
            known.partner: issuer_name(known.partner, known.name)
            for known in partners(session)
        }
        bound: Sequence[Account] = linking.accounts(session, member_id=member_id, at=at)
        together = combined(session, member_id=member_id, at=at)
        numbers = {(one.partner, one.account_ref) for one in bound}
        linked = [
            link
            for link in links(session, member_id=member_id)
            if (link.partner, link.account_ref) not in numbers
        ]
    airlines = [
        (code, names.get(code, code))
        for code in sorted(services().connections.airlines)
        if code in names
    ]
    return render_template(
        "web/accounts.html",
        names=names,
        together=together,
        soon=at.date() + SOON,
        bound=bound,
        linked=linked,
        airlines=airlines,
        typed=typed,
        faults=faults or {},
        refusal=refusal,
        sent_to=sent_to,
        asks_code=asks_code
        or bool(typed.number and typed.partner and _is_change(typed)),
    )
