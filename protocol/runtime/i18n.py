# SPDX-License-Identifier: EUPL-1.2
"""Languages of the pages: Catalan first, then Spanish and English.

The source texts are English; catalogues are the `.po` files under each package's `translations/`, read at
start, so nothing needs compiling. A visitor's choice (`?lang=`) is kept in a cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, Response, current_app, g, has_request_context, request

LANGUAGES = {"ca": "Català", "es": "Español", "en": "English"}
DEFAULT_LANGUAGE = "ca"
COOKIE = "testimoni_lang"
_RUNTIME = "protocol.runtime"


@cache
def _catalogue(packages: tuple[str, ...], language: str) -> Translations:
    merged = Translations()
    for package in packages:
        source = files(package) / "translations" / language / "messages.po"
        if not source.is_file():
            continue
        compiled = BytesIO()
        with source.open("rb") as stream:
            write_mo(compiled, read_po(stream, locale=language))
        compiled.seek(0)
        merged.merge(Translations(compiled))
    return merged


def install_languages(app: Flask, package: str) -> None:
    """Translate this application's templates and messages from the base catalogue and the package's own."""
    app.extensions["testimoni.catalogues"] = (_RUNTIME, package)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.globals.update(languages=LANGUAGES, language=language)
    app.after_request(_remember)


def language() -> str:
    """Return the language of this request: asked for, remembered, preferred by the browser, or Catalan."""
    if not has_request_context():
        return DEFAULT_LANGUAGE
    if "language" not in g:
        wanted = (request.args.get("lang"), request.cookies.get(COOKIE))
        chosen = next((code for code in wanted if code in LANGUAGES), None)
        g.language = chosen or request.accept_languages.best_match(LANGUAGES, DEFAULT_LANGUAGE)
    return str(g.language)


def gettext(message: str) -> str:
    """Return the message in the language of this request."""
    return str(_catalogue(current_app.extensions["testimoni.catalogues"], language()).gettext(message))


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the message for this number in the language of this request."""
    found = _catalogue(current_app.extensions["testimoni.catalogues"], language())
    return str(found.ngettext(singular, plural, count))


def N_(message: str) -> str:  # noqa: N802 - the name that extraction tools know
    """Return the message itself: marks a text that is translated later, where it is shown."""
    return message


def in_all_languages(message: str) -> dict[str, str]:
    """Return the message in every language, for a text that travels to another program."""
    packages = current_app.extensions["testimoni.catalogues"]
    return {code: str(_catalogue(packages, code).gettext(message)) for code in LANGUAGES}


def in_language(texts: Mapping[str, str], code: str | None = None) -> str:
    """Return the text of a `{language: text}` table in this request's language, else Catalan, else any."""
    wanted = code or language()
    return texts.get(wanted) or texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()), "")


def _remember(response: Response) -> Response:
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, language(), max_age=31_536_000, samesite="Lax", httponly=True)
    return response
