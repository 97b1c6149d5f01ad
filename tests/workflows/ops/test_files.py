"""What is in the repository is what the tables say."""

import pytest

from workflows.ops import files, rules


@pytest.mark.parametrize("path", sorted(files.everything()))
def test_the_file_is_as_it_is_made(path):
    assert (files.ROOT / path).read_text() == files.everything()[path], "write it with: bin/manage ops_files"


def test_no_other_file_lies_about():
    there = {str(path.relative_to(files.ROOT)) for path in (files.ROOT / "ops").rglob("*") if path.is_file()}
    assert there == set(files.made())


def test_a_page_without_the_place_of_a_table_is_refused():
    with pytest.raises(files.PageUnmarked, match="<!-- metrics -->"):
        files.page("# Metrics\n")


def test_a_table_is_made_anew_and_the_rest_of_the_page_stays():
    page = "a\n<!-- metrics -->\nleftover\n<!-- end -->\nb\n<!-- alerts -->\n<!-- end -->\nc\n"
    made = files.page(page)
    assert "leftover" not in made
    assert made.startswith("a\n<!-- metrics -->\n")
    assert "<!-- end -->\nb\n<!-- alerts -->" in made
    assert files.page(made) == made


def test_a_table_speaks_of_any_shard_and_any_process():
    assert [alert.summary_of_any for alert in rules.ALERTS if "{{" in alert.summary] == [
        "A shard has no pump",
        "A shard is more than a minute behind",
        "A process works with old flags and keys",
    ]
