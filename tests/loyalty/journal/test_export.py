"""The journal for other books: the same run, the same bytes, every balance."""

import csv
import io
import subprocess
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core import data
from sqlalchemy import text

from loyalty.finance.rules import next_month
from loyalty.journal.bridge import bridge
from loyalty.journal.errors import NotKept
from loyalty.journal.export import COLUMNS, FORMS, TOTAL, export
from loyalty.journal.governance import apply_mapping, ask_mapping
from loyalty.journal.queries import accounts, month, trial_balance
from tests.loyalty.exchange.alliance import NOON
from tests.loyalty.journal.conftest import NOVEMBER, OCTOBER
from tests.programs import program

DECEMBER = next_month(NOVEMBER)


@pytest.fixture
def kept(money):
    """A month with something of most things, kept, and the next with a return."""
    member = money.alliance.member(50_000)
    done = money.redeem(member, 2_500, 20_00)
    money.redeem(
        member,
        777,
        0,
        account="redeemed.telecom",
        treatment="NO_REVENUE_EFFECT",
        partner=None,
        item="EV50",
    )
    money.keep()
    money.give_back(done, 1_000, 8_00)
    money.keep(NOVEMBER)
    return money


def made(money, form, *, period=NOVEMBER, view="D"):
    return export(money.session, period=period, view=view, form=form)


def test_the_rows_add_up_and_come_again_byte_for_byte(kept):
    first, again = made(kept, "csv"), made(kept, "csv")

    assert first == again
    head, *rows, last = csv.reader(io.StringIO(first.body))
    assert tuple(head) == COLUMNS
    at = {name: nth for nth, name in enumerate(head)}
    fen = {
        side: sum(round(float(row[at[side]]) * 100) for row in rows)
        for side in ("debit", "credit")
    }
    assert fen["debit"] == fen["credit"] == first.debit_fen
    assert last[0] == TOTAL
    assert int(last[1]) == len(rows) == first.postings
    assert last[at["debit"]] == last[at["credit"]]
    assert {row[at["source_hash"]] for row in rows} == {last[-1]}
    other = made(kept, "csv", view="C")
    assert other.file_id != first.file_id


def test_a_month_that_is_open_is_no_export(money):
    with pytest.raises(NotKept):
        made(money, "csv", period=OCTOBER)


def test_a_new_name_of_an_account_leaves_what_was_kept_as_it_was(kept):
    before = [made(kept, form) for form in FORMS]
    asked = ask_mapping(
        kept.session,
        account="2202",
        view="D",
        gl_account="2202-GD",
        cost_center="GZ",
        reason="agreed",
        maker=kept.alliance.maker,
        at=NOON,
    )
    done = kept.alliance.approve(asked, at=NOON)
    apply_mapping(kept.session, approval=done, at=NOON)
    (member,) = kept.session.scalars(text("SELECT member_id FROM member"))
    kept.redeem(member, 2_500, 20_00, on=DECEMBER)
    kept.keep(DECEMBER)

    assert [made(kept, form) for form in FORMS] == before
    rows = csv.DictReader(io.StringIO(made(kept, "csv", period=DECEMBER).body))
    assert {
        (row["gl_account"], row["cost_center"])
        for row in rows
        if row["account"] == "2202"
    } == {("2202-GD", "GZ")}


def balances(money, view):
    """What the trial balance says, by the names that both programs take."""
    tops = {
        "asset": "Assets",
        "liability": "Liabilities",
        "equity": "Equity",
        "revenue": "Income",
        "expense": "Expenses",
    }
    kinds = {one.account: one.kind for one in accounts(money.session)}
    return {
        f"{tops[kinds[one.account]]}:{one.account.replace('.', '-')}": one.closing_fen
        for one in trial_balance(money.session, period=NOVEMBER, view=view)
    }


@pytest.mark.parametrize("view", ["C", "D"])
def test_beancount_agrees_on_every_balance_and_refuses_what_is_damaged(kept, view):
    body = made(kept, "beancount", view=view).body

    entries, errors, _ = loader.load_string(body)

    assert errors == []
    found: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                fen = int(str(posting.units).split()[0].replace(".", ""))
                found[posting.account] = found.get(posting.account, 0) + fen
    assert found == {name: fen for name, fen in balances(kept, view).items() if fen}
    assert loader.load_string(damaged(body))[1] != []
    assert loader.load_string(shifted(body))[1] != []


@pytest.mark.parametrize("view", ["C", "D"])
def test_hledger_agrees_on_every_balance_and_refuses_what_is_damaged(kept, view):
    body = made(kept, "hledger", view=view).body

    listed = hledger(body, "balance", "--flat", "--empty", "--output-format=csv")

    assert listed.returncode == 0, listed.stderr
    rows = list(csv.reader(io.StringIO(listed.stdout)))[1:-1]
    said = {name: int(Decimal(amount.split()[0]) * 100) for name, amount in rows}
    assert said == balances(kept, view)
    assert hledger(damaged(body), "check").returncode != 0
    assert hledger(shifted(body), "check").returncode != 0


def hledger(content, *arguments):
    return subprocess.run(
        [program("hledger"), "-f", "-", *arguments],
        input=content,
        capture_output=True,
        text=True,
        check=False,
    )


def damaged(body):
    """One amount of one posting is another."""
    return body.replace("8.00 CNY", "8.01 CNY", 1)


def shifted(body):
    """Both sides of an entry are another amount, so that it still balances."""
    lines = body.split("\n")
    at = next(
        nth
        for nth, line in enumerate(lines)
        if line.startswith("20") and ("returned" in line or "opening b" in line)
    )
    for nth, cents in ((at + 1, 1), (at + 2, -1)):
        head, amount, currency = lines[nth].rsplit(" ", 2)
        fen = round(float(amount) * 100) + cents
        sign = "-" if fen < 0 else ""
        lines[nth] = f"{head} {sign}{abs(fen) // 100}.{abs(fen) % 100:02} {currency}"
    return "\n".join(lines)


def test_the_bridge_leads_from_one_view_to_the_other(kept):
    steps = bridge(kept.session, period=NOVEMBER)
    kinds = {one.account: one.kind for one in accounts(kept.session)}

    for view in ("C", "D"):
        entries = month(kept.session, period=NOVEMBER, view=view)
        profit = sum(
            entry.credit_fen - entry.debit_fen
            for entry in entries
            if kinds[entry.account] in ("revenue", "expense")
        )
        owed = sum(
            entry.credit_fen - entry.debit_fen
            for entry in entries
            if kinds[entry.account] == "liability"
        )
        name = view.lower()
        assert sum(getattr(one, f"profit_{name}_fen") for one in steps) == profit
        assert sum(getattr(one, f"owed_{name}_fen") for one in steps) == owed
    (back,) = (one for one in steps if one.event == "returned")
    assert (back.profit_fen, back.owed_fen) == (-2_00, 2_00)
