"""The bench's own arithmetic: the search for the rate without loss, ratios and goals (no root)."""

import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("pyroute2")

from benchmark import readme
from benchmark.goals import Goal
from benchmark.items import Item
from benchmark.measures import Figures
from benchmark.plan import FULL, README, SHORT, full, quick
from benchmark.results import Results, Spread, to_json
from benchmark.site import Site, SiteError, Trial
from benchmark.switches import Bridge
from benchmark.traffic import Offer

FULL_LOAD = 400_000


class Simulated(Site):
    """A switch that forwards up to `limit` frames/s and loses the rest, without any namespace."""

    def __init__(self, limit: float, *, stray: int = 0) -> None:
        super().__init__(Bridge(), receivers=3, sink_mode="gro")
        self.limit, self.stray = limit, stray
        self.offers: list[Offer] = []

    def trial(self, offer: Offer) -> Trial:
        self.offers.append(offer)
        rate = min(offer.rate or FULL_LOAD, FULL_LOAD)
        sent = round(rate * offer.seconds)
        best, worst = sent, round(min(rate, self.limit) * offer.seconds)
        return Trial(
            sent=sent,
            seconds=offer.seconds,
            delivered=(best, worst),
            gaps=0,
            stray=self.stray,
        )


@pytest.mark.parametrize("limit", [20_000, 90_000, 250_000, 399_000])
def test_search_ends_just_below_the_rate_that_loses(limit: int) -> None:
    site = Simulated(limit)
    found = site.throughput(size=64, groups=1, seconds=1.0, trials=12)
    assert limit / 1.04 <= found.zero_loss <= limit
    assert found.full.delivered_rate == pytest.approx(limit, rel=0.01)


def test_a_switch_that_never_loses_is_warmed_and_measured_once() -> None:
    site = Simulated(FULL_LOAD)
    assert site.throughput(size=64, groups=1, seconds=1.0, trials=8).zero_loss == FULL_LOAD
    assert len(site.offers) == 2


def test_search_is_bounded_and_says_so_when_nothing_passes() -> None:
    site = Simulated(0)
    found = site.throughput(size=64, groups=1, seconds=1.0, trials=6)
    assert found.best is None
    assert found.zero_loss == 0.0
    assert len(site.offers) == 8


def test_a_member_that_lost_one_datagram_makes_the_trial_fail() -> None:
    trial = Trial(sent=1000, seconds=1.0, delivered=(1000, 999), gaps=1, stray=0)
    assert not trial.lossless
    assert trial.delivered_rate == 999


def test_a_switch_that_floods_is_not_measured() -> None:
    with pytest.raises(SiteError, match="floods"):
        Simulated(FULL_LOAD, stray=50_000).throughput(size=64, groups=1, seconds=1.0, trials=3)


def nothing(_: Site) -> Figures:
    return {}


ITEM = Item("k", "k", nothing, {"zero loss": "frames/s"})


def measured(snoop: list[float | None], bridge: list[float | None]) -> Results:
    results = Results()
    for contestant, values in (("snoop", snoop), ("bridge", bridge)):
        for value in values:
            results.add(ITEM, contestant, {"zero loss": value})
    return results


def test_ratio_is_taken_round_by_round() -> None:
    # The machine halved its speed in the second round: the ratio does not see it.
    ratio = measured([300.0, 150.0, 330.0], [100.0, 50.0, 110.0]).ratio(
        "k", "zero loss", "snoop", "bridge"
    )
    assert ratio == Spread(3.0, 3.0, 3.0, 3)


def test_a_round_without_a_figure_is_left_out_of_the_ratio() -> None:
    results = measured([None, 200.0], [100.0, 100.0])
    assert results.ratio("k", "zero loss", "snoop", "bridge") == Spread(2.0, 2.0, 2.0, 1)


