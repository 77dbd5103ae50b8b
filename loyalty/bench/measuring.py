"""What was measured, round by round, and what it comes to."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

REFERENCE = "pgbench TPC-B, prepared"

_GIBIBYTE = 1024**3
_CELL = 12

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one case came to in one round."""

    per_second: float
    p50_ms: float | None = None  # None: not made of many single calls
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What one case came to over all rounds: medians."""

    case: str
    per_second: float
    spread: tuple[float, float]  # the slowest and the fastest round
    reference: float
    ratio: float  # to the reference of the same round
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a bench has to say."""

    bench: str
    machine: Mapping[str, Any]
    rounds: int
    results: Sequence[Result]
    targets: Mapping[str, str]  # by case, in words
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the figures as other programs want them."""
        return {
            "bench": self.bench,
            "machine": dict(self.machine),
            "rounds": self.rounds,
            "results": [asdict(result) for result in self.results],
        }

    def __str__(self) -> str:
        label = max(len(result.case) for result in self.results) + 2
        machine = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        head = ("per second", "slowest", "fastest", "ratio", "p50 ms", "p99 ms")
        lines = [
            f"bench {self.bench}: medians of {self.rounds} rounds",
            machine,
            "",
            " " * label + "".join(f"{name:>{_CELL}}" for name in head) + "  target",
        ]
        for result in self.results:
            cells = [
                f"{result.per_second:,.0f}",
                *(f"{rate:,.0f}" for rate in result.spread),
                f"{result.ratio:.2f}",
                _milliseconds(result.p50_ms),
                _milliseconds(result.p99_ms),
            ]
            row = f"{result.case:<{label}}" + "".join(f"{c:>{_CELL}}" for c in cells)
            target = self.targets.get(result.case)
            lines.append(f"{row}  {target}" if target else row)
        return "\n".join([*lines, *(["", *self.notes] if self.notes else [])])


def results(rounds: Sequence[Mapping[str, Measure]]) -> list[Result]:
    """Sum up rounds, each of which measured the same cases and the reference."""
    return [_result(case, rounds) for case in rounds[0]]


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the value that so many percent do not exceed; None: no values."""
    if not ordered:
        return None
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def machine(server: str) -> dict[str, Any]:
    """Describe what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / _GIBIBYTE, 1),
        "system": f"{platform.system()} {platform.release()}",
        "postgresql": server,
        "python": platform.python_version(),
    }


def _result(case: str, rounds: Sequence[Mapping[str, Measure]]) -> Result:
    measures = [measured[case] for measured in rounds]
    rates = [measure.per_second for measure in measures]
    references = [measured[REFERENCE].per_second for measured in rounds]
    ratios = [rate / ref for rate, ref in zip(rates, references, strict=True)]
    return Result(
        case=case,
        per_second=round(median(rates), 1),
        spread=(round(min(rates), 1), round(max(rates), 1)),
        reference=round(median(references), 1),
        ratio=round(median(ratios), 3),
        p50_ms=_middle([measure.p50_ms for measure in measures]),
        p99_ms=_middle([measure.p99_ms for measure in measures]),
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known else None


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
