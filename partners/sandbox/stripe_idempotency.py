"""Idempotency keys as Stripe honours them: one key, one question, one answer."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from partners.sandbox.stripe_shapes import Refusal

KEY_LENGTH_MAX = 255
# A question that was not even begun leaves its key free (Stripe: "if incoming
# parameters fail validation … we don't save the idempotent result").
_NOT_BEGUN = {400, 401, 404, 409, 429}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes
    is_replayed: bool = False


@dataclass(slots=True)
class Keys:
    """The keys that were used, with what was asked and answered."""

    _lock: Lock = field(default_factory=Lock)
    _asked: dict[str, bytes] = field(default_factory=dict)
    _answers: dict[str, Answer] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget all keys, as Stripe does after a day."""
        with self._lock:
            self._asked.clear()
            self._answers.clear()

    def answer(self, key: str, question: bytes, work: Callable[[], Answer]) -> Answer:
        """Answer a question, or repeat the answer it had.

        Raises `Refusal`.
        """
        if len(key) > KEY_LENGTH_MAX:
            raise Refusal("Idempotency keys may be up to 255 characters long.")
        fingerprint = hashlib.sha256(question).digest()
        with self._lock:
            known = self._asked.get(key)
            if known is not None and known != fingerprint:
                raise Refusal(
                    "Keys for idempotent requests can only be used with the same"
                    " parameters they were first used with. Try using a key other than"
                    f" '{key}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            if key in self._answers:
                answer = self._answers[key]
                return Answer(answer.status, answer.body, is_replayed=True)
            if known is not None:
                raise Refusal(
                    "There is currently another in-progress request using this"
                    f" Idempotent Key: {key}",
                    status=409,
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._asked[key] = fingerprint
        return self._worked(key, work)

    def _worked(self, key: str, work: Callable[[], Answer]) -> Answer:
        answer: Answer | None = None
        try:
            answer = work()
        finally:
            with self._lock:
                if answer is None or answer.status in _NOT_BEGUN:
                    self._asked.pop(key, None)
                else:
                    self._answers[key] = answer
        return answer
