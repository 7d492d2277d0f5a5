"""The BentoML service. Started by `bentoml serve service.app:SignWrite`, or `signwrite serve`.

BentoML serves, supervises its worker, and answers `/livez`, `/readyz`, `/metrics` and `/docs.json`.
The request path is the project's own, for the reasons that docs/adr/0003-request-path.md gives.
"""

import asyncio
import importlib.metadata
import logging
import os
from typing import Any

import bentoml
import yaml
from _bentoml_impl.server.app import ServiceAppFactory
from bentoml import Bento
from bentoml._internal.server.http.access import AccessLogMiddleware
from bentoml.exceptions import BentoMLException
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from pydantic import ValidationError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from service.access import KeyFileError, Keys, guarded
from service.endpoints import endpoints
from service.golden import find_golden
from service.hangup import on_hangup, pass_hangups_on
from service.logs import write_logs_as_told
from service.openapi import described
from service.predictor import Predictor
from service.protocol import use_problem_protocol
from service.reload import Reloader
from service.settings import ServiceSettings, unknown_settings, workers_told
from service.stopping import drain_before_stopping
from service.tracing import tracing
from service.workers import forget_the_dead
from signwrite.bundle import Bundle
from signwrite.errors import BundleError, InputError

_logger = logging.getLogger(__name__)


class _Description:
    """What BentoML asks of an OpenAPI specification."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def asdict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return self._content


def _as_yaml(dumper: yaml.Dumper, description: _Description) -> yaml.Node:
    return dumper.represent_dict(description.asdict())


yaml.add_representer(_Description, _as_yaml)  # `bentoml build` writes it to a file


class _Factory(ServiceAppFactory):  # type: ignore[misc]  # BentoML has no types
    """BentoML's application, without what the edge does already, and with figures that are right.

    Its access log would be a second line for each request, and its spans would be made for every
    piece of a body, whether anybody wants traces or not.
    """

    @property
    def middlewares(self) -> list[Middleware]:
        """Leave those two out."""
        ours = (AccessLogMiddleware, OpenTelemetryMiddleware)
        return [each for each in super().middlewares if each.cls not in ours]

    async def metrics(self, request: Request) -> Response:
        """Answer `/metrics`: what all workers counted, and what the living ones say."""
        forget_the_dead()
        answer: Response = await super().metrics(request)
        return answer


class ContractService(bentoml.Service[Any]):  # type: ignore[misc]  # BentoML's SDK has no types
    """A BentoML service that keeps the contract whichever layer answers."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002 - BentoML's signature
        """Build BentoML's application and stand in front of it."""
        write_logs_as_told()
        settings = ServiceSettings.read()
        use_problem_protocol(header_s=settings.header_s)
        self.inject_config()
        factory = _Factory(self, is_main=is_main)
        # BentoML's own timeout counts the upload, and its timer is never cancelled: until that
        # strikes, all that belonged to a request stays in memory. Our deadlines are enough.
        factory.timeout = None
        return guarded(factory(), settings=settings)

    def on_load_bento(self, bento: Bento) -> None:
        """Serve the model that a Bento brings along, unless the environment names a bundle."""
        super().on_load_bento(bento)
        for packed in bento.info.all_models:
            os.environ.setdefault("SIGNWRITE_BUNDLE", bentoml.models.get(packed.tag).path)

    @property
    def openapi_spec(self) -> _Description:
        """BentoML's description, completed."""
        # A Bento carries the source without installing it, so only its tag knows a version there.
        version = self.bento.tag.version if self.bento else importlib.metadata.version("signwrite")
        return _Description(described(super().openapi_spec.asdict(), version=version))


@bentoml.service(
    name="signwrite",
    service_class=ContractService,
    workers=workers_told(os.environ),
)
class SignWrite:
    """Reads American Sign Language: a clip of one sign in, ranked signs out."""

    def __init__(self) -> None:
        """Read the settings and the bundle's manifest."""
        settings = ServiceSettings.read()
        self._predictor = Predictor(settings)
        self._failed = False
        self._settings = settings
        self._opening: asyncio.Task[None] | None = None
        self._reloader: Reloader | None = None
        application.state.settings = settings
        application.state.predictor = self._predictor

    @bentoml.on_deployment  # type: ignore[untyped-decorator]  # BentoML's SDK has no types
    @staticmethod
    def verify() -> None:
        """Refuse to start with a bundle that cannot be served; runs once, before any worker.

        Raises:
            BentoMLException: the settings or keys are wrong, there are no golden clips where they
                should be, or the bundle is missing, damaged or unknown.
            SystemExit: the same, told already in a log of JSON objects: BentoML would write it as
                text.
        """
        write_logs_as_told()
        pass_hangups_on()
        for name in unknown_settings(os.environ):
            _logger.warning("%s is no setting of this service; it has no effect", name)
        try:
            _verify()
        except BentoMLException as error:
            if os.environ.get("SIGNWRITE_LOG_FORMAT") != "json":
                raise
            _logger.critical("the service cannot start: %s", error)
            raise SystemExit(1) from error

    @bentoml.on_startup  # type: ignore[untyped-decorator]  # as above
    async def open(self) -> None:
        """Begin to load; `/livez` and `/readyz` answer meanwhile."""
        self._opening = asyncio.create_task(self._open())
        self._reloader = Reloader(self._predictor, settings=self._settings, opening=self._opening)
        on_hangup(self._reloader.wish)
        drain_before_stopping(self._predictor.drain)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # as above
    async def close(self) -> None:
        """End what `open` began."""
        if self._reloader is not None:
            await self._reloader.close()
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self._predictor.close()
        if (traced := tracing()) is not None:
            await traced.close()

    async def __is_ready__(self) -> bool:
        """Whether `/readyz` says yes: only after a warm-up prediction."""
        return self._predictor.ready

    async def __is_alive__(self) -> bool:
        """Whether `/livez` says yes: until loading has failed, as only a restart can help then."""
        return not self._failed

    async def _open(self) -> None:
        try:
            await self._predictor.open()
        except Exception:
            self._failed = True
            _logger.exception("the model could not be loaded")


def _verify() -> None:
    try:
        settings = ServiceSettings.read()
        Keys.of(settings)
        if settings.golden is not None:
            find_golden(settings.golden)
        Bundle(settings.bundle)
    except (BundleError, InputError, KeyFileError) as error:
        raise BentoMLException(str(error)) from error
    except ValidationError as error:
        raise BentoMLException(_in_one_line(error)) from error


def _in_one_line(error: ValidationError) -> str:
    wrong = (
        f"SIGNWRITE_{'__'.join(map(str, found['loc'])).upper()}: {found['msg']}"
        for found in error.errors()
        if found["type"] != "default_factory_not_called"  # a consequence of the others
    )
    return "; ".join(wrong)


application = endpoints()
bentoml.asgi_app(application)(SignWrite)
