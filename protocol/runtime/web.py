# SPDX-License-Identifier: EUPL-1.2
"""What every service's web application has: errors, headers, languages, health, metrics, base page.

- One handler turns `Error` into HTTP: RFC 9457 problem details under `/api/`, a page for a browser that asked
  for one, `{"error", "error_description"}` for protocols (RFC 6749, section 5.2).
- Scripts and styles run only with this response's nonce; nothing inline, no frames, no foreign origins.
- Unsafe requests of browsers need their session's token; a blueprint that machines call says so with `machine`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from time import perf_counter

import structlog
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from jinja2 import BytecodeCache, ChainableUndefined, ChoiceLoader, PackageLoader, PrefixLoader
from jinja2.bccache import Bucket
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from protocol.encoding import sha256
from protocol.errors import Error, QuotaError, UnavailableError, VerificationError
from protocol.runtime import correlation, i18n
from protocol.runtime.fetch import origin_of
from protocol.runtime.logging import configure_logging
from protocol.runtime.sessions import sessions
from protocol.runtime.settings import ServiceSettings

MAX_REQUEST_BYTES = 1024 * 1024
RETRY_AFTER_SECONDS = 5
_ASSET_SECONDS = 31_536_000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_log = structlog.get_logger()


class _CompiledTemplates(BytecodeCache):
    """Templates compiled once in this process, for every application in it."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled from this source, if anything was."""
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledTemplates()


