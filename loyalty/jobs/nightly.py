"""What has to be done by the clock, in chunks that are safe to repeat."""

from collections import Counter
from datetime import date, timedelta
from functools import partial

from ledger.book import Book
from loyalty.accrual.operations import cancel_unpaid as cancel_unpaid_bills
from loyalty.calls.operations import forget
from loyalty.catalogue.operations import apply_due
from loyalty.churn.delivery import chase as chase_leavings
from loyalty.clients.operations import forget_expired
from loyalty.clients.signing import rotate_if_old
from loyalty.clock import now, wall
from loyalty.clubs.delivery import tell_renewals
from loyalty.clubs.operations import lapse
from loyalty.connections import Connections
from loyalty.database import Database, retrying
from loyalty.events.delivery import tell
from loyalty.exchange.delivery import chase as chase_left_exchanges
from loyalty.feeds import fetching
from loyalty.feeds.billing_lines import read_billing_lines
from loyalty.feeds.card_lines import read_card_lines
from loyalty.jobs.errors import BooksUnsound
from loyalty.keyring import Keyring
from loyalty.linking.operations import expire as expire_consents
from loyalty.matching.operations import match
from loyalty.matching.provider_matching import match as match_provider
from loyalty.matching.provider_matching import months_to_match
from loyalty.matching.provider_reading import read_provider
from loyalty.matching.queries import to_match
from loyalty.orders.belonging import GivenBack, refund_ended
from loyalty.orders.delivery import chase
from loyalty.points.operations import expire
from loyalty.purchases.delivery import chase as chase_left_purchases
from loyalty.redemption.till import release_expired
from loyalty.settings import Settings
from loyalty.settlement.drawing import draw_due, to_draw
from loyalty.settlement.premiums import compare_bill
from loyalty.settlement.statements import move_on
from loyalty.settlement.tills import fetch_day
from loyalty.tiers.delivery import tell_members
from loyalty.tiers.reviewing import review
from loyalty.venues.delivery import tell_news
from loyalty.venues.operations import Finished, finish


def expire_points(database: Database, business_date: date) -> str:
    """Expire every lot whose last good day lies before the business date.

    Each entry is effective the day after that last good day. What has expired
    holds nothing more to expire, so that a second run does nothing.
    """
    entries = points = 0
    while True:
        done = retrying(
            database, lambda session: expire(session, business_date=business_date)
        )
        if done.entries == 0:
            return f"{points:,} points of {entries:,} books expired"
        entries += done.entries
        points += done.points


def cancel_unpaid(database: Database, business_date: date) -> str:
    """Cancel pending points of bills unpaid for 90 days after they were due."""
    bills = 0
    while True:
        done = retrying(
            database,
            lambda session: cancel_unpaid_bills(session, business_date=business_date),
        )
        if done == 0:
            return f"points of {bills:,} unpaid bills canceled"
        bills += done


def review_tiers(database: Database, business_date: date) -> str:
    """Raise who has earned a higher tier, and look at those whose period is over.

    What a review has decided is kept, so that a second run decides nothing more.
    """
    done = retrying(
        database, lambda session: review(session, on=business_date, at=now())
    )
    return (
        f"{done.begun + done.raised:,} members raised, {done.renewed:,} renewed,"
        f" {done.lowered:,} lowered, {done.restored:,} restored,"
        f" {done.left_to_people:,} left to people"
    )


def notify_members(database: Database, business_date: date) -> str:
    """Tell members what is new about their tiers, and what will be lost.

    What was told is written down before, so that a second run tells nothing twice.
    """
    messenger = Connections.open(Settings.from_environment()).messenger
    told = tell_members(database, messenger, on=business_date, at=now())
    return f"{told:,} members told about their tiers"


def publish_catalogue(database: Database, business_date: date) -> str:
    """Put approved items on sale and apply approved changes whose day has come.

    What took effect no longer waits, so that a second run does nothing.
    """
    done = retrying(
        database, lambda session: apply_due(session, on=business_date, at=now())
    )
    return f"{done.published:,} items went on sale, {done.changed:,} changed"


def chase_orders(database: Database, _business_date: date) -> str:
    """Take up orders that were left lying: unpaid, unreviewed or unanswered.

    What is due is decided by the moment, not by the date; what came to its end is
    not due again.
    """
    settings = Settings.from_environment()
    done = chase(database, Connections.open(settings), Keyring.open(settings), at=now())
    return (
        f"{done.found:,} orders taken up, {done.ended:,} ended, {done.failed:,} failed"
    )


def chase_purchases(database: Database, _business_date: date) -> str:
    """Take up points that were left lying unpaid, and refund those of leavers.

    What was given back is not there to be given back again.
    """
    provider = Connections.open(Settings.from_environment()).payments
    done = chase_left_purchases(database, provider, at=now())
    return (
        f"{done.found:,} purchases taken up, {done.returned:,} of leavers refunded,"
        f" {done.failed:,} failed"
    )


