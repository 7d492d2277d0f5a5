"""The page in a real browser, against the shipped model, with a camera that films a drawn hand.

`SIGNWRITE_PICTURES=docs/pictures` writes the pictures that docs/page.md shows.
"""

import base64
import io
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from pipeline.example import write_example_clip
from tests.browser import (
    ANSWER_MS,
    Visit,
    film,
    judge_access,
    open_page,
    opened_browser,
    tell,
    wait_for_model,
)
from tests.clips import BAD
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

DESKTOP = {"width": 1280, "height": 880}
PHONE = {"width": 390, "height": 844}
CLIP_S = 2.0
PICTURES = os.environ.get("SIGNWRITE_PICTURES")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shipped_bundle: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page-server")
    with running_server(folder, bundle=shipped_bundle) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example_clip(tmp_path_factory.mktemp("clips") / "letter B.mp4", "B")


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("camera") / "B.y4m", "B")


@pytest.fixture
def browser(playwright: Playwright, camera: Path) -> Iterator[Browser]:
    with opened_browser(playwright, camera=camera) as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Visit]:
    options = getattr(request, "param", {})
    opened = open_page(browser, server.url, **{"viewport": DESKTOP, **options})
    wait_for_model(opened.page)
    yield opened
    assert opened.complaints == []


def open_camera(page: Page) -> None:
    page.get_by_role("button", name="Turn the camera on").click()
    page.wait_for_selector('#screen[data-state="live"]')


def record(page: Page) -> None:
    page.get_by_role("button", name="Record two seconds").click()


def result(page: Page) -> Locator:
    found = page.locator(".result").first
    found.wait_for(timeout=ANSWER_MS)
    return found


