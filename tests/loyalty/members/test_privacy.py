"""What a member agreed to, changed, took away, and wished to be forgotten."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.access.errors import ConfirmationMissing
from loyalty.access.operations import issue_code, verify_code
from loyalty.access.queries import guard
from loyalty.finance.queries import month_report
from loyalty.members import operations
from loyalty.members.errors import (
    BadContact,
    ErasureAsked,
    ErasureNotDue,
    NoErasureAsked,
    OrdersUnderWay,
    SameContact,
    UnknownPurpose,
)
from loyalty.members.queries import KEPT, consents, everything
from loyalty.members.rules import ERASURE, NOTICES, contact_binding
from loyalty.tiers.operations import appeal
from tests.loyalty.orders.shop import AT_HOME, KEYRING, MUG, NOON, TICKET, Shop

OCTOBER, AFTER_15_DAYS = date(2007, 10, 1), NOON + timedelta(days=15)
# What we did, or had to know, about what the export tells.
NOTES = {
    "benefit_code",
    "churn_notice",
    "claim",
    "club_benefit",
    "club_cost",
    "club_event",
    "club_notice",
    "coalition_points",
    "contest_player",
    "exchange_attempt",
    "exchange_event",
    "grant_answer",
    "line_pair",
    "member_access",
    "one_time_code",
    "order_attempt",
    "order_event",
    "payment_attempt",
    "payment_event",
    "session_place_event",
    "staff",
    "statement_break",
    "statement_line",
    "tier_notice",
}
OLD_PHONE, NEW_PHONE = "13300000001", "13399999999"


@pytest.fixture
def shop(session):
    shop = Shop(session)
    shop.open()
    shop.sell(MUG)
    shop.sell(TICKET)
    yield shop
    assert Book(session).prove() == []


@pytest.fixture
def wang(shop):
    member_id = shop.member(5_000)
    shop.session.execute(
        text("UPDATE person SET phone_contact = :phone WHERE member_id = :member"),
        {"phone": OLD_PHONE, "member": member_id},
    )
    return member_id


@pytest.fixture
def confirm(shop):
    """Let a member prove something with a code."""

    def prove(member_id, purpose, bound, at=NOON):
        issued = issue_code(
            shop.session,
            member_id=member_id,
            purpose=purpose,
            bound=bound,
            keyring=KEYRING,
            at=at,
        )
        assert verify_code(
            shop.session,
            code_id=issued.code_id,
            code=issued.code,
            keyring=KEYRING,
            at=at,
        )

    return prove


class TestConsent:
    def test_nobody_agrees_to_what_was_never_asked(self, shop, wang):
        assert not any(one.granted for one in consents(shop.session, member_id=wang))

    def test_the_last_word_counts_and_all_are_kept(self, shop, wang):
        purpose, version = next(iter(NOTICES.items()))
        for minutes, granted in ((0, True), (1, False), (2, True)):
            operations.record_consent(
                shop.session,
                member_id=wang,
                purpose=purpose,
                granted=granted,
                channel="web",
                at=NOON + timedelta(minutes=minutes),
            )

        (standing,) = (
            one
            for one in consents(shop.session, member_id=wang)
            if one.purpose == purpose
        )

        assert standing.granted
        assert shop.rows(
            "SELECT granted, notice_version FROM consent ORDER BY given_at"
        ) == [(True, version), (False, version), (True, version)]

    def test_what_is_no_purpose_is_not_agreed_to(self, shop, wang):
        with pytest.raises(UnknownPurpose):
            operations.record_consent(
                shop.session,
                member_id=wang,
                purpose="anything",
                granted=True,
                channel="web",
                at=NOON,
            )


class TestContact:
    def change(self, shop, member_id, **other):
        wish: dict[str, Any] = {
            "kind": "phone",
            "value": NEW_PHONE,
            "actor": "member",
            "at": NOON,
        }
        return operations.change_contact(
            shop.session, member_id=member_id, **wish | other
        )

    def test_it_takes_a_code_from_the_old_and_from_the_new(self, shop, wang, confirm):
        old, new = (
            contact_binding(side=side, kind="phone", value=NEW_PHONE)
            for side in ("old", "new")
        )
        with pytest.raises(ConfirmationMissing):
            self.change(shop, wang)
        confirm(wang, "contact", old)
        with pytest.raises(ConfirmationMissing), shop.session.begin_nested():
            self.change(shop, wang)

        confirm(wang, "contact", new)
        told = self.change(shop, wang)

        assert told == OLD_PHONE  # who is told that it was changed
        assert shop.rows("SELECT phone_contact FROM person") == [(NEW_PHONE,)]
        until = guard(shop.session, wang).cool_down_until
        assert until == NOON + timedelta(hours=72)

    def test_a_code_for_one_number_is_no_good_for_another(self, shop, wang, confirm):
        for side in ("old", "new"):
            confirm(
                wang,
                "contact",
                contact_binding(side=side, kind="phone", value="13311111111"),
            )

        with pytest.raises(ConfirmationMissing):
            self.change(shop, wang)

    @pytest.mark.parametrize(
        ("kind", "value", "refusal"),
        [
            ("phone", "12", BadContact),
            ("email", "nobody", BadContact),
            ("fax", "13399999999", BadContact),
            ("phone", "13300000001", SameContact),
        ],
    )
    def test_what_cannot_be_is_refused(self, shop, wang, kind, value, refusal):
        with pytest.raises(refusal):
            self.change(shop, wang, kind=kind, value=value)


class TestExport:
    def test_it_holds_what_is_kept_and_no_key(self, shop, wang):
        shop.place(wang, "MUG", recipient=AT_HOME)
        shop.place(wang, "TICKET")

        told = everything(shop.session, member_id=wang)

        assert told["member"][0]["member_ref"] == "M1"
        assert {order["item_code"] for order in told["orders"]} == {"MUG", "TICKET"}
        assert sum(lot["units_left"] for lot in told["lots"]) == 3_900
        assert len(told["ledger"]) == 3
        names = {name for rows in told.values() for row in rows for name in row}
        assert not {name for name in names if "hash" in name or "sealed" in name}

    def test_it_is_about_nobody_else(self, shop, wang):
        shop.place(shop.member(5_000), "MUG", recipient=AT_HOME)

        told = everything(shop.session, member_id=wang)

        assert told["orders"] == []
        assert {row["msisdn"] for row in told["lines"]} == {"13300000001"}

    def test_no_table_about_members_is_forgotten(self, shop):
        """Each is in the export, or a working note of ours about what is there."""
        tables = shop.session.scalars(
            text(
                "SELECT DISTINCT c.table_name FROM information_schema.columns c"
                " JOIN information_schema.tables t USING (table_schema, table_name)"
                " WHERE c.column_name = 'member_id' AND t.table_type = 'BASE TABLE'"
                " AND c.table_schema = 'public'"
            )
        )
        told = " ".join(KEPT.values())

        unread = {one for one in tables if not re.search(rf"\b{one}\b", told)}

        assert unread == NOTES


class TestErasure:
    def ask(self, shop, member_id, confirm):
        confirm(member_id, "confirm", ERASURE)
        operations.ask_erasure(shop.session, member_id=member_id, at=NOON)

    def test_it_takes_a_code_and_fifteen_days(self, shop, wang, confirm):
        with pytest.raises(ConfirmationMissing):
            operations.ask_erasure(shop.session, member_id=wang, at=NOON)
        self.ask(shop, wang, confirm)

        with pytest.raises(ErasureAsked):
            operations.ask_erasure(shop.session, member_id=wang, at=NOON)
        with pytest.raises(ErasureNotDue):
            operations.erase(
                shop.session, member_id=wang, at=AFTER_15_DAYS - timedelta(days=1)
            )

    def test_it_may_be_taken_back(self, shop, wang, confirm):
        self.ask(shop, wang, confirm)

        operations.withdraw_erasure(shop.session, member_id=wang, at=NOON)

        with pytest.raises(NoErasureAsked):
            operations.erase(shop.session, member_id=wang, at=AFTER_15_DAYS)

    def test_it_waits_for_orders_under_way(self, shop, wang, confirm):
        shop.place(wang, "MUG", recipient=AT_HOME)
        self.ask(shop, wang, confirm)

        with pytest.raises(OrdersUnderWay):
            operations.erase(shop.session, member_id=wang, at=AFTER_15_DAYS)

    def test_the_person_is_gone_and_every_total_stays(self, shop, wang, confirm):
        shop.place(wang, "TICKET", quantity=2)
        appeal(shop.session, member_id=wang, words=f"call {OLD_PHONE}", at=NOON)
        self.ask(shop, wang, confirm)
        before = month_report(shop.session, OCTOBER)

        done = operations.erase(shop.session, member_id=wang, at=AFTER_15_DAYS)

        assert month_report(shop.session, OCTOBER) == before
        assert done.points == {"CUP": 4_800, "UNI": 0}
        assert shop.rows("SELECT count(*) FROM person") == [(0,)]
        assert self._mentions(shop, OLD_PHONE) == []
        assert Book(shop.session).prove() == []

    @staticmethod
    def _mentions(shop, words):
        """Return the tables in which something is still written."""
        tables = shop.session.scalars(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname IN ('public', 'ledger')"
            )
        ).all()
        return [
            table
            for table in tables
            if shop.session.scalar(
                text(f"SELECT count(*) FROM {table} t WHERE CAST(t AS text) LIKE :it"),
                {"it": f"%{words}%"},
            )
        ]
