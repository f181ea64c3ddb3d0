"""Configuration classes: their keys, and an instance built from a tree of values that is checked key by key."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from training.errors import UsageError

C = TypeVar("C")
Tree = Mapping[str, Any]

REQUIRED: Final = "???"
"""Stands for a value that the caller must give, in a file or as a class's default."""


class Setting(NamedTuple):
    """One key of a configuration: dotted name, value (REQUIRED where the caller must give one), the class it is in."""

    key: str
    value: object
    owner: type


class _Field(NamedTuple):
    hint: Any
    config_class: type | None
    default: Any


def build(config_class: type[C], tree: Tree, schemas: Mapping[str, type]) -> C:
    """Instance of the class with the values of `tree` over the defaults.

    `schemas` gives the class of a field whose class depends on the option taken. A UsageError names an unknown key
    with the nearest valid one, a value of a wrong type, or a required key that is missing.
    """
    known = [setting.key for setting in settings(config_class, tree, schemas)]
    checked = _checked(config_class, tree, schemas, _Place("", known))
    return _build(config_class, None, checked, schemas, "")


def settings(
    config_class: type, tree: Tree, schemas: Mapping[str, type], base: object = None, prefix: str = ""
) -> Iterator[Setting]:
    """Every key of the class in order, with the values of `tree` over those of `base` or the defaults."""
    for name, field in _fields(config_class, base, schemas).items():
        value = tree.get(name, field.default)
        if field.config_class is None or value is None:
            yield Setting(prefix + name, value, config_class)
        else:
            inner = value if isinstance(value, Mapping) else {}
            yield from settings(field.config_class, inner, {}, _instance(field), f"{prefix}{name}.")


def nearest(wrong: str, known: Sequence[str]) -> str:
    """Remedy for a wrong name: the nearest known one, or all of them while they are few."""
    ending = wrong.rpartition(".")[2]
    close = difflib.get_close_matches(wrong, known, n=1) or [name for name in known if name.endswith(f".{ending}")]
    close = close or difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(known)}" if len(known) <= 12 else "see --help for what there is"


class _Place(NamedTuple):
    """Where in the tree a value stands, for messages."""

    prefix: str
    known: Sequence[str]

    def key(self, name: str) -> str:
        return self.prefix + name

    def under(self, name: str) -> _Place:
        return _Place(f"{self.prefix}{name}.", self.known)


def _checked(config_class: type, tree: Tree, schemas: Mapping[str, type], place: _Place) -> Tree:
    """The tree with its values in the declared types: whatever is wrong in it is told before what is missing."""
    fields = _fields(config_class, None, schemas)
    checked: dict[str, Any] = {}
    for name, value in tree.items():
        if name not in fields:
            raise UsageError(f"unknown key {place.key(name)}; {nearest(place.key(name), place.known)}")
        hint, nested, _ = fields[name]
        if nested is not None and isinstance(value, Mapping):
            checked[name] = _checked(nested, value, {}, place.under(name))
        elif not _is_required(value):
            checked[name] = _convert(place.key(name), value, hint)
    return checked


def _build(config_class: type[C], base: object, tree: Tree, schemas: Mapping[str, type], prefix: str) -> C:
    values = {}
    for name, field in _fields(config_class, base, schemas).items():
        value = tree.get(name, field.default)
        if field.config_class is not None and (isinstance(value, Mapping) or _is_required(value)):
            inner = value if isinstance(value, Mapping) else {}
            value = _build(field.config_class, _instance(field), inner, {}, f"{prefix}{name}.")
        if _is_required(value):
            raise UsageError(f"{prefix}{name} is required; give {prefix}{name}=VALUE")
        values[name] = value
    return config_class(**values)


def _convert(key: str, value: Any, hint: Any) -> object:
    if isinstance(value, int | float) and str in (hint, *get_args(hint)) and not isinstance(value, bool):
        value = str(value)
    try:
        return msgspec.convert(value, hint, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        remedy = "; a list is written [a,b]" if "`array`" in str(error) else ""
        raise UsageError(f"{key}={value} does not fit: {error}{remedy}") from error


def _decode(wanted: type, value: object) -> object:
    if issubclass(wanted, Path):
        return Path(str(value)).expanduser()
    raise TypeError(f"no way to read a {wanted.__name__} from a configuration; use a plain type in the class")


def _fields(config_class: type, base: object, schemas: Mapping[str, type]) -> dict[str, _Field]:
    """Fields of the class; defaults come from `base`, an instance of it, where there is one."""
    hints = get_type_hints(config_class) | {name: schemas[name] for name in schemas}
    return {
        field.name: _Field(hints[field.name], _config_class(hints[field.name]), _default(field, base))
        for field in dataclasses.fields(config_class)
        if field.init
    }


def _config_class(hint: Any) -> type | None:
    """The dataclass whose keys stand under a field of this type; None for a plain value."""
    for kind in (hint, *get_args(hint)):
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return kind
    return None


def _default(field: dataclasses.Field[Any], base: object) -> Any:
    if base is not None:
        return getattr(base, field.name)
    if field.default is not dataclasses.MISSING:
        return field.default
    return REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()


def _instance(field: _Field) -> object:
    """The field's default where it can stand in for missing keys: an option's class differs from the declared one."""
    is_own = field.config_class is not None and isinstance(field.default, field.config_class)
    return field.default if is_own else None


def _is_required(value: object) -> bool:
    return isinstance(value, str) and value == REQUIRED
