"""The table of `tests/README.md`: complete, and true of the tests it names."""

import re

import pytest

from unit.spec_ids import IDEAS, cited, proofs, section

COVERED, OPEN = "The numbered test ideas", "Open"


def test_every_idea_is_in_the_table_or_open() -> None:
    missing = IDEAS - section(COVERED).keys() - section(OPEN).keys()
    assert not missing, sorted(missing)


def test_every_named_test_exists_and_names_the_idea_itself() -> None:
    known = dict(proofs())
    for idea, names in section(COVERED).items():
        mapped = re.findall(r"`([^`]+)`", names)
        assert mapped, f"idea {idea} names no test"
        for name in mapped:
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
