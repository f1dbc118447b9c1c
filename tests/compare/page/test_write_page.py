import json
import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gwbricks.compare.comparison import compare
from gwbricks.compare.curves import Curve
from gwbricks.compare.page import curves as page_curves, pictures as page_pictures
from gwbricks.compare.page.curves import curve_data
from gwbricks.compare.page.data import page_data
from gwbricks.compare.page.pictures import Album, LARGEST, WIDEST
from gwbricks.compare.page.write_page import SCRIPTS, write_page
from gwbricks.compare.run import ComparedRun

Make = Callable[..., ComparedRun]
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\u2028'\""


def written(tmp_path: Path, *runs: ComparedRun, title: str = "sweep") -> str:
    path = tmp_path / "page.html"
    write_page(compare(title, runs), path)
    return path.read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_names_values_and_errors_stay_text(make_run: Make, tmp_path: Path) -> None:
    runs = [
        make_run({EVIL: value, "lr": value}, name=EVIL, error=EVIL, numbers={EVIL: 1.0})
        for value in (EVIL, 1)
    ]
    page = written(tmp_path, *runs, title=EVIL)
    assert page.count("<script") == 2
    assert "<img src=x" not in page
    assert "&lt;/script&gt;" in page
    data = data_of(page)
    assert data["title"] == data["runs"][0]["name"] == data["runs"][0]["error"] == EVIL


def test_no_script_but_its_own_runs(make_run: Make, tmp_path: Path) -> None:
    page = written(tmp_path, make_run({}))
    policy = re.search(r'Content-Security-Policy" content="(.*?)">', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    for kind, text in re.findall(r"<(script|style)>(.*?)</\1>", page, re.S):
        hashed = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{hashed}'" in policy[1]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_every_script_is_in_the_page() -> None:
    folder = Path(write_page.__code__.co_filename).parent / "assets"
    assert sorted(SCRIPTS) == sorted(path.stem for path in folder.glob("*.js"))


def test_data_is_what_the_table_shows(make_run: Make) -> None:
    runs = [
        make_run({"seed": seed, "lr": lr}, numbers={"test/loss": seed + lr})
        for lr in (2.0, 1.0)
        for seed in (0, 1)
    ]
    data = page_data(compare("sweep", runs))
    assert [row["values"] for row in data["rows"]] == [[1.0], [2.0]]
    assert data["metrics"] == [["test/loss", "min"]]
    assert data["rows"][0]["averages"] == {0: [1.5, 0.7071068, 2]}
    assert data["rows"][0]["runs"] == [2, 3]
    assert data["config"]["shared"] == {}
    assert data["config"]["differing"]["lr"] == [["2", "1"], [0, 0, 1, 1]]


def test_what_is_no_number_for_json_is_null(make_run: Make, tmp_path: Path) -> None:
    curve = Curve(np.arange(2.0), np.array([np.nan, 1.0]))
    run = make_run({"a": np.inf}, numbers={"x": np.nan}, curves={"x": curve})
    data = data_of(written(tmp_path, run))
    assert data["runs"][0]["numbers"] == {"0": None}
    assert data["curves"]["byName"]["x"]["0"][1] == [None, 1]


def test_curves_share_their_steps(make_run: Make) -> None:
    curve = Curve(np.arange(3.0), np.array([1.23456, 2, 3]))
    data = curve_data(
        [make_run({}, curves={"a": curve}), make_run({}, curves={"a": curve})], []
    )
    assert data["steps"] == [(0, 1, 2)]
    assert data["byName"]["a"] == {0: [0, [1.235, 2, 3]], 1: [0, [1.235, 2, 3]]}


def test_too_many_curves_leave_routes_out(
    make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_curves, "MOST_POINTS", 9)
    curve = Curve(np.arange(3.0), np.zeros(3))
    names = ["val/cycles/v-to-t", "val/cycles", "val/r2", "val/loss"]
    run = make_run({}, curves=dict.fromkeys(names, curve))
    data = curve_data([run], ["val/r2"])
    assert list(data["byName"]) == ["val/r2", "val/loss", "val/cycles"]
    assert data["leftOut"] == 1


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A picture that is too large for a page."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(pixels).save(path)
    assert path.stat().st_size > LARGEST
    return path


def test_equal_pictures_are_kept_once(make_run: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.svg").write_text("<svg/>")
    runs = [
        make_run({}, pictures={"graph.svg": tmp_path / f"{n}.svg"}) for n in ("a", "b")
    ]
    album = Album(runs)
    assert album.places == {"graph.svg": {0: 0, 1: 0}}
    assert album.images == ["data:image/svg+xml;base64,PHN2Zy8+"]


def test_a_large_picture_is_made_smaller(make_run: Make, noise: Path) -> None:
    (image,) = Album([make_run({}, pictures={"a.png": noise})]).images
    assert image.startswith("data:image/webp;base64,")
    assert len(image) < noise.stat().st_size / 4
    assert WIDEST < 900


def test_pictures_beyond_the_room_are_counted(
    make_run: Make, noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_pictures, "MOST_BYTES", 100)
    (tmp_path / "damaged.png").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / "small.svg").write_text("<svg/>")
    pictures = {
        "a.png": noise,
        "b.png": tmp_path / "damaged.png",
        "c.png": tmp_path / "gone.png",
        "d.svg": tmp_path / "small.svg",
    }
    album = Album([make_run({}, pictures=pictures)])
    assert (album.num_left_out, list(album.places)) == (3, ["d.svg"])
