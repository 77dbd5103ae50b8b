"""A provincial table-tennis tournament, and members who play in it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.contests import operations, queries
from loyalty.contests.models import ContestEntry, ContestGroup
from loyalty.contests.operations import Result
from loyalty.contests.rules import ContestFacts, GroupFacts
from loyalty.settings import TIME_ZONE

NOW = datetime(2007, 10, 15, 12, tzinfo=TIME_ZONE)
UNTIL = date(2007, 10, 31)
HEAT_DAY = datetime(2007, 11, 10, 9, tzinfo=TIME_ZONE)
FINAL_DAY = datetime(2008, 1, 12, 9, tzinfo=TIME_ZONE)
SEED = "b6f1d3c2a49e87550f3e2d1c0b9a8877"


@dataclass
class Tournament:
    """What tests do with a tournament, through the use cases alone."""

    session: Session
    members: int = 0

    def plan(self, *heats: GroupFacts, **other: Any) -> int:
        """Announce a tournament."""
        heats = heats or (heat("广州"),)
        facts: dict[str, Any] = {
            "title_zh": "全省乒乓球赛",
            "title_en": "Provincial tournament",
            "club": None,
            "entries_until": UNTIL,
            "heats": heats,
            "final": GroupFacts(
                city="广州",
                held_on=FINAL_DAY.date(),
                places=sum(one.advance for one in heats),
            ),
        }
        contest = operations.plan(
            self.session, facts=ContestFacts(**facts | other), actor="club", at=NOW
        )
        return contest.contest_id

    def player(self) -> int:
        """Bring one member in."""
        return self.bring(1)[0]

    def bring(self, many: int) -> list[int]:
        """Bring members in."""
        first = self.members + 1
        self.members += many
        return list(
            self.session.scalars(
                text(
                    "INSERT INTO member (member_ref, joined_on)"
                    " SELECT 'P' || n, '2005-01-01'"
                    " FROM generate_series(CAST(:first AS int), :last) n"
                    " RETURNING member_id"
                ),
                {"first": first, "last": self.members},
            )
        )

    def enter(
        self, member_id: int, contest_id: int, city: str = "广州", **other: Any
    ) -> ContestEntry:
        """Enter a member."""
        asked: dict[str, Any] = {"is_in_club": False, "at": NOW} | other
        return operations.enter(
            self.session,
            member_id=member_id,
            contest_id=contest_id,
            city=city,
            **asked,
        )

    def withdraw(self, member_id: int, contest_id: int, at: datetime = NOW) -> None:
        """Withdraw a member."""
        operations.withdraw(
            self.session,
            member_id=member_id,
            contest_id=contest_id,
            actor="member",
            at=at,
        )

    def draw(
        self,
        contest_id: int,
        stage: str = "heat",
        city: str = "广州",
        *,
        seed: str = SEED,
        at: datetime = HEAT_DAY,
    ) -> ContestGroup:
        """Draw a group."""
        return operations.draw(
            self.session,
            contest_id=contest_id,
            stage=stage,
            city=city,
            seed=seed,
            actor="club",
            at=at,
        )

    def play_round(
        self, contest_id: int, stage: str = "heat", city: str = "广州"
    ) -> str:
        """Let whoever was drawn first win each open match; return the group's state."""
        lines = queries.matches(
            self.session, contest_id=contest_id, stage=stage, city=city
        )
        newest = lines[0].round
        results = [
            Result(line.nth, line.one, "3:1")
            for line in lines
            if line.round == newest and line.state == "open" and line.one is not None
        ]
        return operations.record(
            self.session,
            contest_id=contest_id,
            stage=stage,
            city=city,
            round_=newest,
            results=results,
            actor="referee",
            at=HEAT_DAY,
        ).state

    def play(self, contest_id: int, stage: str = "heat", city: str = "广州") -> int:
        """Play a group to its end; return how many rounds that took."""
        rounds = 1
        while self.play_round(contest_id, stage, city) != "over":
            rounds += 1
        return rounds

    def places(
        self, contest_id: int, stage: str = "heat", city: str = "广州"
    ) -> dict[int, int | None]:
        """Return the place of each player."""
        return {
            line.member_id: line.place
            for line in queries.players(
                self.session, contest_id=contest_id, stage=stage, city=city
            )
        }

    def state(self, member_id: int, contest_id: int) -> str:
        """Return the state of an entry."""
        return queries.entries_of(self.session, member_id=member_id)[contest_id].state

    def rows(self, statement: str, **facts: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return [tuple(row) for row in self.session.execute(text(statement), facts)]


def heat(city: str, places: int = 64, advance: int = 1, **other: Any) -> GroupFacts:
    """Say something about a heat; what is not told is ordinary."""
    held_on = HEAT_DAY.date() + timedelta(days=0)
    return GroupFacts(
        city=city, held_on=held_on, places=places, advance=advance, **other
    )
