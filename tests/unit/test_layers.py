"""The imports of the package keep to the layers of the design.

Walks every module with `ast`; imports inside functions and under TYPE_CHECKING count too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

import snoop

ROOT = Path(snoop.__file__).parent

# `types` for its read-only mapping, `unicodedata` for names that strangers announce.
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "enum",
    "ipaddress",
    "operator",
    "struct",
    "types",
    "typing",
    "unicodedata",
}
# layer: (modules below snoop/, what it may import from snoop, what else it may import)
WIRE = {"snoop.wire"}
PROTO = WIRE | {"snoop.proto"}
TABLE = PROTO | {"snoop.table"}
FASTPATH = TABLE | {"snoop.fastpath", "snoop._native"}
CONFIG = PROTO | {"snoop.config", "snoop.printable"}
LINKS = {"snoop.links", "snoop.printable"}
RUNTIME = FASTPATH - {"snoop._native"} | CONFIG | LINKS | {"snoop.runtime"}
CONTROL = RUNTIME | {"snoop.control", "snoop.__version__"}
DAEMON = CONTROL | {"snoop.daemon", "snoop.parent", "snoop.cli.findings"}  # what `check` looks for
CLIENT = {"snoop.control.client", "snoop.control.sockets", "snoop.control.kinds"}
SWITCH = CLIENT | {"snoop.switch", "snoop.namespace", "snoop.config.toml", "snoop.waiting"}
CONTAINERS = CLIENT | {
    "snoop.containers",
    "snoop.namespace",
    "snoop.links.addresses",
    "snoop.links.pairs",
    "snoop.links.rtnetlink",
    "snoop.printable",
    "snoop.waiting",
}
# A client of the sockets, that looks for what `check` looks for.
WEB = CLIENT | {
    "snoop.web",
    "snoop.control",
    "snoop.cli.findings",
    "snoop.cli.summary",
    "snoop.runtime.fanout",
}
LAB = SWITCH | {"snoop.Switch", "snoop.cli.main", "snoop.lab"}  # above all of it
ROOMS = {
    "snoop.config": CONFIG,
    "snoop.links": LINKS,
    "snoop.runtime": RUNTIME,
    "snoop.control": CONTROL,
    "snoop.daemon": DAEMON,
}
NEVER_PURE = {"time", "asyncio", "threading", "socket", "os", "random", "logging", "cffi"}
NEVER_RUNTIME = {"click", "rich", "scapy", "snoop._native", "snoop.cli"}
PLACES = {
    "scapy": {"snoop.cli", "snoop.lab.frames", "snoop.lab.frames_ipv6"},
    "pyroute2": {"snoop.lab"},
    "click": {"snoop.cli"},
    "rich": set(),  # the bench's
    "prometheus_client": {
        "snoop.control.metrics",
        "snoop.control.metered",
        "snoop.control.exposition",
        "snoop.web.metrics",
    },
    "snoop._native": {"snoop.fastpath"},
    "aiohttp": {"snoop.containers.docker_server", "snoop.web.server", "snoop.web.guarding"},
    "pytest": {"snoop.lab.plugin"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names of what a file imports; `from a import b` counts as a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def circles(files: dict[str, Path]) -> list[list[str]]:
    """Groups of modules that import each other, wherever in the file the import stands."""
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        found = imports(path)
        wanted = found | {n.rpartition(".")[0] for n in found - files.keys()}
        graph[name] = (wanted & files.keys()) - {name}
    while True:  # what imports nothing of the rest is in no circle, nor what nothing imports
        used = set().union(*graph.values()) if graph else set()
        done = {name for name, wanted in graph.items() if not wanted or name not in used}
        if not done:
            return [sorted(graph)] if graph else []
        graph = {name: wanted - done for name, wanted in graph.items() if name not in done}


def within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def ours(names: Collection[str]) -> set[str]:
    return {name for name in names if within(name, {"snoop"})}


MODULES = list(modules())
IDS = [name for name, _ in MODULES]


@pytest.mark.parametrize(("name", "path"), MODULES, ids=IDS)
def test_module_imports_only_what_its_layer_may(name: str, path: Path) -> None:
    """snoop/README.md, Layers: each imports the ones below it, and what the table lists."""
    names = imports(path)
    foreign = names - ours(names)
    if within(name, {"snoop.wire", "snoop.proto", "snoop.table"}):
        layer = {"wire": WIRE, "proto": PROTO, "table": TABLE}[name.split(".")[1]]
        assert {n for n in ours(names) if not within(n, layer)} == set()
        assert {n for n in foreign if within(n, NEVER_PURE)} == set()
        assert {n for n in foreign if not within(n, PURE | {"heapq"})} == set()
    elif within(name, {"snoop.fastpath"}):
        assert {n for n in ours(names) if not within(n, FASTPATH)} == set()
        assert {n for n in foreign if within(n, {"asyncio"})} == set()
    elif within(name, ROOMS.keys()):
        layer = ROOMS[".".join(name.split(".")[:2])]
        assert {n for n in ours(names) if not within(n, layer)} == set()
        never = {n for n in names if within(n, NEVER_RUNTIME)}
        assert {n for n in never if not within(n, layer)} == set()
    elif within(name, {"snoop.cli"}):
        # Layers 0 to 3 stay out of the command line: it asks the daemon.
        low = {"snoop.proto", "snoop.table", "snoop.fastpath", "snoop._native"}
        assert {n for n in ours(names) if within(n, low)} == set()
    elif within(name, {"snoop.web"}):
        assert {n for n in ours(names) if not within(n, WEB)} == set()
        assert {n for n in names if within(n, {"click", "snoop._native"})} == set()
    elif within(name, {"snoop.containers"}):
        assert {n for n in ours(names) if not within(n, CONTAINERS)} == set()
    elif within(name, {"snoop.switch", "snoop.lab"}):
        layer = LAB if within(name, {"snoop.lab"}) else SWITCH
        assert {n for n in ours(names) if not within(n, layer)} == set()
    if not within(name, {"snoop.lab"}):
        assert {n for n in ours(names) if within(n, {"snoop.lab"})} == set()


BESIDE = [ROOT.parent / "netns-lab" / name for name in ("testbed", "benchmark")]
PACKAGES = [path.parent for top in (ROOT, *BESIDE) for path in sorted(top.rglob("__init__.py"))]


@pytest.mark.parametrize("package", PACKAGES, ids=[path.name for path in PACKAGES])
def test_a_package_names_its_rooms(package: Path) -> None:
    """What a newcomer reads first: each module and package in it, in its `__init__`."""
    rooms = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    said = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    assert rooms - {"__init__"} <= set(re.findall(r"`(\w+)`", said))


def test_no_import_circle() -> None:
    """In the whole repository; also none hidden in a function or under TYPE_CHECKING."""
    beside = {
        ".".join(part for part in parts if part != "__init__"): path
        for top in (ROOT.parent / "tests", ROOT.parent / "netns-lab")
        for path in sorted(top.rglob("*.py"))
        for parts in (path.relative_to(top).with_suffix("").parts,)
    }
    assert circles(dict(MODULES)) == []
    assert circles(beside) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    """The test above would pass on anything that finds none."""
    (tmp_path / "a.py").write_text("def f() -> None:\n    import b\n")
    (tmp_path / "b.py").write_text("from c import x\n")
    (tmp_path / "c.py").write_text("import a\n")
    (tmp_path / "d.py").write_text("import a\n")
    files = {path.stem: path for path in tmp_path.glob("*.py")}
    assert circles(files) == [["a", "b", "c"]]


@pytest.mark.parametrize(("name", "path"), MODULES, ids=IDS)
def test_each_dependency_has_one_place(name: str, path: Path) -> None:
    """One place for click and the binding, none for rich; the lab has its own scapy, pyroute2."""
    for dependency, places in PLACES.items():
        used = {n for n in imports(path) if within(n, {dependency})}
        assert not used or within(name, places), f"{name} imports {used}"


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    """`snoop show mdb --json` must not wait for imports it does not use."""
    import subprocess

    code = (
        "import sys, snoop.cli.main, snoop.cli.show;"
        "print([m for m in ('rich','scapy','pyroute2','msgspec','asyncio','prometheus_client',"
        "'aiohttp','snoop._native') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plugin_costs_a_test_run_nothing() -> None:
    """pytest imports it wherever the wheel is installed, whether or not a test has use for it."""
    import subprocess

    code = (
        "import pytest, sys; before = set(sys.modules); import snoop.lab.plugin;"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["snoop", "snoop.lab", "snoop.lab.plugin"])


def test_the_walk_finds_the_layers() -> None:
    """The tests above would pass on an empty package."""
    layers = ("wire", "proto", "table", "config", "links", "runtime", "control", "cli", "lab")
    for layer in (*layers, "containers", "web"):
        assert sum(within(name, {f"snoop.{layer}"}) for name in IDS) > 1, layer


CLOCKS = {"time", "datetime", "sched", "waiting"}
UNIT_TESTS = sorted(Path(__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", UNIT_TESTS, ids=[path.stem for path in UNIT_TESTS])
def test_unit_tests_read_no_clock_and_sleep_not(path: Path) -> None:
    """Time is handed in; what has to wait for a real switch is in tests/netns."""
    clocks = {name for name in imports(path) if within(name, CLOCKS)}
    assert clocks <= {"time.thread_time"}  # what it cost the processor, whatever else runs
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call):
            name = ast.unparse(call.func).rpartition(".")[2]
            assert name not in ("time", "monotonic"), call.lineno
            assert name != "sleep" or [ast.unparse(each) for each in call.args] == ["0"], (
                call.lineno
            )
