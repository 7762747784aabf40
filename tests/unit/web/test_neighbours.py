"""Which switches are linked, by what each has heard where."""

from __future__ import annotations

from snoop.web.neighbours import Link, Seen, links, seen
from snoop.web.switches import named


def known(own: dict[str, str], **heard: str) -> Seen:
    stations = {(0, mac): port for mac, port in heard.items()}
    return Seen({mac: port for port, mac in own.items()}, stations, frozenset(own.values()))


def test_who_has_heard_the_other_is_linked_there() -> None:
    a = known({"p0": "a0", "p9": "a9"}, b9="p9", h1="p0")
    b = known({"q0": "b0", "q9": "b9"}, a9="q9")
    sure = Link(switch="a", port="p9", other="b", other_port="q9", sure=True)
    assert links({"a": a, "b": b}) == [sure]


def test_hosts_behind_both_tell_where_the_link_is() -> None:
    """Where two pairs of ports would go with what is heard, neither is said."""
    a = known({"p0": "a0"}, h1="p0", h2="p9", h3="p1")
    b = known({"q0": "b0"}, h1="q9", h2="q0", h3="q9")
    guess = Link(switch="a", port="p9", other="b", other_port="q9", sure=False)
    assert links({"a": a, "b": b}) == [guess]
    assert links({"a": known({}, h1="p0", h2="p9"), "b": known({}, h1="q9", h2="q0")}) == []
    assert links({"a": known({}, h1="p0"), "b": known({}, h2="q0")}) == []


def test_what_is_asked_is_read() -> None:
    empty = seen(b'{"ports": []}', b'{"fdb": []}')
    assert (empty.own, empty.stations) == ({}, {})


def test_a_second_switch_of_a_name_has_its_own() -> None:
    found = named(["/run/snoop/sw0.sock", "/run/user/1/snoop/sw0.sock", "/run/snoop/sw0.sock"])
    assert list(found.values()) == ["/run/snoop/sw0.sock", "/run/user/1/snoop/sw0.sock"]
    assert next(iter(found)) == "sw0"
    assert list(found)[1].startswith("sw0~")
