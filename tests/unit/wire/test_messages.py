"""What messages of both families have in common."""

import pytest

from snoop.wire.address import ANY, Family
from snoop.wire.address import parse as addr
from snoop.wire.messages import Generation, Leave, Query, Report

IGMP, MLD = Family.IPV4, Family.IPV6


@pytest.mark.parametrize(
    ("family", "version", "generation"),
    [
        (IGMP, 1, Generation.WITHOUT_LEAVE),
        (IGMP, 2, Generation.ANY_SOURCE),
        (IGMP, 3, Generation.SOURCES),
        (MLD, 1, Generation.ANY_SOURCE),
        (MLD, 2, Generation.SOURCES),
    ],
)
def test_what_a_version_can_say(family, version, generation):
    """SM-45: MLDv1 is IGMPv2 with longer addresses, MLDv2 is IGMPv3."""
    assert Report(version, (), family=family).generation is generation
    assert Query(version, ANY, (), 0, False, 0, 0, family).generation is generation


def test_the_family_of_a_leave_is_that_of_its_group():
    assert Leave(addr("239.1.2.3")).family is IGMP
    assert Leave(addr("ff0e::1:3")).family is MLD
