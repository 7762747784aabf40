"""The table of `tests/README.md`: complete, and true of the tests it names."""

import re

import pytest

from unit.spec_ids import IDEAS, TITLE, cited, proofs, section, sentences, table

OPEN = "Open"


def test_every_idea_has_a_sentence() -> None:
    said = sentences()
    assert said.keys() == IDEAS
    assert all(text.endswith(".") and len(text) > 15 for text in said.values())


def test_every_idea_has_a_test_or_is_open() -> None:
    missing = IDEAS - named().keys() - section(OPEN).keys()
    assert not missing, sorted(missing)


def named() -> dict[int, list[str]]:
    """The tests that the table names for each idea that has any."""
    rows = {idea: re.findall(r"`([^`]+::[^`]+)`", row) for idea, row in section(TITLE).items()}
    return {idea: tests for idea, tests in rows.items() if tests}


def test_the_table_can_be_written_anew() -> None:
    """What `spec_ids.py` writes keeps every sentence."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \| ", table(), re.MULTILINE)
    assert {int(idea): text for idea, text in rows} == sentences()


def test_every_named_test_exists_and_names_the_idea_itself() -> None:
    known = dict(proofs())
    for idea, tests in named().items():
        for name in tests:
            assert name in known, f"idea {idea}: there is no {name}"
            assert idea in known[name], f"the docstring of {name} does not name idea {idea}"


def test_what_is_open_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    rows = section(OPEN)
    with capsys.disabled():
        for idea, why in rows.items():
            print(f"\nopen: idea {idea}: {why}", end="")
    assert all(len(why) > 20 for why in rows.values())


@pytest.mark.parametrize(
    ("docstring", "ideas"),
    [
        ("Idea 31: EXCLUDE{} with GMI.", {31}),
        ("Ideas 21 and 22: W-26.", {21, 22}),
        ("SM-26: spec 47-49, B-2.", {47, 48, 49}),
        ("Spec 31, 140, SM-40: 12 hosts.", {31, 140}),
        ("Spec 63 and section 3.1.", {63}),
        ("spec 3.2, spec 1.10, spec 10.5, 20 seconds", set()),
    ],
)
def test_ideas_are_read_out_of_docstrings(docstring: str, ideas: set[int]) -> None:
    assert cited(docstring) == ideas
