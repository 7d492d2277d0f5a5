"""Another model without a restart: loaded beside the one that serves, tried, and then swapped in.

It is told to by SIGHUP (`service.hangup`). What it loads is what the bundle's path names then; no
client of the service can choose a path, or ask for a reload.
"""

import asyncio
import logging
from time import perf_counter

from service.golden import check_golden, find_golden
from service.metrics import ReloadOutcome, metrics
from service.predictor import Predictor
from service.served_model import ServedModel
from service.settings import ServiceSettings
from signwrite.bundle import Manifest
from signwrite.errors import BundleError, InputError, SignWriteError
from signwrite.vocabulary import Vocabulary

_logger = logging.getLogger(__name__)


class Reloader:
    """Replaces a predictor's model when that is wished for. Lives on one event loop.

    One reload runs at a time. A wish that comes meanwhile is not lost: when that one has ended,
    the bundle's path is looked at once more.

    Args:
        predictor: whose model is replaced.
        settings: the operator's.
        opening: loads the first model; a wish that comes before its end waits for it.
    """

    def __init__(
        self, predictor: Predictor, *, settings: ServiceSettings, opening: "asyncio.Task[None]"
    ) -> None:
        """Wait for wishes."""
        self._predictor = predictor
        self._settings = settings
        self._opening = opening
        self._signs = predictor.manifest.vocabulary  # which clients of this process were promised
        self._wished = False
        self._working: asyncio.Task[None] | None = None

    def wish(self) -> None:
        """Ask for the model that the bundle's path names now."""
        self._wished = True
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())

    async def settled(self) -> None:
        """Wait until no wish is left."""
        if self._working is not None:
            await asyncio.wait({self._working})

    async def close(self) -> None:
        """Give up a reload that is under way; the model that serves stays."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    async def _work(self) -> None:
        await asyncio.wait({self._opening})
        while self._wished and self._predictor.ready:
            self._wished = False
            metrics().reloaded(await self._reload())

    async def _reload(self) -> ReloadOutcome:
        stays = self._predictor.manifest
        try:
            if await self._replace(stays):
                return "swapped"
        except SignWriteError as error:
            _logger.error("the new model is refused, %s stays: %s", _name(stays), error)  # noqa: TRY400 - the message says it all
            return "refused"
        except Exception:
            _logger.exception("the new model could not be loaded, %s stays", _name(stays))
            return "refused"
        _logger.info("there is no new model, %s stays", _name(stays))
        return "unchanged"

    async def _replace(self, old: Manifest) -> bool:
        """Load a new model and let it serve, if there is one and it is good; say whether."""
        started_s = perf_counter()
        model = ServedModel(self._settings.bundle, settings=self._settings)
        if model.manifest == old:
            await model.close()
            return False
        try:
            check_successor(model.manifest, old, signs=self._signs)
            await self._try(model)
        except BaseException:  # cancelled or not, nothing of it is left
            await model.close()
            raise
        self._predictor.replace(model)
        took_s = perf_counter() - started_s
        _logger.info("%s replaces %s after %.1f s", _name(model.manifest), _name(old), took_s)
        return True

    async def _try(self, model: ServedModel) -> None:
        if self._settings.golden is None:
            raise InputError(
                "SIGNWRITE_GOLDEN: golden clips to try a new model with; none are named"
            )
        clips = find_golden(self._settings.golden)
        await model.open()
        share, within_s = self._settings.golden_share, self._settings.deadline_s
        await check_golden(model, clips, share=share, within_s=within_s)


def check_successor(new: Manifest, old: Manifest, *, signs: Vocabulary) -> None:
    """Refuse a model that clients of the old one would not take for the same service.

    Args:
        new: what may serve next.
        old: what serves.
        signs: those that were served from the start: there must be a way back from a model that
            knows more of them.

    Raises:
        BundleError: it has another name, the same version, or lacks a sign.
    """
    if new.name != old.name:
        raise BundleError(f"a version of {old.name}; received {new.name}")
    if new.version == old.version:
        raise BundleError(
            f"a new version for a new model; received another one of version {old.version}"
        )
    if lost := [sign for sign in signs if sign not in tuple(new.vocabulary)]:
        raise BundleError(f"a model that knows every sign served from the start; it lacks {lost}")


def _name(manifest: Manifest) -> str:
    return f"{manifest.name} {manifest.version}"
