from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the browser tests need selenium from the dev extra")

from selenium.webdriver.common.keys import Keys

from serving.app import Config, create_app
from serving.assembly import assemble
from serving.bundle import Bundle
from serving.metrics import Metrics
from serving.service import Service
from serving.store.store import Store
from tests.serving.running import running
from tests.serving.web.browser import Browser, browsing, needs_browser

pytestmark = [pytest.mark.browser, needs_browser]

RULES: dict[str, dict[str, list[str]]] = {"dark": {}, "light": {"runOnly": ["color-contrast"]}}
"""Options of axe by the colours preferred; the second colours change nothing but colours."""
OPENERS = {
    ".card": "#title",
    "#controls-opener": "#controls",
    "#viewer-opener": "#viewers",
    "#profile-opener": "#profile",
    "#engineer-opener": "#engineer",
}
"""What a control opens, each a part of the page for axe."""
STANDS_STILL = """
const moves = (each) => each.playState === "running" && Number.isFinite(each.effect.getComputedTiming().endTime);
return !document.getAnimations().some(moves);
"""
"""What still fades in has other colours than what can be read."""

RUN_AXE = """
const [part, options, done] = arguments;
axe.run(part, { resultTypes: ["violations"], ...options }).then(done);
"""
WIDTHS = (320, 390, 768, 1280, 1920, 2560, 3840)


@pytest.fixture(scope="module")
def service(
    tiny_bundle: Bundle, bundle_without_ranker: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A server's inside, with a second model to compare with."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('live') / 'live.sqlite'}")
    other = Service(assemble(bundle_without_ranker), Metrics(), store)
    service = Service(assemble(tiny_bundle), Metrics(), store, [other])
    yield service
    service.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def window(service: Service, pictures: Path) -> Iterator[Browser]:
    with running(create_app(service)) as client, browsing(str(client.base_url).rstrip("/"), pictures) as browser:
        yield browser


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """A window of ordinary size; whatever a test does, the console stays silent."""
    window.look(1280, 900)
    window.complaints()
    yield window
    assert window.complaints() == []


def test_a_new_viewer_is_asked_plays_leaves_refuses_and_moves_in_time(browser: Browser, service: Service) -> None:
    browser.visit()
    assert browser.one("#onboarding h2").is_displayed()
    browser.picture("new-viewer")
    browser.click(".ask .like")
    browser.told("You love")
    assert "1 answer" in browser.one("#onboarding .count").text
    browser.picture("after-one-answer")
    browser.click("#onboarding [data-key='onboarding|done']")

    browser.click("#billboard .button.first")
    browser.until(lambda: browser.all("#title[open].is-playing"))
    browser.picture("playing")
    browser.click("#title [data-act='abandon']")
    browser.told("You left after a few minutes of")
    browser.picture("abandoned")

    refused = browser.titles()[0]
    browser.click(".card")
    browser.picture("title")
    browser.click("#title [data-act='notInterested']")
    browser.told("Not interested in")
    assert refused not in browser.titles()
    browser.picture("not-interested")

    browser.run("arguments[0].focus()", browser.one("#hour"))
    browser.press(Keys.END)
    browser.told("23:00")
    browser.picture("late")
    browser.click("#device option[value='tv']")
    browser.told("Television")
    browser.picture("television")
    assert {"play", "stop", "not_interested", "impression"} <= kinds(service, viewer(browser))


def test_finishing_and_thumbs_and_lists_are_sent_and_forgotten_again(browser: Browser, service: Service) -> None:
    browser.visit()
    browser.click(".card")
    browser.click("#title [data-act='thumbUp']")
    browser.told("You like")
    browser.click("#title [data-act='add']")
    browser.told("On your list")
    browser.click("#title [data-act='remove']")
    browser.told("Off your list")
    browser.click("#title [data-act='play']")
    browser.until(lambda: browser.all("#title.is-playing"))
    browser.click("#title [data-act='finish']")
    browser.told("You finished")
    assert {"thumb_up", "list_add", "list_remove", "play", "complete"} <= kinds(service, viewer(browser))
    browser.click("#controls-opener")
    browser.until(lambda: browser.all("#controls[open] .danger"))
    browser.click("#controls .danger")
    browser.told("forgotten")


def test_another_viewer_has_another_page(browser: Browser) -> None:
    browser.visit()
    before = browser.titles()
    browser.click("#viewer-opener")
    browser.until(lambda: browser.all("#viewers .person"))
    browser.run("arguments[0].click()", browser.all("#viewers .person")[-1])
    browser.until(lambda: viewer(browser).startswith("viewer-"))
    browser.settle()
    browser.until(lambda: browser.titles() != before)
    assert not browser.one("#onboarding").is_displayed()


def test_controls_are_kept_and_obeyed(browser: Browser) -> None:
    browser.visit("?viewer=viewer-003")
    browser.click("#controls-opener")
    browser.until(lambda: browser.all("#controls[open] .chip"))
    browser.run("arguments[0].click()", browser.one("#controls [value='Drama']"))
    browser.click("#controls .button.first")
    browser.told("Your controls are saved")
    assert not [card for card in browser.all(".card .mark") if card.text == "DRAMA"]
    browser.click("#controls-opener")
    browser.until(lambda: browser.all("#controls[open] [value='Drama']:checked"))
    browser.press(Keys.ESCAPE)


def test_a_blocked_title_leaves_the_page_and_another_its_row(browser: Browser) -> None:
    browser.visit("?viewer=viewer-004")
    blocked = browser.titles()[0]
    browser.click(".card")
    browser.click("#title [data-act='block']")
    browser.told("is never shown again")
    assert blocked not in browser.titles()
    card = browser.all(".card")[1]
    row, taken = card.get_attribute("data-row"), card.get_attribute("data-item")
    card.click()
    browser.click("#title [data-act='removeFromRow']")
    browser.told("is out of")
    assert not browser.all(f".card[data-row='{row}'][data-item='{taken}']")


def test_the_profile_speaks_in_sentences(browser: Browser) -> None:
    browser.visit("?viewer=viewer-003")
    browser.click("#profile-opener")
    browser.until(lambda: browser.all("#profile[open] li, #profile[open] p"))
    browser.picture("profile")
    browser.press(Keys.ESCAPE)


def test_keys_go_over_the_page_and_focus_outlives_a_new_one(browser: Browser) -> None:
    browser.visit("?viewer=viewer-003")
    first = browser.one(".card")
    browser.run("arguments[0].focus()", first)
    browser.press(Keys.ARROW_RIGHT)
    assert focused(browser) == browser.titles()[1]
    assert len(browser.all(".row:first-child .card[tabindex='0']")) == 1
    browser.press(Keys.ARROW_DOWN)
    assert browser.run("return document.activeElement.closest('.row') === document.querySelectorAll('.row')[1]")
    browser.press(Keys.HOME)
    key = browser.run("return document.activeElement.dataset.key")
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.all("#title[open]"))
    browser.press(Keys.ESCAPE)
    assert browser.run("return document.activeElement.dataset.key") == key
    browser.run(
        "const hour = arguments[0]; hour.stepUp(); hour.dispatchEvent(new Event('change'))", browser.one("#hour")
    )
    browser.told(":00")
    assert browser.run("return document.activeElement.dataset.key") is not None


