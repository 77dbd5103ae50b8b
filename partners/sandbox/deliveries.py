"""What a sandbox tells on its own: signed, tried again, and unruly on demand."""

import heapq
import json
import time
from dataclasses import asdict, dataclass
from http.client import HTTPException
from threading import Condition, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import (
    HTTPRedirectHandler,
    ProxyHandler,
    Request,
    build_opener,
)

ANSWER_SECONDS = 20
# In life it is tried for days; here somebody is waiting.
PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
_OK = range(200, 300)


@dataclass(slots=True)
class Faults:
    """What goes wrong with deliveries, until told otherwise."""

    duplicate: bool = False  # every event comes twice
    delay_seconds: float = 0.0  # before an event goes out
    hold: bool = False  # events wait until they are released


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to hand an event over."""

    event_id: str
    type: str
    attempt: int
    status: int | None  # None: nobody answered


class _GoNoFurther(HTTPRedirectHandler):
    """Takes a redirection for a failure."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = build_opener(ProxyHandler({}), _GoNoFurther)  # loopback has no proxy


class Deliveries:
    """Sends events to one endpoint, in a thread of its own.

    An event is an object with a `type`; `dress` makes the headers that prove it.
    """

    def __init__(self, *, url: str | None) -> None:
        self.url = url  # None: nobody is told
        self.faults = Faults()
        self.deliveries: list[Delivery] = []
        self._events: dict[str, dict[str, Any]] = {}
        self._held: list[str] = []
        self._due: list[tuple[float, int, str, int]] = []
        self._nth = 0
        self._changed = Condition()
        self._is_over = False
        self._thread = Thread(target=self._run, daemon=True)

    def dress(self, payload: bytes, url: str) -> dict[str, str]:
        """Return the headers with which a payload goes out now."""
        raise NotImplementedError

    @property
    def is_mute(self) -> bool:
        """Whether nobody is to be told."""
        return self.url is None

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join(ANSWER_SECONDS + 1)

    def put(self, name: str, event: dict[str, Any]) -> None:
        """Tell an event, or keep it until released."""
        with self._changed:
            self._events[name] = event
            if self.faults.hold:
                self._held.append(name)
            else:
                self._send(name)

    def event(self, name: str) -> dict[str, Any] | None:
        """Return an event of ours; None: it is none."""
        return self._events.get(name)

    def resend(self, name: str) -> None:
        """Deliver an event once more.

        Raises `LookupError`.
        """
        with self._changed:
            if name not in self._events:
                raise LookupError(name)
            self._push(name, attempt=1, seconds=0)

    def release(self, *, reverse: bool) -> None:
        """Let go of what is held, the last first if asked, and hold nothing more."""
        with self._changed:
            self.faults.hold = False
            held, self._held = self._held, []
            for name in held[::-1] if reverse else held:
                self._send(name)

    def state(self) -> dict[str, Any]:
        """Return what was delivered, and what waits."""
        with self._changed:
            return {
                "deliveries": [asdict(delivery) for delivery in self.deliveries],
                "events": [
                    {"id": name, "type": event["type"]}
                    for name, event in self._events.items()
                ],
                "held": list(self._held),
                "waiting": len(self._due),
            }

    def _send(self, name: str) -> None:
        for _ in range(2 if self.faults.duplicate else 1):
            self._push(name, attempt=1, seconds=self.faults.delay_seconds)

    def _push(self, name: str, *, attempt: int, seconds: float) -> None:
        self._nth += 1
        due = time.monotonic() + seconds
        heapq.heappush(self._due, (due, self._nth, name, attempt))
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._is_over and not self._is_due():
                    self._changed.wait(self._patience())
                if self._is_over:
                    return
                *_, name, attempt = heapq.heappop(self._due)
                event, url = self._events[name], self.url
            if url is None or self.is_mute:
                continue
            status = self._deliver(event, url)
            with self._changed:
                self.deliveries.append(Delivery(name, event["type"], attempt, status))
                if status not in _OK and attempt <= len(PAUSES_SECONDS):
                    pause = PAUSES_SECONDS[attempt - 1]
                    self._push(name, attempt=attempt + 1, seconds=pause)
                self._changed.notify_all()

    def _is_due(self) -> bool:
        return bool(self._due) and self._due[0][0] <= time.monotonic()

    def _patience(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _deliver(self, event: dict[str, Any], url: str) -> int | None:
        payload = json.dumps(event, ensure_ascii=False).encode()
        request = Request(  # noqa: S310 - the address is the operator's own
            url,
            payload,
            {
                "Content-Type": "application/json; charset=utf-8",
                **self.dress(payload, url),
            },
        )
        try:
            with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code
        except (OSError, HTTPException, ValueError):
            return None
