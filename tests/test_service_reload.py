"""Another model beside the one that serves: swapped in whole, or refused with a reason."""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import pytest

from service.golden import find_golden
from service.predictor import Predictor
from service.reload import Reloader
from service.settings import ServiceSettings
from service.timings import Timings
from signwrite.answer import PredictionAnswer
from signwrite.bundle import MANIFEST, Bundle
from signwrite.errors import InputError
from signwrite.openvino_classifier import OpenVinoClassifier
from signwrite.reader import Reader
from signwrite.recipe import Recipe
from tests.bundles import TINY_SIGNS, write_tiny_bundle
from tests.clips import counter_clip, encode

pytestmark = pytest.mark.slow

CLIP = counter_clip()


@cache
def first_sign(bundle: Path) -> str:
    """Say as what a bundle's model reads the clip."""
    opened = Bundle(bundle)
    reader = Reader(opened.manifest, classifier=OpenVinoClassifier(opened.saved_model))
    return reader.read(CLIP).ranking.predictions[0].sign


@pytest.fixture(scope="module")
def models(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles that a tiny one may be replaced by, good and bad; `1` is the tiny one itself."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(tiny_bundle, folder / "1")
    write_tiny_bundle(folder / "2", version="2.0.0")
    write_tiny_bundle(folder / "more-signs", version="3.0.0", signs=(*TINY_SIGNS, "NO"), seed=7)
    write_tiny_bundle(folder / "other-reading", version="4.0.0", seed=8)
    other = Recipe(frames_per_clip=6, canvas_px=96)
    write_tiny_bundle(folder / "other-recipe", version="5.0.0", recipe=other)
    write_tiny_bundle(folder / "fewer-signs", version="6.0.0", signs=TINY_SIGNS[:-1])
    write_tiny_bundle(folder / "other-name", version="7.0.0", name="tiny-words")
    write_tiny_bundle(folder / "same-version", seed=9)
    damaged = write_tiny_bundle(folder / "damaged", version="8.0.0")
    file = damaged / "saved_model" / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-1])
    liar = write_tiny_bundle(folder / "liar", version="9.0.0")
    manifest = json.loads((liar / MANIFEST).read_text())
    manifest["vocabulary"].append("NO")  # no digest covers the manifest itself
    (liar / MANIFEST).write_text(json.dumps(manifest))
    return folder


def golden(folder: Path, *signs: str) -> Path:
    """Say of one clip which signs it shows."""
    for sign in signs:
        (folder / sign).mkdir(parents=True)
        (folder / sign / "clip.mp4").write_bytes(CLIP)
    return folder


@dataclass
class Stage:
    """A predictor with its reloader, and the link that names its bundle."""

    predictor: Predictor
    reloader: Reloader
    link: Path

    def switch(self, bundle: Path) -> None:
        """Let the link name another bundle, at once and for everybody."""
        new = self.link.with_name("new")
        new.symlink_to(bundle)
        new.rename(self.link)

    async def reload(self, bundle: Path) -> None:
        self.switch(bundle)
        self.reloader.wish()
        await self.reloader.settled()

    async def ask(self) -> PredictionAnswer:
        return await self.predictor.predict(CLIP, top_k=None, timings=Timings())


def play(
    acts: Callable[[Stage], Awaitable[None]], *, first: Path, folder: Path, **settings: object
) -> None:
    """Act on an open predictor; afterwards none of its processes is left."""

    async def run() -> None:
        link = folder / "current"
        link.symlink_to(first)
        given = {"backend": "openvino", "decoders": 1, "max_batch": 2, "threads": 1} | settings
        told = ServiceSettings(bundle=link, **given)  # type: ignore[arg-type]  # pydantic checks
        predictor = Predictor(told)
        opening = asyncio.create_task(predictor.open())
        reloader = Reloader(predictor, settings=told, opening=opening)
        try:
            await acts(Stage(predictor, reloader, link))
        finally:
            await reloader.close()
            await asyncio.gather(opening)
            await predictor.close()

    before = set(decoders())
    asyncio.run(run())
    assert not set(decoders()) - before


def decoders() -> Iterator[int]:
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # or a zombie: it has just ended
            if "service.decoder_process" in " ".join(child.cmdline()):
                yield child.pid


