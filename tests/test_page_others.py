"""The page in a browser with another vocabulary than the letters, and where keys are asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Playwright, expect

from tests.browser import (
    ANSWER_MS,
    judge_access,
    open_page,
    opened_browser,
    wait_for_model,
)
from tests.clips import counter_clip
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

KEY = "anna-0123456789abcdef"


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    with opened_browser(playwright, camera=None) as opened:
        yield opened


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("locked")
    with running_server(folder, bundle=tiny_bundle, api_keys=f"anna {KEY}") as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(counter_clip())
    return path


def test_any_vocabulary_is_ranked_and_practised(
    browser: Browser, server: Server, file: Path
) -> None:
    opened = open_page(browser, server.url)
    page = opened.page
    wait_for_model(page)
    assert page.locator("#about").inner_text() == "tiny-signs 1.0.0 knows 6 signs."
    hands = page.locator(".chart .letter").all_inner_texts()
    assert hands == ["A", "B", "C", "J", "Z"]  # no hand is drawn of THANK YOU
    page.set_input_files("#files", file)
    page.locator(".ranking li").nth(4).wait_for(timeout=ANSWER_MS)
    page.get_by_role("link", name="Practise").click()
    page.locator("#which").select_option("THANK YOU")
    assert page.locator("#view-practise .asked .first").inner_text() == "THANK YOU"
    assert page.locator("#view-practise .asked .hand").count() == 0
    assert page.locator("#hint").is_hidden()
    page.set_input_files("#files", file)
    page.locator("#view-practise .judged").wait_for(timeout=ANSWER_MS)
    assert "THANK YOU" in page.locator(".tally").inner_text()
    assert judge_access(page).violations == []
    assert opened.complaints == []


def test_a_key_is_asked_for_and_kept_by_the_tab_alone(
    browser: Browser, locked: Server, file: Path
) -> None:
    opened = open_page(browser, locked.url)
    page = opened.page
    page.get_by_label("Key", exact=True).fill("not the key that is wanted")
    assert judge_access(page).violations == []
    page.get_by_role("button", name="Use this key").click()
    expect(page.locator("#key-why")).to_have_text("That key is not known here. Try another.")
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use this key").click()
    wait_for_model(page)
    page.set_input_files("#files", file)
    page.locator(".ranking").wait_for(timeout=ANSWER_MS)
    assert page.evaluate("Object.values(localStorage).join()").count(KEY) == 0
    page.reload()  # the tab still has it
    wait_for_model(page)
    assert all("401" in said for said in opened.complaints)
    another = open_page(browser, locked.url)
    another.page.get_by_label("Key", exact=True).wait_for(timeout=ANSWER_MS)


def test_a_service_that_is_gone_is_told_in_words(
    browser: Browser, server: Server, file: Path
) -> None:
    opened = open_page(browser, server.url)
    page = opened.page
    wait_for_model(page)
    page.context.set_offline(True)
    page.set_input_files("#files", file)
    expect(page.locator(".failure .wrong")).to_contain_text("did not answer")
    page.context.set_offline(False)
    page.set_input_files("#files", file)
    page.locator(".ranking").wait_for(timeout=ANSWER_MS)


def test_whatever_happens_a_hidden_page_holds_no_camera(browser: Browser, server: Server) -> None:
    opened = open_page(browser, server.url)
    after = opened.page.evaluate(
        """async () => {
            const {next, holdsCamera} = await import("/page/machine.js");
            const happenings = ["open", "opened", "fail", "record", "begin", "recorded",
                "cancel", "hide", "show", "close"];
            const reached = new Set(["off"]);
            for (const state of reached) {
                for (const each of happenings) reached.add(next(state, each));
            }
            return Object.fromEntries([...reached].map((state) => [state, {
                holds: holdsCamera(state),
                hidden: holdsCamera(next(state, "hide")),
                closed: next(state, "close"),
            }]));
        }"""
    )
    holding = {state for state, each in after.items() if each["holds"]}
    assert after.keys() - holding == {"off", "opening", "resting", "failed"}
    assert holding == {"live", "counting", "recording"}
    assert not any(each["hidden"] for each in after.values())
    assert {each["closed"] for each in after.values()} == {"off"}


def test_what_goes_wrong_is_asked_for_more_often(browser: Browser, server: Server) -> None:
    opened = open_page(browser, server.url)
    chosen = opened.page.evaluate(
        """async () => {
            const {Tally} = await import("/page/tally.js");
            const tally = new Tally("of-a-test");
            for (let each = 0; each < 9; each += 1) {
                tally.count("A", true);
                tally.count("B", false);
            }
            const counts = {A: 0, B: 0, C: 0};
            for (let each = 0; each < 1000; each += 1) {
                counts[tally.choose(["A", "B", "C"], "C", () => each / 1000)] += 1;
            }
            const again = new Tally("of-a-test").of("B");
            return {...counts, alone: tally.choose(["A"], "A"), again};
        }"""
    )
    assert chosen["C"] == 0  # it was the last one
    assert chosen["B"] > 3 * chosen["A"] > 0
    assert chosen["alone"] == "A"
    assert chosen["again"] == {"tries": 9, "right": 0}


def test_a_browser_that_answers_no_more_is_killed(playwright: Playwright) -> None:
    with (
        pytest.raises(Error, match="closed"),
        opened_browser(playwright, camera=None, patience_s=5) as hung,
    ):
        hung.new_page().evaluate("() => { while (true) {} }")
