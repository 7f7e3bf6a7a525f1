"Data that is written as JSON: dataclasses, checked where they are read. Light: the standard library alone."

import functools
import json
import math
import types
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

DEEPEST = 50  # levels of nesting that a file may have


class RecordError(ValueError):
    "One line that names the field, what it holds and what it takes."


def bounded(
    least: float | None = None,  # smallest value that the field takes
    most: float | None = None,  # largest
    default: Any = MISSING,  # of the field; left out, the field must be there
) -> Any:  # what `dataclasses.field` gives
    "A number of a record, with its bounds."
    return field(default=default, metadata={"least": least, "most": most})


def named(
    name: str,  # in JSON
    default: Any = MISSING,  # of the field; left out, the field must be there
) -> Any:  # what `dataclasses.field` gives
    "A field whose name in JSON is another, such as `class`, which Python keeps for itself."
    return field(default=default, metadata={"name": name})


@dataclass
class Record:
    "A dataclass that is written as JSON. A field that is None, and None by default, is left out of it."

    VERSION: ClassVar[int] = 0  # of a format that is a file of its own; 0: a part of another record

    @classmethod
    def from_json(
        cls,
        value: Any,  # what `json.loads` gave
        where: str = "",  # the field that holds it, for errors
    ) -> Self:
        "The record in a JSON value. Raises `RecordError` where a field is missing or has another type."
        if not isinstance(value, dict):
            raise RecordError(f"{where or cls.__name__} = {_short(value)}; it takes a mapping")
        if cls.VERSION:
            value = cls._of_today(value)
        return cls(**{item.name: _read(cls, item, value, where) for item in fields(cls)})

    @classmethod
    def _of_today(cls, value: dict) -> dict:
        version = value.get("version", 0)
        if type(version) is not int or version < 0:
            raise RecordError(f"version = {_short(version)}; it takes a whole number")
        if version > cls.VERSION:
            raise RecordError(f"version = {version}; this petclf reads up to {cls.VERSION}: update petclf")
        return cls.upgrade(value, version)

    @classmethod
    def upgrade(
        cls,
        value: dict,  # what the file says
        version: int,  # of the file; 0 where it names none
    ) -> dict:  # the same as this version says it
        "What an older file says, in the form of today."
        return value

    def to_json(self) -> dict:
        "The record as a JSON value."
        head = {"version": self.VERSION} if self.VERSION else {}
        return head | {
            _name_of(item): _plain(getattr(self, item.name)) for item in fields(self) if self._is_written(item)
        }

    def _is_written(self, item) -> bool:
        return getattr(self, item.name) is not None or item.default is not None

    # TRANSITION: reads like the dictionary that it was; goes when everything uses attributes.
    def __getitem__(self, name):
        return getattr(self, _attribute(type(self), name))

    def get(self, name, default=None):
        value = getattr(self, _attribute(type(self), name), None)
        return default if value is None else value

    def __contains__(self, name):
        return getattr(self, _attribute(type(self), name), None) is not None

    def keys(self):
        return self.to_json().keys()

    def items(self):
        return [(name, self[name]) for name in self.keys() if name != "version"]


def _attribute(cls, name):
    return next((item.name for item in fields(cls) if _name_of(item) == name), name)


def parse_record(
    kind: type,  # a `Record`
    text: str | bytes,  # JSON
) -> Any:  # a record of that kind
    "The record in a JSON text. Raises `RecordError`."
    try:
        return kind.from_json(json.loads(text))
    except RecursionError:
        raise RecordError("not a record: nested too deeply") from None
    except RecordError:
        raise
    except ValueError as error:
        raise RecordError(f"not valid JSON ({error})") from None


@functools.cache
def _types_of(cls) -> dict:
    return get_type_hints(cls)


def _name_of(item) -> str:
    return item.metadata.get("name", item.name)


def _read(cls, item, value: dict, where: str):
    name = _name_of(item)
    place = f"{where}.{name}" if where else name
    if name in value:
        return _checked(value[name], _types_of(cls)[item.name], place, item.metadata)
    if item.default is not MISSING:
        return item.default
    if item.default_factory is not MISSING:
        return item.default_factory()
    raise RecordError(f"{place} is missing")


def _checked(value, kind, place: str, bounds=types.MappingProxyType({})):
    "A value of the type that a field names, or a `RecordError`."
    if place.count(".") > DEEPEST:
        raise RecordError(f"{place[:60]}...: nested too deeply")
    if kind is Any:
        return value
    if get_origin(kind) in (Union, types.UnionType):
        return _one_of(value, get_args(kind), place, bounds)
    if get_origin(kind) is Literal:
        return _literal(value, get_args(kind), place)
    if isinstance(kind, type) and is_dataclass(kind) and issubclass(kind, Record):
        return kind.from_json(value, place)
    if get_origin(kind) in (list, tuple):
        return _sequence(value, kind, place)
    if get_origin(kind) is dict:
        return _mapping(value, get_args(kind)[1], place)
    return _scalar(value, kind, place, bounds)


def _one_of(value, kinds, place, bounds):
    if value is None and type(None) in kinds:
        return None
    kinds = [kind for kind in kinds if kind is not type(None)]
    for kind in kinds[:-1]:
        try:
            return _checked(value, kind, place, bounds)
        except RecordError:
            continue
    return _checked(value, kinds[-1], place, bounds)


def _literal(value, values, place):
    if value not in values:
        raise RecordError(f"{place} = {_short(value)}; it takes one of {', '.join(map(str, values))}")
    return value


def _sequence(value, kind, place):
    if not isinstance(value, (list, tuple)):
        raise RecordError(f"{place} = {_short(value)}; it takes a list")
    inner = get_args(kind)[0]
    return get_origin(kind)(_checked(part, inner, f"{place}.{number}") for number, part in enumerate(value))


def _mapping(value, inner, place):
    if not isinstance(value, dict):
        raise RecordError(f"{place} = {_short(value)}; it takes a mapping")
    return {name: _checked(part, inner, f"{place}.{name}") for name, part in value.items()}


_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
}


def _scalar(value, kind, place, bounds):
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 2**1000 else math.inf
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise RecordError(f"{place} = {_short(value)}; it takes {_WORDS.get(kind, kind.__name__)}")
    least, most = bounds.get("least"), bounds.get("most")
    if (least is not None and value < least) or (most is not None and value > most):
        raise RecordError(f"{place} = {_short(value)}; it takes {_range(least, most)}")
    return value


def _range(least, most) -> str:
    if most is None:
        return f"{least:g} or more"
    if least is None:
        return f"{most:g} or less"
    return f"{least:g} to {most:g}"


def _short(value, most: int = 40) -> str:
    text = json.dumps(value, default=str) if not isinstance(value, float) else repr(value)
    return text if len(text) <= most else text[:most] + "..."


def _plain(value):
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
