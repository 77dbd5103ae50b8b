"""What a report is asked for: a month, and whose figures."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta

from loyalty.finance.rules import next_month


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A month, and what the figures are narrowed to; None: to nothing."""

    period: date
    brand: str | None = None
    city: str | None = None
    hall: str | None = None
    partner: str | None = None
    family: str | None = None

    @property
    def next_month(self) -> date:
        """The first day that is over the month."""
        return next_month(self.period)

    @property
    def last_day(self) -> date:
        """The day as of which stocks are told."""
        return self.next_month - timedelta(days=1)

    @property
    def asked(self) -> dict[str, str]:
        """What was asked for, by name, the month first."""
        return {
            "period": f"{self.period:%Y-%m}",
            **{
                name: str(said)
                for name, said in asdict(self).items()
                if name != "period" and said is not None
            },
        }

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the month was asked for."""
        return len(self.asked) > 1

    @property
    def binds(self) -> dict[str, object]:
        """What statements may ask for by name."""
        return {
            **asdict(self),
            "first_day": self.period,
            "last_day": self.last_day,
            "next_month": self.next_month,
        }


def belongs(member: str) -> str:
    """Return the SQL condition that a member's figures are asked for.

    A member belongs to one brand, city and hall: those of the line that was alive at
    the end of the month and activated first, or else of the one that ended. So the
    parts add up to the whole.
    """
    return f"""
        (coalesce(CAST(:brand AS text), CAST(:city AS text), CAST(:hall AS text))
             IS NULL
         OR {member} IN (
            SELECT x.member_id FROM (
                SELECT DISTINCT ON (s.member_id) s.member_id, s.brand, s.city, s.hall
                  FROM subscription s WHERE s.activated_on < :next_month
                 ORDER BY s.member_id,
                          (s.ended_on IS NULL OR s.ended_on >= :next_month) DESC,
                          s.activated_on, s.msisdn) x
             WHERE (CAST(:brand AS text) IS NULL OR x.brand = :brand)
               AND (CAST(:city AS text) IS NULL OR x.city = :city)
               AND (CAST(:hall AS text) IS NULL OR x.hall = :hall)))
    """


def chosen(name: str, column: str) -> str:
    """Return the SQL condition that a column is what is asked for by name."""
    return f"(CAST(:{name} AS text) IS NULL OR {column} = :{name})"
