"""A member of 2005 with bills, under a policy that a test chooses."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from loyalty.rules.operations import load_terms, starting_terms
from loyalty.tiers.queries import standing
from loyalty.tiers.reviewing import review

NOON = datetime(2008, 1, 1, 12, tzinfo=UTC)


class House:
    """A member, what counts for them, and the reviews that decide."""

    def __init__(self, session, member_id):
        self.session, self.member_id = session, member_id
        self._refs = iter(range(1_000))
        self._at = 0

    @classmethod
    def start(cls, session):
        """Begin with the starting terms and one member."""
        load_terms(session, terms=starting_terms(), at=datetime.now(UTC))
        house = cls(session, None)
        house.member_id = house.join()
        return house

    def join(self, ref="M1", *, on="2005-03-31"):
        return self.session.scalar(
            text(
                "INSERT INTO member (member_ref, joined_on) VALUES (:ref, :on)"
                " RETURNING member_id"
            ),
            {"ref": ref, "on": on},
        )

    def policy(self, **told):
        """Let a next version of the policy hold; what is not told is bare."""
        facts = {
            "valid_from": "1970-01-02",
            "measure": "bill_spend",
            "period": "calendar",
            "months": 12,
            "grace_days": 0,
            "soft_landing": False,
            "never_downgrade": False,
            "late_days": 0,
            "notice_days": 30,
        } | told
        self.session.execute(
            text(
                f"""
                WITH next AS (SELECT max(version) + 1 AS version FROM tier_policy),
                     rungs AS (
                         INSERT INTO tier_terms (version, tier, rank, needed)
                         SELECT n.version, t.tier, t.rank, t.needed
                           FROM next n, tier_terms t WHERE t.version = 1)
                INSERT INTO tier_policy (version, loaded_at, {", ".join(facts)})
                SELECT version, now(), {", ".join(f":{name}" for name in facts)}
                  FROM next
                """
            ),
            facts,
        )

    def bill(
        self,
        billed_on,
        due_fen,
        *,
        amount_fen=None,
        standing="available",
        member=None,
        ref=None,
    ):
        """Bill a member; what is due stands after its adjustments."""
        self.session.execute(
            text(
                """
                INSERT INTO bill (
                    member_id, bill_ref, msisdn, period, billed_on, due_on,
                    effective_on, amount_fen, due_fen, paid_fen, points_num, points_den,
                    rule_version, points, standing, standing_on, latest_on)
                VALUES (
                    :member, :ref, '13300000001', :on, :on, :on, :on, :amount, :due, 0,
                    1, 1, 1, 0, :standing, :on, :on)
                """
            ),
            {
                "member": member or self.member_id,
                "ref": ref or f"B-{next(self._refs)}",
                "on": billed_on,
                "amount": amount_fen or due_fen,
                "due": due_fen,
                "standing": standing,
            },
        )

    def review(self, on):
        """Review everybody, at a moment of its own."""
        self._at += 1
        at = NOON.replace(microsecond=self._at)
        return review(self.session, on=date.fromisoformat(on), at=at)

    def stands(self, on, member=None):
        return standing(
            self.session,
            member_id=member or self.member_id,
            on=date.fromisoformat(on),
        )

    def tier(self, on, member=None):
        return self.stands(on, member).tier

    def decisions(self, member=None):
        """What was decided: kind, tier, from when, to when."""
        rows = self.session.execute(
            text(
                "SELECT kind, tier, starts_on::text, until::text FROM tier_decision"
                " WHERE member_id = :member ORDER BY decision_id"
            ),
            {"member": member or self.member_id},
        )
        return [tuple(row) for row in rows]

    def leave(self, left_on, *, reinstated_on=None):
        self.session.execute(
            text(
                "INSERT INTO departure (member_id, event_ref, cause_ref, left_on,"
                " left_at, reason, void_on, reinstate_until, booked_at, reinstated_on)"
                " VALUES (:m, 'E', 'E', CAST(:left AS date), CAST(:left AS date),"
                " 'voluntary', CAST(:left AS date), CAST(:left AS date) + 90, now(),"
                " :back)"
            ),
            {"m": self.member_id, "left": left_on, "back": reinstated_on},
        )
        self.session.execute(
            text("UPDATE member SET left_on = :left WHERE member_id = :m"),
            {"m": self.member_id, "left": None if reinstated_on else left_on},
        )


@pytest.fixture
def house(session):
    return House.start(session)
