"""OpenTelemetry's traces, where a collector is set: from a request through the queue to its worker.

Without one nothing of it is loaded, and each place here is a look at a variable. A span has ids,
routes and outcomes, no name of a series, no key and no value.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import Thread, main_thread
from typing import Any, NamedTuple

from structlog.contextvars import bind_contextvars, unbind_contextvars

from app import __version__
from app.errors import Misconfigured
from app.settings import Settings

TRACEPARENT = "traceparent"
ANSWER_S = 2.0  # a collector that is away must not keep a worker
PACKAGES = (
    "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)


Told = Mapping[str, str | int | float]  # attributes of a span


class Began(NamedTuple):
    """A span that somebody will end, and what it took the place of."""

    span: Any
    token: Any


def refuse_missing(settings: Settings) -> None:
    """Raise `Misconfigured` where traces are asked for and nobody installed what makes them."""
    if settings.otlp_url is not None and not all(map(_is_there, PACKAGES)):
        raise Misconfigured(
            "TOCSIN_OTLP_URL is set, and OpenTelemetry is not installed: "
            "`pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http`"
        )


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:  # nor is what it is a part of
        return False


def load(settings: Settings) -> None:
    """For a process that forks others, each of which would load it again."""
    if settings.otlp_url is not None:
        refuse_missing(settings)
        for package in PACKAGES:
            import_module(package)


class _Traces:
    """Of this process; loads OpenTelemetry."""

    def __init__(self, settings: Settings, part: str) -> None:
        from opentelemetry import context, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        assert settings.otlp_url is not None
        url = f"{settings.otlp_url.get_secret_value().rstrip('/')}/v1/traces"
        named = {"service.name": f"tocsin-{part}", "service.version": __version__}
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.trace_share)),
            resource=Resource.create(named),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=url, timeout=ANSWER_S)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self.context, self.trace = context, trace
        self.tracer = self.provider.get_tracer("tocsin", __version__)
        self.headers = TraceContextTextMapPropagator()

    def began(self, name: str, kind: str, of: str | None, told: Told) -> Began:
        parent = self.headers.extract({TRACEPARENT: of}) if of else None
        span_kind = self.trace.SpanKind[kind.upper()]
        span = self.tracer.start_span(name, parent, span_kind, dict(told))
        token = self.context.attach(self.trace.set_span_in_context(span))
        return Began(span, token)


_traces: _Traces | None = None


def begin(settings: Settings, part: str, ends_by_itself: bool = True) -> None:
    """Once in each process, after the fork that it came from."""
    global _traces
    if settings.otlp_url is None:
        return
    _traces = _Traces(settings, part)
    if ends_by_itself:
        # Not a daemon: the process waits for it, and so for the last spans.
        Thread(target=_end_with_main_thread, name="traces").start()


def _end_with_main_thread() -> None:
    main_thread().join()
    end()


def end() -> None:
    """What was not sent so far is, if the collector answers."""
    if _traces is not None:
        _traces.provider.force_flush(int(ANSWER_S * 1000))


def request_began(traceparent: str | None) -> Began | None:
    """To be ended by `request_ended`, in the same thread."""
    if _traces is None:
        return None
    began = _traces.began("request", "server", traceparent, {})
    bind_contextvars(trace_id=f"{began.span.get_span_context().trace_id:032x}")
    return began


def request_ended(began: Began, method: str, route: str, status: int, told: Told) -> None:
    assert _traces is not None
    began.span.update_name(f"{method} {route}")
    began.span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            **told,
        }
    )
    if status >= 500:
        began.span.set_status(_traces.trace.StatusCode.ERROR)
    began.span.end()
    _traces.context.detach(began.token)
    unbind_contextvars("trace_id")


@contextmanager
def span(name: str, told: Told, kind: str = "internal", of: str | None = None) -> Iterator[None]:
    """of: the `traceparent` of another process's span that led to it."""
    if _traces is None:
        yield
        return
    began = _traces.began(name, kind, of, told)
    try:
        yield
    except BaseException:
        began.span.set_status(_traces.trace.StatusCode.ERROR)
        raise
    finally:
        began.span.end()
        _traces.context.detach(began.token)


def note(told: Told) -> None:
    """On the span that is under way."""
    if _traces is not None:
        _traces.trace.get_current_span().set_attributes(dict(told))


def carried() -> dict[str, str]:
    """What leads another process to the span that is under way here."""
    headers: dict[str, str] = {}
    if _traces is not None:
        _traces.headers.inject(headers)
    return {name: text for name, text in headers.items() if name == TRACEPARENT}