def assert_accessible(page: Page, view: str, capsys: pytest.CaptureFixture[str]) -> None:
    judged = judge_access(page)
    tell(
        f"{view}: {judged.passed} rules of axe-core passed, {len(judged.violations)} broken",
        capsys,
    )
    assert judged.violations == []
    assert judged.passed > 20


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Write a picture for the documents, where these were asked for."""
    if PICTURES is None:
        return
    shot = Image.open(io.BytesIO(page.screenshot(full_page=whole)))
    shot.convert("RGB").save(Path(PICTURES) / f"{name}.webp", quality=82, method=6)


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    """Drop files on the page, as a mouse would."""
    given = [
        {"name": name, "content": base64.b64encode(content).decode()} for name, content in files
    ]
    carried = page.evaluate_handle(
        """given => {
            const carried = new DataTransfer();
            for (const {name, content} of given) {
                const bytes = Uint8Array.from(atob(content), each => each.charCodeAt(0));
                carried.items.add(new File([bytes], name));
            }
            return carried;
        }""",
        given,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": carried})


# --- Reading -------------------------------------------------------------------------------------


def test_a_recorded_sign_is_read(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    page = visit.page
    assert_accessible(page, "the empty page", capsys)
    open_camera(page)
    began = time.monotonic()
    record(page)
    page.wait_for_selector('#screen[data-state="counting"]')
    assert page.locator("#count").inner_text() == "3"
    page.wait_for_selector('#screen[data-state="recording"]')
    recorded = time.monotonic()
    found = result(page)
    answered = time.monotonic()
    after_s = answered - recorded - CLIP_S
    tell(
        f"first ranking {answered - began:.1f} s after the click, {after_s:.1f} s of it waiting",
        capsys,
    )
    assert found.locator(".first").inner_text() == "B"
    rows = found.locator(".ranking li")
    assert rows.count() == 5
    assert rows.first.locator(".share").inner_text().endswith("%")
    assert "uncertain" not in (found.get_attribute("class") or "")
    facts = found.locator(".facts").inner_text()
    told = re.search(
        r"^Read in \d+ ms .*\. ([\d.]+) s, 640 . 480 pixels, (\d+) frames used\.$", facts
    )
    assert told is not None, facts
    assert 0.5 < float(told[1]) < 4  # a recording tells no duration itself
    assert 1 <= int(told[2]) <= 12  # a machine that is busy records few
    assert page.locator("#said").inner_text().startswith("B, ")
    assert_looks(found, frames=int(told[2]))
    assert_accessible(page, "an answer", capsys)
    picture(page, "desktop", whole=True)


def assert_looks(found: Locator, *, frames: int) -> None:
    """Every crop is a picture, the clip plays, and the square lies on it."""
    crops = found.locator(".crops img")
    assert crops.count() == frames
    widths = crops.evaluate_all("each => each.map(image => image.naturalWidth)")
    assert min(widths) > 32
    video = found.locator("video")
    expect(video).to_have_js_property("videoWidth", 640)
    expect(video).to_have_js_property("paused", value=False)
    square, shown = (
        found.locator(".square").bounding_box(),
        found.locator(".picture").bounding_box(),
    )
    assert square is not None
    assert shown is not None
    assert 0.2 < square["width"] / shown["width"] < 0.9
    # Mirrored, the drawn right hand is on the right.
    assert square["x"] + square["width"] / 2 > shown["x"] + shown["width"] / 2
    found.locator(".crops button").last.click()
    expect(video).to_have_js_property("paused", value=True)
    expect(found.locator(".crops button").last).to_have_attribute("aria-current", "true")
    found.get_by_role("button", name="Play").click()
    expect(video).to_have_js_property("paused", value=False)


@pytest.mark.parametrize(
    "visit", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}], indirect=True
)
def test_a_phone_shows_all_of_it(
    visit: Visit, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit.page
    page.set_input_files("#files", clip)
    assert result(page).locator(".first").inner_text() == "B"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert_accessible(page, "an answer on a phone", capsys)
    page.wait_for_function(  # it comes into view by itself
        "document.querySelector('.result').getBoundingClientRect().top < 100"
    )
    picture(page, "phone")


@pytest.mark.parametrize("visit", [{"color_scheme": "dark"}], indirect=True)
def test_it_is_dark_where_that_is_wanted(
    visit: Visit, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit.page
    open_camera(page)
    page.set_input_files("#files", clip)
    result(page)
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    )
    assert max(red, green, blue) < 64
    assert_accessible(page, "an answer in the dark", capsys)
    picture(page, "dark", whole=True)


def test_files_that_are_dropped_are_read_one_after_the_other(
    visit: Visit, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit.page
    drop(
        page,
        ("one.mp4", clip.read_bytes()),
        ("notes.txt", b"no video at all"),
        ("damaged.mp4", BAD["mp4-cut-before-index"].content),
    )
    expect(page.locator(".result")).to_have_count(3, timeout=ANSWER_MS)
    damaged, notes, one = (page.locator(".result").nth(place) for place in range(3))
    assert one.locator(".first").inner_text() == "B"
    assert "not a video that can be read" in notes.locator(".wrong").inner_text()
    assert "damaged" in damaged.locator(".wrong").inner_text()
    for failure in (damaged, notes):
        assert len(failure.locator("code").inner_text()) == 32  # the request's id
    assert_accessible(page, "errors", capsys)
    picture(page, "errors")
    # What the browser itself says of the answers 415 and 422 is no complaint.
    assert all("status of 4" in said for said in visit.complaints)
    visit.complaints.clear()


@pytest.mark.parametrize("visit", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself_for_who_wants_no_movement(visit: Visit, clip: Path) -> None:
    visit.page.set_input_files("#files", clip)
    video = result(visit.page).locator("video")
    expect(video).to_have_js_property("readyState", 4)
    expect(video).to_have_js_property("paused", value=True)


def test_it_can_be_used_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    focused = "document.activeElement.textContent"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "Turn the camera on":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector('#screen[data-state="live"]')
    expect(page.locator("#record")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector('#screen[data-state="counting"]')
    page.keyboard.press("Enter")  # calls it off
    page.wait_for_selector('#screen[data-state="live"]')
    assert page.locator(".result").count() == 0


# --- The camera ----------------------------------------------------------------------------------


def test_a_page_that_is_hidden_lets_the_camera_go(visit: Visit) -> None:
    page = visit.page
    open_camera(page)
    page.evaluate("window.held = document.querySelector('#preview').srcObject.getTracks()[0]")
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, arg=True)
    page.wait_for_selector('#screen[data-state="resting"]')
    assert page.evaluate("window.held.readyState") == "ended"
    page.evaluate(hide, arg=False)
    page.wait_for_selector('#screen[data-state="live"]')
    page.get_by_role("button", name="Turn the camera off").click()
    page.wait_for_selector('#screen[data-state="off"]')
    assert page.evaluate("document.querySelector('#preview').srcObject") is None


def test_a_left_hand_and_no_mirror_turn_the_chart(visit: Visit) -> None:
    page = visit.page
    turned = "document.body.classList.contains('turned')"
    assert page.evaluate(turned) is True
    page.get_by_label("I sign with my left hand").check()
    assert page.evaluate(turned) is False
    page.get_by_label("as in a mirror").uncheck()
    assert page.evaluate(turned) is True
    assert page.locator("#chart-side").inner_text().startswith("Your left hand, as others see it")
    page.reload()
    wait_for_model(page)
    assert page.get_by_label("I sign with my left hand").is_checked()


def test_a_camera_that_is_refused_or_absent_is_told_in_words(
    playwright: Playwright, server: Server, camera: Path
) -> None:
    for filmed, allowed, words in (
        (None, True, "No camera was found"),
        (camera, False, "was not allowed"),
    ):
        with opened_browser(playwright, camera=filmed, allowed=allowed) as other:
            opened = open_page(other, server.url)
            opened.page.get_by_role("button", name="Turn the camera on").click()
            expect(opened.page.locator("#screen-text")).to_contain_text(words)
            expect(opened.page.get_by_role("button", name="Try again")).to_be_visible()


def test_an_origin_that_browsers_do_not_trust_gets_no_camera_but_can_read_files(
    playwright: Playwright, server: Server, clip: Path
) -> None:
    port = server.address[1]
    flags = ("--host-resolver-rules=MAP signs.test 127.0.0.1",)
    with opened_browser(playwright, camera=None, flags=flags) as other:
        page = open_page(other, f"http://signs.test:{port}").page
        wait_for_model(page)
        page.get_by_role("button", name="Turn the camera on").click()
        expect(page.locator("#screen-text")).to_contain_text("only to pages over HTTPS")
        page.set_input_files("#files", clip)
        assert result(page).locator(".first").inner_text() == "B"


# --- Practising and spelling ---------------------------------------------------------------------


def test_practising_keeps_a_tally_in_this_browser_only(
    visit: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visit.page
    page.get_by_role("link", name="Practise").click()
    open_camera(page)
    page.locator("#which").select_option("B")
    record(page)
    expect(page.locator("#view-practise .judged")).to_contain_text(
        "Yes, that is B", timeout=ANSWER_MS
    )
    page.locator("#which").select_option("A")
    assert page.locator("#view-practise .judged").count() == 0
    record(page)
    expect(page.locator("#view-practise .judged")).to_contain_text("I read B", timeout=ANSWER_MS)
    assert tallied(page) == {"A": "0 of 1", "B": "1 of 1"}
    assert_accessible(page, "practising", capsys)
    page.locator("#which").select_option("B")
    record(page)
    expect(page.locator("#view-practise .judged")).to_contain_text(
        "Yes, that is B", timeout=ANSWER_MS
    )
    picture(page, "practice")
    page.reload()
    wait_for_model(page)
    assert page.locator("#panel-title").inner_text() == "Practise a sign"
    assert tallied(page) == {"A": "0 of 1", "B": "2 of 2"}
    page.get_by_role("button", name="Forget them").click()
    assert page.locator(".tally").inner_text() == ""


def tallied(page: Page) -> dict[str, str]:
    rows = page.locator(".tally tbody tr")
    signs, counts = (
        rows.locator("th").all_inner_texts(),
        rows.locator("td:last-child").all_inner_texts(),
    )
    return dict(zip(signs, counts, strict=True))


def test_the_chart_leads_to_practising(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Practise J", exact=True).click()
    assert page.locator("#view-practise .asked .first").inner_text() == "J"
    assert page.locator("#view-practise .asked .hand").is_visible()
    page.get_by_role("button", name="Hide the hand").click()
    assert page.locator("#view-practise .asked .hand").count() == 0


def test_a_word_is_spelt_letter_by_letter(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    page = visit.page
    page.get_by_role("link", name="Spell").click()
    page.get_by_label("Word", exact=True).fill("b3")
    page.get_by_role("button", name="Spell it").click()
    assert page.locator("#word-wrong").inner_text() == "The model does not know 3."
    page.get_by_label("Word", exact=True).fill("ab")
    page.get_by_role("button", name="Spell it").click()
    page.get_by_role("button", name="Pass over it").click()
    open_camera(page)
    assert_accessible(page, "spelling", capsys)
    record(page)
    done = page.locator("#view-spell .asked .judged")
    expect(done).to_have_text("AB is spelt, in 1 attempt.", timeout=ANSWER_MS)
    assert page.locator(".tiles .passed").count() == 2


# --- The API's description -----------------------------------------------------------------------


def test_the_description_is_shown_without_a_tracker(browser: Browser, server: Server) -> None:
    opened = open_page(browser, server.url, path="/docs")
    opened.page.get_by_text("Rank the signs that a clip may show").wait_for(timeout=ANSWER_MS)
    assert opened.complaints == []