def read_lines(database: Database, _business_date: date) -> str:
    """Book what banks have posted since the last time, as far as they answer."""
    settings = Settings.from_environment()
    reads = [
        read_card_lines(database, bank, partner_code=code, at=now())
        for code, bank in Connections.open(settings).banks.items()
    ]
    silent = sum(not read.is_whole for read in reads)
    return (
        f"{sum(read.booked for read in reads):,} card lines booked,"
        f" {sum(read.rejected for read in reads):,} rejected,"
        f" {silent:,} of {len(reads):,} banks did not answer"
    )


def read_bills(database: Database, _business_date: date) -> str:
    """Book what was billed and paid since the last time, as far as billing answers."""
    settings = Settings.from_environment()
    reads = [
        read_billing_lines(database, boss, source=code, at=now())
        for code, boss in Connections.open(settings).bosses.items()
    ]
    silent = sum(not read.is_whole for read in reads)
    return (
        f"{sum(read.booked for read in reads):,} bills and payments booked,"
        f" {sum(read.rejected for read in reads):,} rejected,"
        f" {silent:,} of {len(reads):,} billing systems did not answer"
    )


def compare_insurer_bills(database: Database, business_date: date) -> str:
    """Compare insurers' bills of the month before with our policies.

    What differs is kept until a later comparison no longer finds it.
    """
    period = (business_date.replace(day=1) - timedelta(days=1)).replace(day=1)
    connections = Connections.open(Settings.from_environment())
    said: Counter[str] = Counter()
    for code, underwriter in connections.underwriters.items():
        found = compare_bill(
            database, underwriter, partner=code, period=period, at=now()
        )
        said["asked"] += 1
        said["silent"] += found is None
        said["differences"] += 0 if found is None else found.differences
    return (
        f"{said['differences']:,} differences in bills of {period:%Y-%m},"
        f" {said['silent']:,} of {said['asked']:,} insurers sent none"
    )


def read_payouts(database: Database, business_date: date) -> str:
    """Read what the payment provider did with the money, and match it with ours.

    What differs is kept until a later reading no longer finds it.
    """
    teller = Connections.open(Settings.from_environment()).payouts
    if teller is None:
        return "no card payments are taken"
    read = read_provider(database, teller, at=now())
    with database.unit_of_work() as session:
        months = months_to_match(session, business_date=business_date)
    differences = 0
    for month in months:
        work = partial(match_provider, period=month, at=now(), actor="job:read-payouts")
        differences += retrying(database, work).differences
    silent = "" if read.is_whole else ", and it did not answer to the end"
    return (
        f"{read.movements:,} movements, {read.payouts:,} payouts and {read.lines:,}"
        f" lines read, {differences:,} differences in {len(months)} months{silent}"
    )


def compare_day_totals(database: Database, business_date: date) -> str:
    """Compare what merchants' tills added up to on the day before with ours."""
    day = business_date - timedelta(days=1)
    connections = Connections.open(Settings.from_environment())
    said: Counter[str] = Counter()
    for code, merchant in connections.merchants.items():
        found = fetch_day(database, merchant, partner=code, day=day, at=now())
        said["asked"] += 1
        said["silent"] += found is None
        said["differences"] += 0 if found is None else found.differences
    return (
        f"{said['differences']:,} differences on {day},"
        f" {said['silent']:,} of {said['asked']:,} merchants told nothing"
    )


def settle_statements(database: Database, business_date: date) -> str:
    """Draw up the statements whose periods have closed, and move on what waited.

    A draft takes in what is new, and what was moved has moved, so that a second run
    does no harm.
    """
    with database.unit_of_work() as session:
        waiting = to_draw(session, through=business_date)
    draw = partial(draw_due, on=business_date, actor="job:settle-statements", at=now())
    drawn = [retrying(database, partial(draw, waiting=one)) for one in waiting]
    moved = retrying(
        database, lambda session: move_on(session, on=business_date, at=now())
    )
    return (
        f"{sum(one is not None for one in drawn):,} statements drawn up,"
        f" {moved.opened:,} may be disputed, {moved.agreed:,} agreed,"
        f" {moved.closed:,} closed"
    )


def tidy_oauth(database: Database, _business_date: date) -> str:
    """Forget what nobody can use any more, end consents, and rotate an old key.

    What has gone is not there to go again, so that a second run does nothing.
    """
    keyring = Keyring.open(Settings.from_environment())
    gone = retrying(database, lambda session: forget_expired(session, at=wall()))
    ended = 0
    while done := retrying(
        database, lambda session: expire_consents(session, at=now())
    ):
        ended += done
    is_turned = retrying(
        database, lambda session: rotate_if_old(session, keyring=keyring, at=wall())
    )
    turned = ", tokens are signed with the next key" if is_turned else ""
    return f"{gone:,} tokens and proofs forgotten, {ended:,} consents ended{turned}"


