"""What an entry of the books says to the member it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from blueprints.formatting import day, month, number, points, yuan
from blueprints.language import language, speak
from blueprints.wording import issuer_name, term
from blueprints.wording.words import Words
from loyalty.points.statement import (
    ActivityFacts,
    BillFacts,
    ExchangeFacts,
    LotMove,
    RedemptionFacts,
    StatementEntry,
)

_TITLES: Final[dict[str, Words]] = {
    "opening": ("从原有积分转入", "Taken over from the earlier programme"),
    "bill_accrual": ("{what}账单", "{what}: billed"),
    "bill_release": ("{what}已缴清", "{what}: paid"),
    "bill_revival": ("{what}补缴，积分恢复", "{what}: paid late, points revived"),
    "bill_bounce": ("{what}付款被退回", "{what}: payment bounced"),
    "bill_cancel": ("{what}逾期未缴，积分取消", "{what}: unpaid, points canceled"),
    "bill_adjustment": ("{what}调减", "{what}: reduced"),
    "activity_accrual": ("{what}", "{what}"),
    "activity_refund": ("{what}退款", "{what}: refunded"),
    "redemption": ("兑换{what}", "Redeemed: {what}"),
    "hold": ("为{what}留出", "Set aside for {what}"),
    "capture": ("兑换{what}完成", "Redeemed: {what}"),
    "release": ("{what}未成，积分退回", "{what}: not completed, points back"),
    "redemption_reversal": ("{what}已退，积分退回", "{what}: returned, points back"),
    "exchange_out": ("{what}完成", "{what}: done"),
    "exchange_out_reversal": (
        "{what}被退回，积分退回",
        "{what}: not accepted, points back",
    ),
    "exchange_in": ("{what}", "{what}"),
    "exchange_in_reversal": (
        "{what}被撤销，积分扣回",
        "{what}: undone, points taken back",
    ),
    "purchase": ("购买积分", "Points bought"),
    "purchase_return": ("退掉购买的积分", "Bought points given back"),
    "expiry": ("积分到期", "Points expired"),
    "churn_void": ("离网后积分作废", "Voided on leaving the network"),
    "reinstatement": ("重新入网，积分恢复", "Restored on coming back"),
    "adjustment": ("{what}", "{what}"),
    "adjustment_reversal": ("撤销：{what}", "Undone: {what}"),
}
_NAMELESS: Final[Words] = ("积分变动", "Change of points")
_ACTIVITIES: Final[dict[str, Words]] = {
    "card": ("{name}刷卡", "Card purchase with {name}"),
    "flight": ("{name}航班", "Flight with {name}"),
    "sale": ("在{name}消费", "Purchase at {name}"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words: a title, sentences that explain it, and its lots."""

    title: str
    sentences: Sequence[str]
    lots: Sequence[str]


def tell(entry: StatementEntry) -> Told:
    """Return what an entry says: where it came from, and by which rule."""
    title = speak(*_TITLES.get(entry.kind, _NAMELESS)).format(what=_what(entry))
    return Told(
        title=title,
        sentences=[
            *_about_bill(entry),
            *_about_activity(entry),
            *_about_redemption(entry),
            *_about_exchange(entry),
            *_about_debt(entry),
        ],
        lots=[_lot(move) for move in entry.lots],
    )


def _what(entry: StatementEntry) -> str:
    if entry.bill is not None:
        return speak(
            f"{month(entry.bill.period)}话费", f"Bill for {month(entry.bill.period)}"
        )
    if entry.activity is not None:
        return _activity(entry.activity)
    if entry.redemption is not None:
        return _item(entry.redemption)
    if entry.exchange is not None:
        return _exchange(entry.exchange)
    if entry.adjustment is not None:
        return speak(entry.adjustment.words_zh, entry.adjustment.words_en)
    return speak("", "").strip()


def _activity(done: ActivityFacts) -> str:
    words = _ACTIVITIES.get(done.activity, ("{name}消费", "Purchase with {name}"))
    return speak(*words).format(name=issuer_name(done.partner, done.name))


def _item(got: RedemptionFacts) -> str:
    title = got.title_zh if language() == "zh" else got.title_en
    title = f"“{title}”" if language() == "zh" else title
    return f"{title} × {got.quantity}" if got.quantity > 1 else title


def _exchange(made: ExchangeFacts) -> str:
    name = issuer_name(made.partner, made.name)
    if made.direction == "out":
        return speak(f"换到{name}", f"Exchange to {name}")
    return speak(f"由{name}换入", f"Exchange from {name}")