def test_data_is_never_read_as_markup(browser: Browser) -> None:
    name = "<img src=x onerror=alert(1)>"
    browser.visit(f"?viewer={name}")
    assert browser.one(".viewer-name").text.endswith(name)
    assert not browser.all("img")


def test_the_panel_shows_stages_scores_and_two_models_side_by_side(browser: Browser, service: Service) -> None:
    browser.look(1600, 1000)
    browser.visit("?viewer=viewer-003")
    browser.click("#engineer-opener")
    assert len(browser.all("#engineer .stages tbody tr")) > 1
    assert len(browser.all("#engineer .rows tbody tr")) == len(browser.all("#rows > .row"))
    assert "score" in browser.one(".card .figures").text
    browser.run("arguments[0].click()", browser.one(".compare button"))
    browser.until(lambda: len(browser.all(".columns section li")) > 2)
    versions = [node.get_attribute("title") for node in browser.all(".columns h4 .small")]
    assert versions == [service.model_version, service.others[0].model_version]
    browser.picture("panel")
    browser.press(Keys.TAB)
    browser.click("#engineer .round")
    assert not browser.one("#engineer").is_displayed()


def test_a_server_with_a_key_and_without_a_store_is_looked_at_too(browser: Browser, tiny_bundle: Bundle) -> None:
    service = Service(assemble(tiny_bundle), Metrics())
    with running(create_app(service, Config(api_key="open sesame"))) as client:
        browser.driver.get(str(client.base_url))
        browser.until(lambda: browser.all("#key"))
        browser.one("#key").send_keys("open sesame", Keys.ENTER)
        browser.settle()
        browser.click("#billboard .button.first")
        browser.told("did not reach the server")
        browser.click("#device option[value='tv']")
        browser.told("Television")
    assert all("status of 401" in complaint or "status of 503" in complaint for complaint in browser.complaints())


def test_no_width_makes_the_page_scroll_sideways(browser: Browser) -> None:
    browser.visit("?viewer=viewer-003")
    for width in WIDTHS:
        browser.look(width, 900)
        assert browser.run("return document.documentElement.scrollWidth") <= width, width
        browser.picture(f"width-{width}")


@pytest.mark.parametrize("scheme", RULES)
def test_axe_finds_nothing_serious(browser: Browser, scheme: str) -> None:
    browser.look(1280, 900, scheme)
    browser.visit()
    assert serious(browser, "html", RULES[scheme]) == []
    for opener, part in OPENERS.items():
        browser.click(opener)
        browser.until(partial(browser.all, f"{part} :is(.card, .chip, .person, li, table)"))
        assert serious(browser, part, RULES[scheme]) == [], part
        browser.press(Keys.ESCAPE)


def test_axe_would_find_a_button_without_a_name(browser: Browser) -> None:
    browser.visit()
    browser.run("document.querySelector('#foot').append(document.createElement('button'))")
    assert [found for found in serious(browser, "#foot", {}) if found.startswith("button-name")]


def serious(browser: Browser, part: str, options: dict[str, list[str]]) -> list[str]:
    """What axe finds in a part of the page and calls serious or critical, with the nodes."""
    if not browser.run("return 'axe' in window"):
        browser.run(resources.files("selenium_axe_python").joinpath("axe-core/axe.min.js").read_text())
    browser.until(lambda: browser.run(STANDS_STILL))
    return [
        f"{found['id']}: {json.dumps([node['html'][:200] for node in found['nodes']][:4])}"
        for found in browser.driver.execute_async_script(RUN_AXE, part, options)["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def viewer(browser: Browser) -> str:
    found: dict[str, Any] = json.loads(browser.run("return localStorage.getItem('marquee')"))
    return str(found["userId"])


def focused(browser: Browser) -> str:
    return str(browser.run("return document.activeElement.dataset.item"))


def kinds(service: Service, user_id: str) -> set[str]:
    """Types of the viewer's events in the store."""
    assert service.store is not None
    return {str(event.event) for event in service.store.events.of(user_id)}
