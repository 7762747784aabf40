"""Options of a port as words of a command: of `--port IF,option=value…`, and of `port set`.

A word becomes the TOML value of the same spelling; whether it is allowed is for the checks of the
file to say, so that it is said the same way.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec

from snoop.config.problems import ConfigError
from snoop.config.schema_port import PortMldTable, PortTable
from snoop.config.words import keys, meant

Options = dict[str, object]
"""By key; "mld.mrouter" is that of the table in it."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?\Z")


class Word(Enum):
    """What takes the place of a value."""

    BACK = ""
    """As the file has it."""
    LEFT_OUT = "default"
    """As if the file did not have it."""


def argument(where: str, text: str) -> tuple[str, Options]:
    """`IF[,option=value…]`: the port, and its options; a list is one given repeatedly. `where` is
    what was typed.
    """
    name, *words = text.split(",")
    if not name:
        raise ConfigError(f'{where}: allowed is IF[,option=value…], such as "p0,mrouter=never"')
    options: Options = {}
    for word in words:
        key, value = _option(where, word)
        if is_list(key):
            listed = options.setdefault(key, [])
            assert isinstance(listed, list)
            listed.append(_item(key, value))
        else:
            options[key] = _value(key, value)
    return name, options


def assigned(port: str, words: Iterable[str]) -> Options:
    """`OPTION=VALUE` each, with a Word for a value that is one; all that is wrong is said."""
    options: Options = {}
    wrong: list[str] = []
    for word in words:
        try:
            key, value = _option(f"port set {port}", word)
        except ConfigError as error:
            wrong += error.problems
            continue
        given = _assigned(key, value)
        before = options.get(key)
        if isinstance(before, list) and isinstance(given, list):
            before += given
        elif key in options:
            wrong.append(f"port set {port}: {key} is given twice")
        else:
            options[key] = given
    if wrong:
        raise ConfigError(*wrong)
    return options


def laid(table: Mapping[str, Any], options: Mapping[str, object]) -> dict[str, Any]:
    """A `[[port]]` with options over it. A port has access, or trunk and native: either takes the
    other's place.
    """
    made = dict(table)
    given = {key for key, value in options.items() if value is not Word.LEFT_OUT}
    if "access" in given:
        for key in ("trunk", "native"):
            made.pop(key, None)
    elif "trunk" in given:
        made.pop("access", None)
    for key, value in options.items():
        outer, _, inner = key.rpartition(".")
        at = made
        if outer:
            below = made.get(outer)
            at = made[outer] = dict(below) if isinstance(below, dict) else {}
        if value is Word.LEFT_OUT:
            at.pop(inner, None)
        else:
            at[inner] = value
    return made


def merged(before: Mapping[str, object], options: Mapping[str, object]) -> Options:
    """What holds by a command after the ones before it."""
    given = {key for key, value in options.items() if not isinstance(value, Word)}
    gone = {key for key, value in options.items() if value is Word.BACK}
    if "access" in given:
        gone |= {"trunk", "native"} - given
    elif "trunk" in given:
        gone.add("access")
    made = {**before, **options}
    return {key: value for key, value in made.items() if key not in gone}


def spelled(options: Mapping[str, object]) -> list[str]:
    """As `port set` takes them; None is left out."""
    return [f"{key}={_spelled(value)}" for key, value in options.items()]


def _spelled(value: object) -> str:
    if isinstance(value, Word):
        return value.value
    if value is None:
        return Word.LEFT_OUT.value
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _option(where: str, word: str) -> tuple[str, str]:
    """The two sides of an equals sign; ConfigError for what has none, or no key before it."""
    key, equals, value = word.partition("=")
    if not equals or key in ("name", "match", "mld"):
        hint = "; of a list, each: trunk=10,trunk=20-29" if word[:1].isdigit() else ""
        raise ConfigError(f'{where}: "{word}" is not option=value{hint}')
    if key not in hints():
        raise ConfigError(f'{where}: unknown option "{key}"{meant(key, hints())}')
    return key, value


def _assigned(key: str, value: str) -> object:
    if value in ("", "default"):
        return Word(value)
    if is_list(key):
        return [_item(key, one.strip()) for one in value.split(",")]
    return _value(key, value)


@cache
def hints() -> dict[str, Any]:
    """Every option that there is, with its type."""
    known = dict(keys(PortTable)[0])
    inner, _ = keys(PortMldTable)
    del known["name"], known["match"], known["mld"]
    return {**known, **{f"mld.{key}": hint for key, hint in inner.items()}}


@cache
def is_list(key: str) -> bool:
    """Tell whether an option may have several values."""
    return any(get_origin(arm) is list for arm in _arms(hints()[key]))


@cache
def words(key: str) -> list[str]:
    """The words that an option takes; none of what is any number or text."""
    arms = _arms(hints()[key])
    found: list[str] = []
    for arm in arms:
        if isinstance(arm, type) and issubclass(arm, Enum):
            found += [str(one.value) for one in arm]
    return found + (["true", "false"] if bool in arms else [])


def meaning(key: str) -> str | None:
    """What an option means, as the manual has it; of one for IPv6, that of the one for both."""
    notes = get_args(hints()[key.removeprefix("mld.")])
    found = (note.description for note in notes if isinstance(note, msgspec.Meta))
    return next((text for text in found if text), None)


def _arms(hint: Any) -> list[Any]:
    """The types that a key may have, without what is said of them."""
    if get_origin(hint) is Annotated:
        return _arms(get_args(hint)[0])
    if get_origin(hint) in (typing.Union, types.UnionType):
        return [one for arm in get_args(hint) for one in _arms(arm)]
    return [hint]


def _item(key: str, text: str) -> object:
    return int(text) if key == "trunk" and re.fullmatch("0|[1-9][0-9]{0,8}", text) else text


def _value(key: str, text: str) -> object:
    """The TOML value of the same spelling; anything else is text."""
    if str in _arms(hints()[key]):
        return text
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return text
