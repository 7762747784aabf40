"""Questions to the kernel have numbers of 32 bits, and in a year there are more of them."""

from __future__ import annotations

from snoop.links import rtnetlink
from snoop.links.interfaces import Links
from snoop.links.rtnetlink import Asker

LAST = 0xFFFF_FFFF


def test_the_number_after_the_last_is_the_first_and_no_events() -> None:
    assert [rtnetlink.following(number) for number in (0, 1, LAST - 1, LAST)] == [1, 2, LAST, 1]


def test_the_kernel_answers_what_is_asked_after_the_last_number() -> None:
    asker = Asker()
    asker._sequence = LAST - 1
    assert [asker.link(1).ifindex for _ in range(3)] == [1] * 3
    asker.close()


def test_who_lists_all_interfaces_hears_the_end_after_the_last_number() -> None:
    links = Links()
    links._sequence = LAST - 1
    links.open()
    assert links.by_name("lo")
    links.close()