def _about_bill(entry: StatementEntry) -> list[str]:
    bill = entry.bill
    if bill is None:
        return []
    amount = abs(entry.available or entry.pending)
    told = []
    for fen in dict.fromkeys((bill.due_fen, bill.amount_fen)):
        # Said only where it is the sum that was done: a later credit note may have
        # changed what the bill asks for.
        if entry.kind != "bill_adjustment" and amount == _earned(bill, fen):
            told.append(_bill_sum(bill, fen))
            break
    if entry.kind in ("bill_accrual", "bill_revival"):
        told.append(speak("缴清后可用。", "Good once the bill is paid."))
    if entry.kind == "bill_bounce":
        told.append(
            speak(
                "这笔积分转回待生效，缴清后再可用。",
                "The points are pending again until the bill is paid.",
            )
        )
    if entry.kind == "bill_adjustment":
        told.append(
            speak(
                f"账单由 {yuan(bill.amount_fen)} 调为 {yuan(bill.due_fen)}，"
                "扣回多得的积分。",
                f"The bill went from {yuan(bill.amount_fen)} to {yuan(bill.due_fen)};"
                " the difference in points is taken back.",
            )
        )
    return told


def _earned(bill: BillFacts, fen: int) -> int:
    return fen * bill.points_num // (bill.points_den * 100)


def _bill_sum(bill: BillFacts, fen: int) -> str:
    rate, earned = _ratio(bill.points_num, bill.points_den), _earned(bill, fen)
    rounded = fen * bill.points_num % (bill.points_den * 100) != 0
    chinese = f"{yuan(fen)}，每元 {rate} 积分，得 {number(earned)} 积分"
    english = f"{yuan(fen)} at {rate} points a yuan makes {points(earned)}"
    if rounded:
        chinese += "（不足 1 积分的部分舍去）"
        english += ", less than a whole point dropped"
    return speak(f"{chinese}。", f"{english}.")


def _about_activity(entry: StatementEntry) -> list[str]:
    done = entry.activity
    if done is None or done.points_per == 0:
        return []
    step = yuan(done.per_fen)
    if done.is_refund:
        return [
            speak(
                f"退款 {yuan(-done.amount_fen)}，扣回相应积分。",
                f"{yuan(-done.amount_fen)} was refunded; its points are taken back.",
            )
        ]
    rest = done.amount_fen % done.per_fen
    chinese = f"{yuan(done.amount_fen)}，每满 {step} 得 {done.points_per} 积分"
    english = f"{yuan(done.amount_fen)}, {points(done.points_per)} for each {step}"
    if rest:
        chinese += f"，余下 {yuan(rest)} 不计"
        english += f"; the remaining {yuan(rest)} does not count"
    return [speak(f"{chinese}。", f"{english}.")]


def _about_redemption(entry: StatementEntry) -> list[str]:
    if entry.redemption is None:
        return []
    channel = term("channel", entry.redemption.channel)
    told = [speak(f"办理渠道：{channel}。", f"Through: {channel}.")]
    if entry.kind == "capture" and entry.held:
        told.append(
            speak(
                f"用掉此前留出的 {number(-entry.held)} 积分。",
                f"Uses the {points(-entry.held)} that had been set aside.",
            )
        )
    return told


def _about_exchange(entry: StatementEntry) -> list[str]:
    made = entry.exchange
    if made is None:
        return []
    given, got = term("unit", made.from_unit), term("unit", made.to_unit)
    if made.direction == "out":
        given = speak("积分", "points")
    told = [
        speak(
            f"{number(made.units_out)} {given}换 {number(made.units_in)} {got}。",
            f"{number(made.units_out)} {given} for {number(made.units_in)} {got}.",
        )
    ]
    if made.fee_points:
        told.append(
            speak(
                f"其中手续费 {number(made.fee_points)} 积分。",
                f"A fee of {points(made.fee_points)} is in it.",
            )
        )
    return told


def _about_debt(entry: StatementEntry) -> list[str]:
    if entry.owed > 0:
        return [
            speak(
                f"余额不足，{number(entry.owed)} 积分记为待还，以后的积分先还它。",
                f"The balance fell short by {points(entry.owed)}, which later points"
                " pay first.",
            )
        ]
    if entry.owed < 0:
        return [
            speak(
                f"其中 {number(-entry.owed)} 积分还清了此前的待还积分。",
                f"{points(-entry.owed)} of it paid what was owed.",
            )
        ]
    return []


def _lot(move: LotMove) -> str:
    name = issuer_name(move.issuer, move.name)
    amount, earned = number(abs(move.units)), month(move.earned_in)
    ends = (
        speak("长期有效", "never expiring")
        if move.expires_on is None
        else speak(f"{day(move.expires_on)}到期", f"good until {day(move.expires_on)}")
    )
    if move.units > 0:
        return speak(
            f"记入 {amount}：{name}，{earned}获得，{ends}",
            f"{amount} added: {name}, earned in {earned}, {ends}",
        )
    return speak(
        f"取自 {amount}：{name}，{earned}获得，{ends}",
        f"{amount} taken: {name}, earned in {earned}, {ends}",
    )


def _ratio(above: int, below: int) -> str:
    """Return a ratio as a short decimal if it is one, else as a fraction."""
    exact = Decimal(above) / Decimal(below)
    if exact * below == above and len(exact.as_tuple().digits) <= 4:  # noqa: PLR2004 - longer reads worse
        return f"{exact.normalize():f}"
    return f"{above}/{below}"