def test_nothing_measured_is_no_ratio() -> None:
    assert measured([], [1.0]).ratio("k", "zero loss", "snoop", "bridge") is None
    assert measured([1.0], [0.0]).ratio("k", "zero loss", "snoop", "bridge") is None


@pytest.mark.parametrize(
    ("at_most", "snoop", "held"),
    [(False, 200.0, True), (False, 199.0, False), (True, 200.0, True), (True, 201.0, False)],
)
def test_a_goal_is_held_at_its_bound(at_most: bool, snoop: float, held: bool) -> None:
    goal = Goal("zero loss", 2.0, at_most=at_most)
    outcome = measured([snoop], [100.0]).goal(ITEM, goal)
    assert outcome is not None
    assert outcome[1] is held


def test_goals_name_items_figures_and_contestants_that_are_measured() -> None:
    for items in (quick(SHORT), full(FULL, lambda: 1)):
        by_key = {item.key: item for item in items}
        assert len(by_key) == len(items)
        for item in items:
            for goal in item.goals:
                against = by_key[goal.against_item or item.key]
                assert goal.figure in item.units
                assert goal.subject in item.contestants
                assert goal.against in against.contestants


@pytest.mark.parametrize(
    ("figure", "shown"),
    [(0.1814, "0.181"), (22.18, "22.2"), (776.4, "776"), (1126.4, "1,130"), (99.96, "100")],
)
def test_figures_have_three_digits_and_no_exponent(figure: float, shown: str) -> None:
    assert readme.three_digits(figure) == shown


def test_the_readme_names_figures_and_contestants_that_are_measured() -> None:
    items = {item.key: item for item in readme.rows(README)}
    for _, key, figure, _, _ in readme.REST:
        assert figure in items[key].units
        assert {"snoop", "bridge"} <= set(items[key].contestants)
    for item in items.values():
        assert item.key in {each.key for each in full(FULL, lambda: 1)}


def test_the_tables_take_the_place_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    results = Results()
    for name, rate in (("snoop", 300.0), ("bridge", 100.0)):
        results.add(dataclasses.replace(ITEM, key="fan3-64"), name, {"zero loss": rate})
    readme.write(page, results)
    readme.write(page, results)
    written = page.read_text()
    assert "| 64 bytes to 3 ports | 3.00 × | – | – | – |" in written
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert written.count(readme.BEGIN) == 1
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no <!-- bench -->"):
        readme.write(page, results)


def test_the_readme_has_the_marks() -> None:
    page = Path(__file__).parents[2] / "README.md"
    assert page.read_text().count(readme.BEGIN) == page.read_text().count(readme.END) == 1


def test_what_was_measured_earlier_fills_in() -> None:
    earlier = to_json(measured([200.0], [100.0]), [ITEM], {})
    results = Results()
    results.take(earlier)
    assert results.ratio("k", "zero loss", "snoop", "bridge") == Spread(2.0, 2.0, 2.0, 1)
    again = measured([300.0], [100.0])
    again.take(earlier)
    assert again.ratio("k", "zero loss", "snoop", "bridge") == Spread(3.0, 3.0, 3.0, 1)


def test_an_offer_says_everything_on_the_command_line() -> None:
    words = Offer(seconds=1, rate=5, size=128, groups=7, udp=True).arguments(Simulated(0).star)
    given = dict(zip(words[::2], words[1::2], strict=False))
    for name, value in dataclasses.asdict(Offer(seconds=1, rate=5, size=128, groups=7)).items():
        if name not in ("udp", "rtp"):
            assert given[f"--{name}"] == str(value)
    assert words[-1] == "--udp"


def test_who_is_to_get_media_is_sent_no_other() -> None:
    sent = Offer(seconds=1, rtp=True).arguments(Simulated(0).star)
    assert "--rtp" in sent
    watched = Site(Bridge(), receivers=3, sink_mode="gro", rtp=True)
    assert watched.size_of(64) == watched.size_of(128) == 128
    assert watched.size_of(1400) == 1400
