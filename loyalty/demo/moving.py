"""What the network reports: who is barred, who leaves, who changes lines or returns."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

from loyalty.demo.billing import Billing
from loyalty.demo.chance import chance, moment, month_after
from loyalty.demo.files import write_feed
from loyalty.demo.people import Cast, Line, Member

LEAVING_SHARE = 0.01  # of the members in a month, moves inside the operator included
INTERNAL_SHARE = 0.3
ENDINGS = {("ported_out", ""): 4, ("closed", "voluntary"): 5, ("closed", "arrears"): 1}
RETURNING_SHARE = 0.15  # of those who leave; they come back within the window
BARRED_SHARE = 0.015
BARRED_ON_SHARE = 0.25  # of those barred: they pay only in the next month
LOST_SHARE = 0.003
DECEASED_SHARE = 0.0002
UNKNOWN_NUMBER_SHARE = 0.01
DAYS = 27
EARLY_DAY, LATE_DAY = 9, 20


@dataclass(slots=True)
class Moving:
    """The events of every month, and what one month leaves to the next."""

    seed: int
    cast: Cast
    billing: Billing
    spared: int = 0  # the first members, whose story is written elsewhere
    barred: list[Line] = field(default_factory=list)
    returning: list[Line] = field(default_factory=list)
    shut: list[Member] = field(default_factory=list)  # barred when a month begins
    touched: set[int] = field(default_factory=set)  # members to leave alone this month
    _events: list[tuple[str, str, str, str]] = field(default_factory=list)
    _ending: list[Line] = field(default_factory=list)

    def decide(self, month: date) -> None:
        """Settle what will happen in a month; new lines join the cast."""
        rng = chance(self.seed, "moving", month)
        self._events, self._ending, self.touched = [], [], set()
        barred, self.barred = self.barred, []
        self.shut = [line.member for line in barred]
        returning, self.returning = self.returning, []
        for line in barred:
            self._add(line, "resumed", "", month, rng, until=LATE_DAY)
            self.touched.add(line.member.number)
        for line in returning:
            self._add(line, "reconnected", "", month, rng, until=LATE_DAY)
            line.is_live, line.member.has_left = True, False
            self.touched.add(line.member.number)
        for member in self.cast.members[self.spared :]:
            if not member.has_left and member.number not in self.touched:
                self._decide(member, month, rng)
        for number in range(1 + int(len(self._events) * UNKNOWN_NUMBER_SHARE)):
            stranger = f"139{number:04d}{rng.randrange(10_000):04d}"
            at = moment(month + timedelta(days=number % DAYS), rng)
            self._events.append((at, stranger, "closed", "voluntary"))

    def write(self, directory: Path, month: date, sequence: int) -> Path:
        """Write the events in their order of time, and let them take effect."""
        rows = (
            (f"E{month:%Y%m}-{number:07d}", msisdn, event, reason, at)
            for number, (at, msisdn, event, reason) in enumerate(
                sorted(self._events), start=1
            )
        )
        path = write_feed(directory, "subscription-events", sequence, rows)
        for line in self._ending:
            line.is_live = False
            self.billing.final.append(line)
            line.member.has_left = not any(other.is_live for other in line.member.lines)
        return path

    def _decide(self, member: Member, month: date, rng: Random) -> None:
        throw = rng.random()
        lines = [line for line in member.lines if line.is_live]
        if throw < LEAVING_SHARE:
            self.touched.add(member.number)
            if throw < LEAVING_SHARE * INTERNAL_SHARE:
                self._change(lines[0], month, rng)
            else:
                self._leave(lines, month, rng)
        elif throw < LEAVING_SHARE + BARRED_SHARE:
            self.touched.add(member.number)
            self._bar(lines[0], month, rng)
        elif throw < LEAVING_SHARE + BARRED_SHARE + LOST_SHARE:
            day = self._add(lines[0], "suspended", "lost", month, rng, until=LATE_DAY)
            self._add(lines[0], "resumed", "", day + timedelta(days=2), rng, until=3)
        elif throw < LEAVING_SHARE + BARRED_SHARE + LOST_SHARE + DECEASED_SHARE:
            self.touched.add(member.number)
            for line in lines:
                self._add(line, "deceased", "", month, rng, until=DAYS)
                self._ending.append(line)

    def _change(self, line: Line, month: date, rng: Random) -> None:
        """Move to a new line of the same operator, and keep everything."""
        day = self._add(line, "closed", "internal", month, rng, until=DAYS)
        self._ending.append(line)
        self.cast.add_line(line.member, day)

    def _leave(self, lines: list[Line], month: date, rng: Random) -> None:
        event, reason = rng.choices(list(ENDINGS), list(ENDINGS.values()))[0]
        returns = rng.random() < RETURNING_SHARE
        day = month + timedelta(days=int(rng.random() * DAYS))
        if len(lines) > 1 and rng.random() < 1 / 2:
            lines = lines[-1:]  # only that number ends; the person stays
        for line in lines:
            self._events.append((moment(day, rng), line.msisdn, event, reason))
            self._ending.append(line)
        if not returns:
            return
        if day.day < EARLY_DAY:
            back = moment(day + timedelta(days=10), rng)
            self._events.append((back, lines[0].msisdn, "reconnected", ""))
            self._ending.remove(lines[0])
        else:
            self.returning.append(lines[0])

    def _bar(self, line: Line, month: date, rng: Random) -> None:
        """Suspend a line that owes; most pay within days."""
        day = self._add(line, "suspended", "arrears", month, rng, until=LATE_DAY)
        if rng.random() < BARRED_ON_SHARE:
            self.barred.append(line)
        else:
            self._add(line, "resumed", "", day + timedelta(days=3), rng, until=4)

    def _add(
        self,
        line: Line,
        event: str,
        reason: str,
        first: date,
        rng: Random,
        *,
        until: int,
    ) -> date:
        day = first + timedelta(days=int(rng.random() * until))
        day = min(day, month_after(first.replace(day=1)) - timedelta(days=1))
        self._events.append((moment(day, rng), line.msisdn, event, reason))
        return day
