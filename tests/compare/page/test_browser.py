"""The page in headless Chromium, opened from a file, without a network."""

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gwbricks.compare.report import report

Write = Callable[..., Path]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
EVIL = "<img src=x onerror=document.title='evil'>"
MOST_SECONDS = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="no chromium and chromedriver: apt-get install chromium chromium-driver",
    ),
]


def synthetic(run_folder: Write) -> Path:
    """200 runs: 5 rates, 4 sizes, 2 fusions and 5 seeds; one failed, one goes on."""
    generator = np.random.default_rng(0)
    settings = product((1e-4, 3e-4, 1e-3, 3e-3, 1e-2), (4, 8, 16, 32), ("mean", EVIL))
    folders = []
    for (lr, dim, fusion), seed in product(settings, range(5)):
        job = len(folders)
        error = abs(np.log10(lr) + 2.5) + 4 / dim + 0.05 * generator.normal()
        steps = np.arange(500)
        curve = (
            error + 3 * np.exp(-steps / 80) + 0.02 * generator.normal(size=500)
        ).round(5)
        curves = {f"{s}/loss": curve for s in ("train", "val")}
        curves |= {f"val/part{n}": curve + n for n in range(18)}
        config = {
            "optimizer": {"_target_": "torch.optim.AdamW", "lr": lr},
            "workspace": {"dim": dim, "fusion": fusion},
            "domains": {
                f"d{n}": {"encoder": {"out_dim": dim}, "size": n} for n in range(40)
            },
            "seed": seed,
        }
        numbers = {
            "val": {"loss": error},
            "test": {"loss": error, "accuracy": 1 / (1 + error)},
        }
        status = {7: "failed", 8: "running"}.get(job, "finished")
        folders.append(
            run_folder(
                f"sweeps/many/{job:03}",
                config,
                numbers if status == "finished" else None,
                curves,
                status,
                error=EVIL if status == "failed" else None,
            )
        )
    (folders[0] / "pictures").mkdir()
    Image.new("RGB", (64, 48), "teal").save(folders[0] / "pictures" / "map.png")
    return folders[0].parent


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("headless=new", "no-sandbox", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    options.add_argument("--window-size=1440,1200")
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = selenium.Chrome(options, selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


def rows_of(driver: Any) -> list[list[str]]:  # noqa: ANN401
    script = """
        return [...document.querySelectorAll("#table tr[data-row]")].map((row) =>
            [...row.cells].slice(1).map((cell) => cell.textContent.trim()));
    """
    return driver.execute_script(script)


def settle(driver: Any) -> None:  # noqa: ANN401
    """Waits until the page has drawn."""
    driver.execute_async_script(
        "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    )


def type_filter(driver: Any, text: str) -> list[list[str]]:  # noqa: ANN401
    field = driver.find_element("id", "filter")
    field.clear()
    field.send_keys(text)
    settle(driver)
    return rows_of(driver)


def test_page_of_200_runs(driver: Any, run_folder: Write) -> None:  # noqa: ANN401
    folder = synthetic(run_folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ask = "import sys; from gwbricks.cli.main import main; main(sys.argv[1:]);"
    ask += "assert not {'torch', 'lightning', 'hydra', 'wandb'} & {*sys.modules}"
    done = subprocess.run(
        [sys.executable, "-c", ask, "compare", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < MOST_SECONDS  # whatever else runs
    assert "200 runs (198 finished, 1 running, 1 failed), 40 settings" in done.stdout

    driver.get((folder / "compare.html").as_uri())
    settle(driver)
    timing = "const [t] = performance.getEntriesByType('navigation'); return t.duration"
    assert driver.execute_script(timing) < 2_000
    assert driver.title == "many · gwbricks compare"
    rows = rows_of(driver)
    assert len(rows) == 40
    losses = [float(row[4].split(" ± ")[0]) for row in rows]
    assert losses == sorted(losses)
    _check_sorting(driver, rows)
    _check_filter(driver)
    _check_range(driver)
    _check_views(driver)
    assert driver.get_log("browser") == []
    assert _requests(driver) == []


def _check_sorting(driver: Any, rows: list[list[str]]) -> None:  # noqa: ANN401
    button = '[data-column="key:0"]'
    for flip in (False, True):
        driver.find_element("css selector", button).click()
        settle(driver)
        rates = [float(row[0]) for row in rows_of(driver)]
        assert rates == sorted((float(row[0]) for row in rows), reverse=flip)


def _check_filter(driver: Any) -> None:  # noqa: ANN401
    assert {row[0] for row in type_filter(driver, "lr>=0.003 dim=8")} == {
        "0.003",
        "0.01",
    }
    assert len(type_filter(driver, "failed")) == 1
    assert len(type_filter(driver, "onerror")) == 20
    assert len(type_filter(driver, "accuracy>2")) == 0
    assert driver.find_element("id", "count").text == "0 of 40"
    assert len(type_filter(driver, " ")) == 40


def _check_range(driver: Any) -> None:  # noqa: ANN401
    """Drags over the better half of the third axis, and lets go of it."""
    from selenium.webdriver import ActionChains

    axis = driver.find_elements("css selector", "#parallel .grip")[3]
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", axis)
    drag = ActionChains(driver).move_to_element(axis).click_and_hold()
    drag.move_by_offset(0, -120).release().perform()
    settle(driver)
    losses = [float(row[4].split(" ± ")[0]) for row in rows_of(driver)]
    assert 0 < len(losses) < 40
    assert max(losses) < 1.5
    driver.find_element("id", "clear").click()
    settle(driver)
    assert len(rows_of(driver)) == 40


def _check_views(driver: Any) -> None:  # noqa: ANN401
    def count(selector: str) -> int:
        return len(driver.find_elements("css selector", selector))

    assert count("#keys svg") == 3
    assert count("#keys g.dot") == 3 * 40
    assert count("#parallel path[data-row]") == 40
    assert count("#difference tbody tr") > 0
    assert count("#pictures figure") == 1
    drawn = """
        const sheet = document.querySelector("#curves canvas");
        const pen = sheet.getContext("2d");
        const pixels = pen.getImageData(0, 0, sheet.width, sheet.height);
        return pixels.data.some((value) => value > 0);
    """
    assert driver.execute_script(drawn)
    body = driver.find_element("css selector", "#table tr[data-row]")
    body.send_keys(" ")
    settle(driver)
    assert count('#table tr[aria-selected="true"]') == 1
    assert count("#keys .dot.front") == 3
    driver.switch_to.active_element.send_keys("\ue014")  # →
    settle(driver)
    assert count("#table tr.run") == 5
    driver.switch_to.active_element.send_keys("\ue00c")  # Esc
    settle(driver)
    assert count('#table tr[aria-selected="true"]') == 0
    assert driver.title == "many · gwbricks compare"
    assert count("img[src=x]") == 0


def _requests(driver: Any) -> list[str]:  # noqa: ANN401
    """Returns what the page asked for beyond itself."""
    messages = [
        json.loads(line["message"])["message"] for line in driver.get_log("performance")
    ]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith(("data:", "file:"))]


def test_page_of_one_run_without_numbers(
    driver: Any,  # noqa: ANN401
    run_folder: Write,
) -> None:
    folder = run_folder("one", {"seed": 0}, status="running")
    report([str(folder)])
    driver.get((folder / "compare.html").as_uri())
    settle(driver)
    assert len(rows_of(driver)) == 1
    assert driver.get_log("browser") == []