def publish_events(database: Database, _business_date: date) -> str:
    """Tell partners what happened, as far as they can be reached now."""
    settings = Settings.from_environment()
    done = tell(
        database,
        Keyring.open(settings),
        clock=wall,
        loopback=settings.webhooks_to_loopback,
    )
    return (
        f"{done.published:,} events published, {done.delivered:,} delivered,"
        f" {done.failed:,} endpoints failed"
    )


def release_authorizations(database: Database, _business_date: date) -> str:
    """Give back points that tills held and did not capture in time."""
    released = 0
    while done := retrying(
        database, lambda session: release_expired(session, at=now())
    ):
        released += done
    return f"{released:,} redemptions at tills let go"


def forget_calls(database: Database, _business_date: date) -> str:
    """Forget the answers to calls whose keys may be used again."""
    done = retrying(database, lambda session: forget(session, at=wall()))
    return f"{done:,} answers forgotten"


def chase_exchanges(database: Database, _business_date: date) -> str:
    """Take up exchanges that were left lying: unsent, unanswered, or to be checked.

    As with orders, the moment decides what is due.
    """
    settings = Settings.from_environment()
    done = chase_left_exchanges(
        database,
        Connections.open(settings).airline,
        Keyring.open(settings),
        at=now(),
    )
    return (
        f"{done.found:,} exchanges taken up, {done.ended:,} ended,"
        f" {done.failed:,} failed"
    )


def close_sessions(database: Database, _business_date: date) -> str:
    """Finish sessions that are over or called off, and tell members what is new.

    The moment decides what is due; what was finished is not there to finish again.
    """
    missed = canceled = closed = 0
    while True:
        done = retrying(
            database, lambda session: finish(session, actor="job", at=now())
        )
        if done == Finished():
            break
        missed += done.missed
        canceled += done.canceled
        closed += done.closed
    messenger = Connections.open(Settings.from_environment()).messenger
    told = tell_news(database, messenger, at=now())
    return (
        f"{closed:,} sessions closed, {missed:,} places missed, {canceled:,} given up,"
        f" {told:,} members told"
    )


def chase_churn(database: Database, business_date: date) -> str:
    """Go on with what leaving the network ends, and tell members about it.

    As with orders, the moment decides what is due; days of grace end by the date.
    """
    settings = Settings.from_environment()
    done = chase_leavings(
        database,
        Connections.open(settings),
        Keyring.open(settings),
        business_date=business_date,
        at=now(),
    )
    return str(done)


def lapse_clubs(database: Database, business_date: date) -> str:
    """End memberships whose last day is over, begin renewals, and say what ends soon.

    What has turned is not there to turn again, and nobody is told twice.
    """
    turned = 0
    while done := retrying(
        database, lambda session: lapse(session, on=business_date, at=now())
    ):
        turned += done
    messenger = Connections.open(Settings.from_environment()).messenger
    told = tell_renewals(database, messenger, on=business_date, at=now())
    return f"{turned:,} terms of clubs ended or begun, {told:,} members told"


def refund_clubs(database: Database, _business_date: date) -> str:
    """Give back months of memberships that leaving the network ended.

    What was given back is due no more, so that a second run does nothing.
    """
    given = GivenBack()
    while True:
        done = retrying(
            database,
            lambda session: refund_ended(session, actor="job:refund-clubs", at=now()),
        )
        if done == GivenBack():
            break
        given += done
    return (
        f"{given.memberships:,} memberships given back:"
        f" {given.points:,} points and {given.cash_fen:,} fen"
    )


def match_statements(database: Database, business_date: date) -> str:
    """Match what partners have told with what we have, month by month.

    What was decided stays decided, so that a second run finds nothing new.
    """
    with database.unit_of_work() as session:
        wanted = to_match(session, on=business_date)
    breaks = paired = 0
    for partner, period in wanted:
        work = partial(
            match, partner=partner, period=period, actor="job:match-statements"
        )
        done = retrying(database, partial(work, at=now()))
        breaks, paired = breaks + done.breaks, paired + done.paired
    return (
        f"{paired:,} lines paired in {len(wanted):,} months of partners,"
        f" {breaks:,} breaks open"
    )


def fetch_files(database: Database, _business_date: date) -> str:
    """Take in the files that partners have brought, and answer each."""
    exchanges = Connections.open(Settings.from_environment()).files
    done = fetching.Fetched()
    for exchange in exchanges.values():
        done += fetching.fetch_files(database, exchange)
    return str(done)


def prove_ledger(database: Database, _business_date: date) -> str:
    """Recompute all books from their transfers.

    Raises `BooksUnsound` with the first findings; nothing repairs itself.
    """
    with database.unit_of_work() as session:
        findings = Book(session).prove()
    if findings:
        first = findings[0]
        raise BooksUnsound(
            findings=len(findings),
            first=f"{first.finding}: member {first.member_id}, {first.detail}",
        )
    return "the books are sound"
