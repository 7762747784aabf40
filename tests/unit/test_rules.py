"""The page of rules: every id that is cited is on it, every rule on it is cited or says why not."""

import re
from functools import cache

import pytest

from snoop.config import schema
from unit.rules import LAB, PAGE, PRODUCT, PROSE, TESTS, Rule, cited, files, lines, places
from unit.rules import rules as rows
from unit.rules import sections as cited_sections

RULES = {rule.id: rule for rule in rows() if not rule.id.startswith("D-")}
DECISIONS = [rule for rule in rows() if rule.id.startswith("D-")]


# Books and places that are not in the repository.
ELSEWHERE = re.compile(
    r"\b(?:design|findings|interface|style)(?: ?§| section \d)"
    r"|\bdesign \d|\.\./[s]hared",
    re.IGNORECASE,
)


@cache
def places_of(*patterns: str) -> dict[str, list[str]]:
    return places(*patterns)


def test_every_line_of_a_table_is_a_rule() -> None:
    """A row that is not read would be held to nothing."""
    assert len(lines()) == len(rows())


def test_no_rule_stands_twice() -> None:
    known = [rule.id for rule in rows()]
    assert not {one for one in known if known.count(one) > 1}


def test_every_rule_is_one_sentence_with_its_source() -> None:
    for rule in RULES.values():
        assert rule.text.endswith("."), rule.id
        assert rule.source, rule.id


def test_every_cited_rule_exists() -> None:
    where = places_of(*PRODUCT, *TESTS, *LAB, *PROSE)
    unknown = {one: where[one] for one in where.keys() - {rule.id for rule in rows()}}
    assert not unknown, f"not in {PAGE.name}: {unknown}"


def test_every_rule_named_on_the_page_exists() -> None:
    """Sources, decisions and "as X-1"; the page's own examples are real too."""
    assert cited(PAGE.read_text()) - {rule.id for rule in rows()} <= {"X-1", "SAY-1"}


def test_every_cited_section_exists() -> None:
    """The page has a section 3.4 if "spec 3.4" is cited."""
    known = set(re.findall(r"^#+ (\d+(?:\.\d+)?)", PAGE.read_text(), re.MULTILINE))
    for path in files(*PRODUCT, *TESTS, *LAB, *PROSE):
        missing = cited_sections(path.read_text()) - known
        assert not missing or path.name == "test_readme_table.py", (path, missing)


def test_nothing_cites_a_book_that_is_not_in_the_house() -> None:
    """Every page that is named exists, and nobody sends the reader elsewhere."""
    pages = {path.name for path in files(*PROSE)} | {PAGE.name}
    elsewhere = {}
    for path in files(*PRODUCT, *TESTS, *LAB, *PROSE):
        text = path.read_text()
        named = set(re.findall(r"[\w-]+\.md\b", text)) - pages | set(ELSEWHERE.findall(text))
        if named:
            elsewhere[path.relative_to(PAGE.parents[1])] = named
    assert not elsewhere, "cite a rule, or say it there"


def complaint(rule: Rule) -> str | None:
    """What is untrue of a row's last cell."""
    product, tests, lab = (places_of(*group).get(rule.id) for group in (PRODUCT, TESTS, LAB))
    how, _, reason = rule.kept.partition(":")
    finding = rule.id.startswith(("F-", "N-", "SAY-"))
    match how.split():
        case [] if finding and tests:
            return None
        case []:
            return None if product else "no line of snoop/ or native/ cites it: say how it is kept"
        case ["tests"] if product:
            return f"cited by {product[0]}: leave the cell empty"
        case ["tests"]:
            return None if tests else "no test cites it"
        case ["bench"]:
            return None if lab else "nothing in netns-lab cites it"
        case ["as", other]:
            return None if other in RULES and RULES[other].kept in ("", "tests") else "as what?"
        case ["part"]:
            return None if reason and (product or tests) else "no part of it is cited"
        case ["no"] if product:
            return f"cited by {product[0]}: is it done?"
        case ["no"]:
            return None if reason else "why not?"
        case ["fact"]:
            return None
        case ["open"] if finding:
            return None
    return f"{rule.kept!r} is no word of the page"


def test_every_rule_is_kept_as_its_row_says() -> None:
    """Cited by the product, or the row says what else."""
    untrue = {rule.id: said for rule in RULES.values() if (said := complaint(rule))}
    assert not untrue


def test_a_decision_names_its_rule_and_its_key() -> None:
    for decision in DECISIONS:
        named = re.findall(r"`(\w+)\.(\w+)`", decision.kept)
        assert named or decision.kept == "–", decision.id
        assert cited(decision.source) or named, decision.id
        for table, key in named:
            assert key in getattr(schema, f"{table.title()}Table").__struct_fields__, decision.id


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("what routers hear (SNOOP-1, 3, 4): not hosts", {"SNOOP-1", "SNOOP-3", "SNOOP-4"}),
        ("SM-20..22, 28, 29).", {"SM-20", "SM-21", "SM-22", "SM-28", "SM-29"}),
        ("SM-12 to SM-20", {"SM-12", "SM-20"}),
        ("W-20 to 22.", {"W-20", "W-21", "W-22"}),
        ("SM-68 and SM-69", {"SM-68", "SM-69"}),
        ("SM-23, TM-8: at 0 and 1 s", {"SM-23", "TM-8"}),
        ("TM-10, 2 s; BM-5/6 `latency`, SM-20/SM-21", {"TM-10", "BM-5", "BM-6", "SM-20", "SM-21"}),
        ("SNOOP-42 and 224.0.0.0/24, VLAN-1, 10.0.0.1", {"SNOOP-42", "VLAN-1"}),
        ("CVE-1, UTF-8, ISO-8859-1, RFC-1, X-W-1, W-1-2, N-th", set()),
    ],
)
def test_ids_are_read_out_of_text(text: str, found: set[str]) -> None:
    assert cited(text, ["SM-21", "W-21"]) == found