def create_service_app(
    package: str,
    settings: ServiceSettings,
    *,
    ready: Callable[[], None],
    sentences: Mapping[str, str] | None = None,
) -> Flask:
    """Return a Flask application with everything that services share.

    `ready` raises an `Error` while a dependency does not answer. `sentences` maps error codes to English
    source sentences for people; pages show them translated.
    """
    configure_logging(package)
    app = Flask(package, static_folder="static", static_url_path="/static")
    app.config.update(MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES, JSON_SORT_KEYS=False)
    app.extensions["testimoni.settings"] = settings
    app.extensions["testimoni.sentences"] = dict(sentences or {})
    app.extensions["testimoni.machine"] = set()
    app.jinja_env.bytecode_cache = _COMPILED
    app.jinja_env.undefined = ChainableUndefined  # the design system's templates rely on it
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_loader = ChoiceLoader(
        [
            PackageLoader(package, "templates"),
            PackageLoader("protocol.runtime", "templates"),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    i18n.install_languages(app, package)
    app.jinja_env.globals.update(
        base_asset=_base_asset,
        csrf_token=_csrf_token,
        csp_nonce=csp_nonce,
        environment=settings.environment,
        service_name=package,
        sentence=sentence,
    )
    app.register_blueprint(
        Blueprint("base", "protocol.runtime", static_folder="static", static_url_path="/base"), name="base"
    )
    _install_metrics(app)
    _install_health(app, ready)
    app.before_request(_before)
    app.after_request(_after)
    app.register_error_handler(Error, _on_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    return app


def machine(app: Flask, blueprint: Blueprint) -> None:
    """Register a blueprint that programs call, authenticated by its own protocol rather than by a cookie."""
    app.extensions["testimoni.machine"].add(blueprint.name)
    app.register_blueprint(blueprint)


def csp_nonce() -> str:
    """Return this response's nonce for its script and style elements."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def allow_form_target(origin: str) -> None:
    """Let this page's forms end at another origin too; browsers hold later redirects to the policy as well."""
    g.setdefault("form_targets", []).append(origin_of(origin))


def sentence(code: str) -> str:
    """Return the sentence for people that belongs to an error code, in the language of this request."""
    own: dict[str, str] = _extension("testimoni.sentences")
    english = own.get(code) or _SENTENCES.get(code) or _SENTENCES["server_error"]
    return i18n.gettext(english)


# English source sentences; the base catalogue translates them
_SENTENCES = {
    "server_error": "Something went wrong on our side. Nothing was lost. Please try again in a moment.",
    "temporarily_unavailable": (
        "A service we need does not answer right now. Nothing was lost. Please try again in a moment."
    ),
    "csrf": "This page was open too long. Please go back, reload it and try again.",
    "invalid_request": "We could not understand what was sent. Please go back and start again.",
    "not_found": "There is nothing at this address. It may have expired.",
    "sign_in_required": "Please sign in first.",
}


def _extension(name: str) -> dict[str, str]:
    found: dict[str, str] = current_app.extensions.get(name, {})
    return found


@cache
def _asset_version(name: str) -> str:
    return sha256((files("protocol.runtime") / "static" / name).read_bytes()).hex()[:16]


def _base_asset(name: str) -> str:
    """Return the address of a shared asset; it changes with the content, so browsers keep it for good."""
    return url_for("base.static", filename=name, v=_asset_version(name))


def _csrf_token() -> str:
    found = sessions(current_app)
    return found.get().csrf_token if found else ""


def _before() -> None:
    correlation.enter(request.headers.get(correlation.HEADER))
    g.started = perf_counter()
    found = sessions(current_app)
    machines: set[str] = current_app.extensions["testimoni.machine"]
    if found and request.method not in _SAFE_METHODS and request.blueprint not in machines:
        found.check_csrf()


def _after(response: Response) -> Response:
    nonce = csp_nonce()
    forms = " ".join(["'self'", *g.get("form_targets", [])])
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self' 'nonce-{nonce}'; "
        f"img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action {forms}; manifest-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.endpoint not in {"static", "base.static"}:
        response.headers.setdefault("Cache-Control", "no-store")
    elif "v" in request.args and response.status_code == HTTPStatus.OK:
        response.headers["Cache-Control"] = f"public, max-age={_ASSET_SECONDS}, immutable"
    response.headers[correlation.HEADER] = correlation.current()
    _log.info(
        "request",
        method=request.method,
        route=str(request.url_rule or ""),
        status=response.status_code,
        milliseconds=round((perf_counter() - g.get("started", perf_counter())) * 1000, 1),
    )
    return response


def wants_page() -> bool:
    """Whether the caller is a browser that navigates."""
    accepts = request.accept_mimetypes
    return bool(accepts.best_match(["application/json", "text/html"]) == "text/html" and accepts["text/html"])


def _on_error(error: Error) -> Response:
    check = error.check if isinstance(error, VerificationError) else None
    _log.warning("refused", code=error.code, check=check, status=error.status, reason=error.message)
    if request.path.startswith("/api/"):
        problem = {
            "type": f"urn:testimoni:error:{error.code}",
            "title": error.code,
            "status": error.status,
            "detail": error.message,
            "correlation_id": correlation.current(),
        }
        response = jsonify(problem if check is None else {**problem, "check": check})
        response.content_type = "application/problem+json"
    elif wants_page():
        response = make_response(
            render_template(
                "base/error.html", code=error.code, status=error.status, correlation_id=correlation.current()
            )
        )
    else:
        body = {"error": error.code, "error_description": error.message, "sentence": sentence(error.code)}
        response = jsonify(body if check is None else {**body, "check": check})
    response.status_code = error.status
    if isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, QuotaError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _on_http_exception(exception: HTTPException) -> ResponseReturnValue:
    if exception.response is not None:
        return exception.get_response()
    status = exception.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = {404: "not_found", 405: "invalid_request", 413: "invalid_request"}.get(status, "server_error")
    response = _on_error(Error(code, exception.name.lower(), status=status))
    if isinstance(exception, MethodNotAllowed) and exception.valid_methods:
        response.headers["Allow"] = ", ".join(exception.valid_methods)
    return response


def _install_health(app: Flask, ready: Callable[[], None]) -> None:
    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """Answer while the process lives."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """Answer while its dependencies do."""
        ready()
        return jsonify(status="ok")


def _install_metrics(app: Flask) -> None:
    registry = CollectorRegistry()
    counted = Counter("testimoni_requests", "Requests answered", ["route", "status"], registry=registry)
    timed = Histogram("testimoni_request_seconds", "Time to answer", ["route"], registry=registry)

    @app.after_request
    def measure(response: Response) -> Response:
        route = str(request.url_rule or "none")
        counted.labels(route, response.status_code).inc()
        timed.labels(route).observe(perf_counter() - g.get("started", perf_counter()))
        return response

    @app.get("/metrics")
    def metrics() -> ResponseReturnValue:
        """Return this worker's counters (Prometheus text format)."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
