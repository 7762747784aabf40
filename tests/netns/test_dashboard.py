"""The metrics of a live switch, and the dashboard that is drawn from them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from netns.media import rtp, sender
from netns.star import Star, star
from snoop.lab import namespaces, wait_until

GROUP, UNWANTED, LISTEN, ASKED = "239.20.0.1", "239.20.0.2", "127.0.0.1:9571", "127.0.0.1:9590"
PROMETHEUS = f"""
global: {{scrape_interval: 250ms}}
scrape_configs:
  - job_name: snoop
    params: {{all: [""]}}
    static_configs: [{{targets: ["{LISTEN}"]}}]
"""


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        files("snoop").joinpath("share/grafana.json").read_text("utf-8")
    )
    return document


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    """A switch with a member, a stream with a gap, and a router port."""
    with star(5, metrics={"listen": LISTEN}, ports={"p2": {"mrouter": "always"}}) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.reached(GROUP)
        net.reached(UNWANTED)
        # A finding there must be, or its metric has no labels to look at; and a stream with a gap.
        with sender(net.h(0), GROUP) as out:
            for number in range(60):
                out.send(rtp(number))
            wait_until(lambda: lost(net) is not None, within=20, what="it is watched")
            for number in range(63, 100):
                out.send(rtp(number))
        # Lost is what nobody waits for any more.
        wait_until(lambda: lost(net) == 3, within=20, what="the gap counts as lost")
        net.lab.set_port("p4", "down")
        wait_until(lambda: "down" in states(net), within=20, what="p4 is down")
        yield net


@pytest.fixture(scope="module")
def scrapes(net: Star) -> dict[str, str]:
    """What scrapes give, by path."""
    with namespaces.inside(net.lab.namespace):
        taken = {path: scrape(path) for path in ("/metrics", "/metrics?all")}
    return taken | {"command": net.switch.do("metrics")}


@pytest.fixture(scope="module")
def asked(net: Star, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """A Prometheus that has scraped the switch, counters that never moved as well."""
    where = tmp_path_factory.mktemp("prometheus")
    (where / "prometheus.yml").write_text(PROMETHEUS, "utf-8")
    words = ["prometheus", f"--config.file={where}/prometheus.yml", f"--storage.tsdb.path={where}"]

    def ask(expression: str) -> Any:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{ASKED}/api/v1/query?{query}", timeout=20) as answer:
            return json.load(answer)["data"]["result"]

    def scraped() -> bool:
        with contextlib.suppress(OSError):
            return bool(ask("count_over_time(snoop_uptime_seconds[1m]) > 2"))
        return False

    with (
        namespaces.inside(net.lab.namespace),
        subprocess.Popen(
            [*words, f"--web.listen-address={ASKED}"], stderr=subprocess.DEVNULL
        ) as running,
    ):
        try:
            wait_until(scraped, within=30, what="Prometheus has scraped")
            yield ask
        finally:
            running.terminate()


def lost(net: Star) -> int | None:
    """Of the stream that is watched; None: none is."""
    rows = net.switch.show("streams")["streams"]
    return next((row["health"]["lost"] for row in rows if row["health"] is not None), None)


def states(net: Star) -> set[str]:
    return {row["state"] for row in net.switch.show("ports")["ports"]}


def scrape(path: str) -> str:
    with urllib.request.urlopen(f"http://{LISTEN}{path}", timeout=20) as answer:
        text: str = answer.read().decode()
        return text


@pytest.fixture(scope="module")
def exposition(scrapes: dict[str, str]) -> list[Metric]:
    """All that there is."""
    return list(text_string_to_metric_families(scrapes["/metrics?all"]))


def test_a_scrape_is_a_part_of_all(scrapes: dict[str, str], exposition: list[Metric]) -> None:
    """SAY-23: what moved, with the same names, and far shorter."""
    short = list(text_string_to_metric_families(scrapes["/metrics"]))
    names = [family.name for family in short]
    assert set(names) < {family.name for family in exposition}
    assert {"snoop_port_lost", "snoop_port_pruned", "snoop_port_forward_group"} <= set(names)
    assert "snoop_port_tx_full" not in names
    assert 3 * len(scrapes["/metrics"]) < len(scrapes["/metrics?all"])


def test_names_follow_the_conventions(exposition: list[Metric]) -> None:
    """Counters end in _total and nothing else does; each has its help; no sample comes twice."""
    assert exposition
    for family in exposition:
        assert family.documentation, family.name
        assert re.fullmatch(r"snoop_[a-z][a-z0-9_]*", family.name)
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name
        keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(keys) == len(set(keys)), family.name


def test_metrics_say_what_the_switch_does(exposition: list[Metric]) -> None:
    def value(name: str, **labels: str) -> float:
        values = [
            sample.value
            for family in exposition
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(values) == 1, (name, labels, values)
        return values[0]

    assert value("snoop_groups", vlan="0", family="ipv4") == 1
    assert value("snoop_port_groups", port="p1") == 1
    assert value("snoop_mrouter", port="p2", origin="static", family="ipv4") == 1
    assert value("snoop_querier", role="querier", family="ipv4") == 1
    assert value("snoop_stream_registered", group=GROUP) == 1
    assert value("snoop_stream_registered", group=UNWANTED) == 0
    assert value("snoop_stream_frames_total", group=GROUP) == 10 + 60 + 37
    assert value("snoop_stream_lost_total", group=GROUP) == 3
    assert value("snoop_port_up", port="p3") == 1
    assert value("snoop_port_forward_group_total", port="p0") >= 10


def test_prometheus_reads_it(scrapes: dict[str, str]) -> None:
    """And has nothing to say of names, types and help."""
    for path, text in scrapes.items():
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), path


def test_the_command_prints_what_a_scrape_gets(scrapes: dict[str, str]) -> None:
    def series(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {
            (sample.name, tuple(sorted(sample.labels.items())))
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    assert series(scrapes["command"]) == series(scrapes["/metrics"])


def test_findings_of_check_are_there(exposition: list[Metric]) -> None:
    found = {
        (sample.labels["severity"], sample.labels["cause"])
        for family in exposition
        for sample in family.samples
        if sample.name == "snoop_finding"
    }
    assert ("note", "port_down") in found


def test_every_metric_of_the_alerts_exists(exposition: list[Metric]) -> None:
    rules = files("snoop").joinpath("share/alerts.yml").read_text("utf-8")
    known = {sample.name for family in exposition for sample in family.samples}
    used = {
        name
        for line in re.findall(r"^ +(?:expr: .*|\(.*|and .*|rate.*)$", rules, re.M)
        for name in re.findall(r"\bsnoop_[a-z0-9_]+", line)
    }
    assert len(used) > 5
    assert used <= known


def targets() -> list[tuple[str, str, str]]:
    """(panel title, expression, legend)."""
    return [
        (panel["title"], target["expr"], target["legendFormat"])
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("target", targets(), ids=lambda target: target[0].replace(" ", "-"))
def test_every_metric_and_label_of_the_dashboard_exists(
    exposition: list[Metric], target: tuple[str, str, str]
) -> None:
    _, expression, legend = target
    labels: dict[str, set[str]] = {}
    for family in exposition:
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    used = re.findall(r"\bsnoop_[a-z0-9_]+", expression)
    assert used
    for name in used:
        assert name in labels, name
        for selector in re.findall(rf"{name}{{([^}}]*)}}", expression):
            for label in re.findall(r"([a-z]+)=~?", selector):
                assert label in labels[name] | {"instance", "switch"}, (name, label)
    for label in re.findall(r"{{(\w+)}}", legend):
        assert label in labels[used[0]] | {"instance", "switch"}, label


@pytest.mark.parametrize("target", targets(), ids=lambda target: target[0].replace(" ", "-"))
def test_prometheus_has_an_answer_for_every_panel(
    asked: Callable[[str], Any], target: tuple[str, str, str]
) -> None:
    """None is empty, whichever switch and port are chosen: all of them here."""
    chosen = re.sub(r"\$(instance|switch|port)", ".*", target[1])
    assert asked(re.sub(r"\[(\$__rate_interval|1h)\]", "[1m]", chosen)) != []


def test_panels_do_not_lie_over_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])