@contextmanager
def told() -> Iterator[list[str]]:
    """Collect what the reloader logs."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    keep, logger = Keep(), logging.getLogger("service")
    level = logger.level
    logger.addHandler(keep)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(keep)
        logger.setLevel(level)


async def opened(stage: Stage) -> None:
    while not stage.predictor.ready:  # noqa: ASYNC110 - the loading tells nobody else
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("bundle", "version"), [("2", "2.0.0"), ("other-recipe", "5.0.0")])
def test_a_good_model_is_swapped_in_whole(
    bundle: str, version: str, models: Path, tmp_path: Path
) -> None:
    """Another recipe too: the decoders are told it once, so they are exchanged with the model."""
    wanted = first_sign(models / bundle)

    async def acts(stage: Stage) -> None:
        await opened(stage)
        before = await stage.ask()
        assert before.model.version == "1.0.0"
        assert before.ranking[0].sign == first_sign(models / "1")
        await stage.reload(models / bundle)
        after = await stage.ask()
        assert (after.model.version, after.ranking[0].sign) == (version, wanted)
        assert stage.predictor.manifest.version == version
        assert after.clip.frames_used == stage.predictor.manifest.recipe.frames_per_clip

    folder = golden(tmp_path / "golden", wanted)
    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path, golden=folder)
    assert any(line.startswith(f"tiny-signs {version} replaces tiny-signs 1.0.0") for line in lines)


def test_it_can_go_back(models: Path, tmp_path: Path) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        for name, version in (("2", "2.0.0"), ("1", "1.0.0"), ("2", "2.0.0")):
            await stage.reload(models / name)
            assert (await stage.ask()).model.version == version

    folder = golden(tmp_path / "golden", first_sign(models / "1"))
    play(acts, first=models / "1", folder=tmp_path, golden=folder)


def test_there_is_a_way_back_from_a_model_that_knows_more_signs(
    models: Path, tmp_path: Path
) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        await stage.reload(models / "more-signs")
        assert len(stage.predictor.manifest.vocabulary) == len(TINY_SIGNS) + 1
        assert (await stage.predictor.predict(CLIP, top_k=7, timings=Timings())).ranking[6]
        await stage.reload(models / "1")
        assert (await stage.ask()).model.version == "1.0.0"

    signs = {first_sign(models / name) for name in ("1", "more-signs")}
    folder = golden(tmp_path / "golden", *signs)
    play(acts, first=models / "1", folder=tmp_path, golden=folder, golden_share=0.5)


REFUSED = {
    "other-reading": r"golden clips: 100% of 1 ranked first .*; received 0: \w/clip.mp4 is read as",
    "fewer-signs": r"knows every sign served from the start; it lacks \['Z'\]",
    "other-name": r"a version of tiny-signs; received tiny-words",
    "same-version": r"a new version for a new model; received another one of version 1\.0\.0",
    "damaged": r"saved_model\.pb: SHA-256 \w+… wanted; received",
    "liar": r"scores of shape \(1, 7\); received \(1, 6\)",
    "nowhere": r"a bundle is a folder with model\.json",
}


@pytest.mark.parametrize("bundle", REFUSED)
def test_a_bad_model_is_refused_and_the_old_one_stays(
    bundle: str, models: Path, tmp_path: Path
) -> None:
    right = first_sign(models / "1")
    assert first_sign(models / "other-reading") != right

    async def acts(stage: Stage) -> None:
        await opened(stage)
        before, processes = await stage.ask(), stage.predictor.model.decoder_pids
        await stage.reload(models / bundle)
        assert await stage.ask() == before
        assert stage.predictor.model.decoder_pids == processes
        assert set(decoders()) == set(processes)
        await stage.reload(models / "2")  # one that is refused stands in no other one's way
        assert (await stage.ask()).model.version == "2.0.0"

    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path, golden=golden(tmp_path / "golden", right))
    (line,) = (line for line in lines if "refused" in line)
    assert line.startswith("the new model is refused, tiny-signs 1.0.0 stays: ")
    assert re.search(REFUSED[bundle], line), line


@pytest.mark.parametrize(("share", "version"), [(0.5, "2.0.0"), (0.51, "1.0.0")])
def test_a_share_of_the_golden_clips_is_enough(
    share: float, version: str, models: Path, tmp_path: Path
) -> None:
    right = first_sign(models / "2")
    wrong = next(sign for sign in TINY_SIGNS if sign != right)

    async def acts(stage: Stage) -> None:
        await opened(stage)
        await stage.reload(models / "2")
        assert (await stage.ask()).model.version == version

    folder = golden(tmp_path / "golden", right, wrong)
    play(acts, first=models / "1", folder=tmp_path, golden=folder, golden_share=share)


def test_without_golden_clips_nothing_is_let_in(models: Path, tmp_path: Path) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        await stage.reload(models / "2")
        assert (await stage.ask()).model.version == "1.0.0"

    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path)
    assert any("SIGNWRITE_GOLDEN: golden clips to try a new model with; none" in x for x in lines)


@pytest.mark.parametrize(
    ("sign", "content", "reason"),
    [
        ("NO", CLIP, "NO/clip.mp4 is no sign that it knows"),
        ("A", b"no video", "A/clip.mp4 cannot be read (a video as MP4"),
        ("A", encode("mp4", "libx264", numbers=(0,)), "A/clip.mp4 is "),
    ],
)
def test_a_golden_clip_that_is_read_badly_says_why(
    sign: str, content: bytes, reason: str, models: Path, tmp_path: Path
) -> None:
    folder = golden(tmp_path / "golden", sign)
    (folder / sign / "clip.mp4").write_bytes(content)

    async def acts(stage: Stage) -> None:
        await opened(stage)
        await stage.reload(models / "2")
        assert stage.predictor.manifest.version == "1.0.0"

    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path, golden=folder)
    assert any(reason in line for line in lines), lines


def test_the_same_model_is_not_loaded_again(models: Path, tmp_path: Path) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        processes = stage.predictor.model.decoder_pids
        stage.reloader.wish()
        await stage.reloader.settled()
        assert stage.predictor.model.decoder_pids == processes

    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path)
    assert "there is no new model, tiny-signs 1.0.0 stays" in lines


def test_a_request_under_way_is_finished_by_the_model_that_began_it(
    models: Path, tmp_path: Path
) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        (old,) = stage.predictor.model.decoder_pids
        os.kill(old, signal.SIGSTOP)  # its clip takes for as long as we like
        under_way = asyncio.create_task(stage.ask())
        await asyncio.sleep(0)
        await stage.reload(models / "2")
        assert (await stage.ask()).model.version == "2.0.0"
        assert not under_way.done()
        assert psutil.pid_exists(old)
        os.kill(old, signal.SIGCONT)
        assert (await under_way).model.version == "1.0.0"
        while psutil.pid_exists(old):  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.01)
        assert (await stage.ask()).model.version == "2.0.0"

    folder = golden(tmp_path / "golden", first_sign(models / "2"))
    play(acts, first=models / "1", folder=tmp_path, golden=folder)


def test_a_wish_that_comes_during_a_reload_is_not_lost(models: Path, tmp_path: Path) -> None:
    async def acts(stage: Stage) -> None:
        stage.switch(models / "2")  # the first model is still loading
        for _ in range(3):
            stage.reloader.wish()
        await opened(stage)
        while not [pid for pid in decoders() if pid not in stage.predictor.model.decoder_pids]:
            assert stage.predictor.manifest.version == "1.0.0"  # the new one is not yet there
            await asyncio.sleep(0.01)
        stage.switch(models / "1")
        for _ in range(3):
            stage.reloader.wish()
        await stage.reloader.settled()
        assert (await stage.ask()).model.version == "1.0.0"

    folder = golden(tmp_path / "golden", first_sign(models / "1"))
    with told() as lines:
        play(acts, first=models / "1", folder=tmp_path, golden=folder)
    assert sum(" replaces " in line for line in lines) == 2  # six wishes, two models


def test_the_end_of_the_service_ends_a_reload(models: Path, tmp_path: Path) -> None:
    async def acts(stage: Stage) -> None:
        await opened(stage)
        stage.switch(models / "2")
        stage.reloader.wish()
        while not set(decoders()) - set(stage.predictor.model.decoder_pids):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)

    folder = golden(tmp_path / "golden", first_sign(models / "1"))
    play(acts, first=models / "1", folder=tmp_path, golden=folder)


def test_a_folder_without_golden_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / ".hidden").write_bytes(b"")
    (tmp_path / ".B").mkdir()
    (tmp_path / ".B" / "clip.mp4").write_bytes(CLIP)
    (tmp_path / "clip.mp4").write_bytes(CLIP)
    with pytest.raises(InputError, match="at least one SIGN/CLIP wanted"):
        find_golden(tmp_path)
    with pytest.raises(InputError, match="a folder that can be read"):
        find_golden(tmp_path / "nowhere")
