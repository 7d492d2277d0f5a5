"""The corpus of what strangers might send, over real HTTP: each file gets its exact answer."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.attacks.attack import Answer, Attack
from tests.attacks.corpus import corpus, read_answers
from tests.attacks.fuzz import fuzz
from tests.attacks.references import Canary
from tests.clips import counter_clip
from tests.conftest import MAX_BYTES
from tests.forms import assert_problem, post

NOBODY = Canary("/nowhere/canary.mp4", "http://127.0.0.1:9/canary.mp4")
CORPUS = {attack.name: attack for attack in corpus(NOBODY)}
_LEAKS = ("ffmpeg", "libav", "avcodec", "avformat", "lavf", "traceback", "/service/", ".py")


def test_every_case_has_an_answer_and_every_answer_a_case() -> None:
    assert set(CORPUS) == set(read_answers())
    counts = Counter(attack.answer for attack in CORPUS.values())
    assert len(CORPUS) > 300
    assert all(counts[answer] for answer in (set(Answer) - {Answer.EMPTY}))


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPUS)
def test_an_attack_gets_its_answer(name: str, client: httpx.Client) -> None:
    attack = CORPUS[name]
    assert len(attack.content) < MAX_BYTES - 1000
    check(post(client, attack.content), attack)


def check(response: httpx.Response, attack: Attack) -> None:
    if attack.answer is Answer.RANKED:
        assert response.status_code == 200, response.text
        return
    problem = assert_problem(response, attack.answer.status)
    assert problem["type"] == f"urn:signwrite:problem:{attack.answer.kind}"
    assert not [word for word in _LEAKS if word in response.text.lower()]


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[socket.socket, Canary]]:
    """A file that would be read as a clip if it were opened, and a listener that nobody asks."""
    file = tmp_path_factory.mktemp("bait") / "canary.mp4"
    file.write_bytes(counter_clip(7))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        yield listener, Canary(str(file), f"http://127.0.0.1:{listener.getsockname()[1]}/c.mp4")


@pytest.mark.slow
def test_no_reference_is_followed(client: httpx.Client, bait: tuple[socket.socket, Canary]) -> None:
    listener, canary = bait
    references = [each for each in corpus(canary) if each.name.startswith("reference-")]
    assert len(references) > 50
    for attack in references:
        response = post(client, attack.content)
        check(response, attack)
        if response.status_code == 200:  # the clip's own frames, not the seven of the bait
            assert json.loads(response.content)["clip"]["frames_decoded"] != 7
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.slow
def test_whatever_is_done_to_a_clip_no_decoder_dies_of_it() -> None:
    """Two thousand seeded variants; `python -m tests.attacks.fuzz` goes on without end."""
    findings = asyncio.run(fuzz(seed=1, most=2_000, seconds=200))
    assert findings.outcomes.total() >= 1_999
    assert findings.outcomes["read"] > 100
    assert findings.outcomes["UnusableClipError"] > 100
    assert not findings.found, findings.outcomes
