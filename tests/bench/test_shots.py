"""How the pictures of the docs are taken: every one that the docs show is in the table, and is kept small."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from bench import shots
from launch import environment

MOST_BYTES = 120 * 1024
SHOWN = re.compile(r"images/([\w-]+\.png)")


def shown() -> set[str]:
    pages = [environment.ROOT / "README.md", *(environment.ROOT / "docs").glob("*.md")]
    return {name for page in pages for name in SHOWN.findall(page.read_text())}


def test_the_docs_show_every_picture_and_no_other() -> None:
    kept = {path.name for path in shots.IMAGES.glob("*.png")}
    assert shown() == kept == {f"{shot.name}.png" for shot in shots.SHOTS}


@pytest.mark.parametrize("picture", sorted(shots.IMAGES.glob("*.png")), ids=lambda path: path.name)
def test_a_picture_is_small(picture: Path) -> None:
    assert picture.stat().st_size <= MOST_BYTES


def test_a_picture_is_kept_in_a_page_s_own_colours() -> None:
    page = Image.linear_gradient("L").resize((600, 400)).convert("RGB")
    page.paste((10, 110, 130), (0, 0, 300, 200))
    taken = io.BytesIO()
    page.save(taken, "PNG")
    kept = shots.small(taken.getvalue())
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (600, 400))
        red, green, blue = picture.convert("RGB").getpixel((5, 5))
    assert max(abs(red - 10), abs(green - 110), abs(blue - 130)) <= 2


def test_an_unknown_picture_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        shots.main(["nothing"])
    assert exit_.value.code == 2
    assert "no picture nothing" in capsys.readouterr().err


def test_without_a_running_service_it_says_what_to_start(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert shots.main([]) == 1
    assert "EXTRA_APPS=bench.shop bin/up" in capsys.readouterr().err
