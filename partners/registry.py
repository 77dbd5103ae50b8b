"""Which adapters there are: entry points of the group `jifen.partners`, ours included.

An adapter of somebody else is a package with one entry point that names a `Plugin`.
One that does not load is a `Trouble`: it is reported, and everybody else works.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from types import UnionType
from typing import Any, Self

from partners import ports

GROUP = "jifen.partners"


class Kind(StrEnum):
    """What a partner is to us; each kind can be asked what its protocol says."""

    AIRLINE = "airline"
    BANK = "bank"
    INSURER = "insurer"
    MERCHANT = "merchant"
    OPERATOR = "operator"
    FILES = "files"

    @property
    def protocol(self) -> type:
        """What an adapter of the kind can be asked."""
        return _PROTOCOLS[self]


_PROTOCOLS: dict[Kind, type] = {
    Kind.AIRLINE: ports.Airline,
    Kind.BANK: ports.Bank,
    Kind.INSURER: ports.Underwriter,
    Kind.MERCHANT: ports.Merchant,
    Kind.OPERATOR: ports.Boss,
    Kind.FILES: ports.FileExchange,
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """An adapter to be had.

    `settings` is a frozen dataclass of plain values that raises `ValueError` in
    `__post_init__` for what cannot work; `open` makes the adapter from one and asks
    nobody anything yet.
    """

    kind: Kind
    settings: type
    open: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Somebody's adapter, or a partner's settings, that cannot be used."""

    name: str
    reason: str


class UnknownAdapter(LookupError):
    """No installed package has an adapter of that name."""


class SettingsRefused(ValueError):
    """An adapter cannot work with these settings; `problems` says why, all of it."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.name, self.problems = name, tuple(problems)
        super().__init__(f"{name}: {'; '.join(self.problems)}")


@dataclass(frozen=True, slots=True)
class Registry:
    """The adapters found, by name, and what was found unusable."""

    plugins: Mapping[str, Plugin]
    troubles: tuple[Trouble, ...] = ()

    @classmethod
    def discover(cls) -> Self:
        """Look at what is installed."""
        return cls.of(entry_points(group=GROUP))

    @classmethod
    def of(cls, points: Iterable[EntryPoint]) -> Self:
        """Load these; of two with one name neither, for nobody knows which is meant."""
        found: dict[str, list[EntryPoint]] = {}
        for point in points:
            same = found.setdefault(point.name, [])
            if point.value not in {known.value for known in same}:
                same.append(point)
        plugins: dict[str, Plugin] = {}
        troubles: list[Trouble] = []
        for name, same in sorted(found.items()):
            if len(same) > 1:
                values = ", ".join(sorted(point.value for point in same))
                troubles.append(Trouble(name, f"several have this name: {values}"))
                continue
            loaded = _loaded(same[0])
            if isinstance(loaded, Trouble):
                troubles.append(loaded)
            else:
                plugins[name] = loaded
        return cls(plugins, tuple(troubles))

    def open(self, name: str, told: Mapping[str, object]) -> object:
        """Make an adapter from its settings as a file would tell them.

        Raises `UnknownAdapter` or `SettingsRefused`.
        """
        plugin = self.plugins.get(name)
        if plugin is None:
            raise UnknownAdapter(name)
        settings = read_settings(name, plugin.settings, told)
        try:
            adapter = plugin.open(settings)
        except Exception as error:
            raise SettingsRefused(name, [_words(error)]) from error
        missing = sorted(_asked(plugin.kind.protocol) - set(dir(adapter)))
        if missing:
            problem = f"the adapter cannot be asked: {', '.join(missing)}"
            raise SettingsRefused(name, [problem])
        return adapter

    def open_all(
        self, partners: Mapping[str, Mapping[str, object]]
    ) -> tuple[dict[str, object], tuple[Trouble, ...]]:
        """Make the adapter of each partner, told by code; report who has none.

        Each partner's settings name the `adapter`, and need not repeat the code.
        """
        adapters: dict[str, object] = {}
        troubles: list[Trouble] = []
        for code, told in partners.items():
            rest = {"code": code, **told}
            name = rest.pop("adapter", None)
            try:
                adapters[code] = self.open(str(name), rest)
            except UnknownAdapter:
                troubles.append(Trouble(code, f"no adapter is called {name}"))
            except Exception as error:  # noqa: BLE001 - nor may a stranger's settings
                troubles.append(Trouble(code, _words(error)))
        return adapters, tuple(troubles)


def read_settings(name: str, settings: type, told: Mapping[str, object]) -> Any:
    """Return the settings that were told; what was told is never repeated in errors.

    Raises `SettingsRefused`.
    """
    fields = {field.name: field for field in dataclasses.fields(settings)}
    types = typing.get_type_hints(settings)
    problems = [f"unknown setting {key}" for key in sorted(told.keys() - fields.keys())]
    values: dict[str, object] = {}
    for key, field in fields.items():
        if key not in told:
            if not _has_default(field):
                problems.append(f"{key} is missing")
            continue
        value = told[key]
        if types[key] is float and type(value) is int:
            value = float(value)
        if _fits(value, types[key]):
            values[key] = value
        else:
            problems.append(f"{key} is no {_type_name(types[key])}")
    if problems:
        raise SettingsRefused(name, problems)
    try:
        return settings(**values)
    except (ValueError, TypeError) as error:
        raise SettingsRefused(name, [_words(error)]) from error


def _loaded(point: EntryPoint) -> Plugin | Trouble:
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's module
        return Trouble(point.name, f"{point.value} does not load: {_words(error)}")
    if not isinstance(plugin, Plugin):
        return Trouble(point.name, f"{point.value} is no Plugin")
    if not dataclasses.is_dataclass(plugin.settings):
        return Trouble(point.name, "its settings are no dataclass")
    return plugin


def _asked(protocol: type) -> set[str]:
    return {
        name
        for base in protocol.__mro__
        for name, what in vars(base).items()
        if callable(what) and not name.startswith("_")
    }


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return (
        field.default is not dataclasses.MISSING
        or field.default_factory is not dataclasses.MISSING
    )


def _fits(value: object, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in typing.get_args(kind))
    if kind in {str, int, float, bool}:
        return type(value) is kind  # True is no number here
    return isinstance(kind, type) and isinstance(value, kind)


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
