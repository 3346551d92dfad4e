# SPDX-License-Identifier: EUPL-1.2
"""A visitor without eyes: walks the services' own pages over HTTP as a browser without scripts would.

It fills in forms by their field names and presses their buttons; there is no other way in than the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import requests
from lxml import html

from protocol.errors import UnavailableError
from protocol.runtime import correlation

_TIMEOUT_SECONDS = 30.0
_TEXT_CHARS = 300


class WalkError(Exception):
    """A page was not what the walk expected; says which page and what it said."""


@dataclass(frozen=True)
class Form:
    """One form: where it goes, and what it would send as it stands."""

    method: str
    action: str
    values: Mapping[str, str]
    # what the reader may choose, by field name
    choices: Mapping[str, tuple[str, ...]]


@dataclass
class Page:
    """A page that came back."""

    url: str
    status: int
    text: str
    tree: html.HtmlElement = field(repr=False)

    def said(self) -> str:
        """Return the words of the main part, shortened."""
        found = self.tree.xpath("//main") or [self.tree]
        return " ".join(found[0].text_content().split())[:_TEXT_CHARS]

    def forms(self) -> list[Form]:
        """Return the forms of the page."""
        return [self._form(form) for form in self.tree.forms]

    def form(self, *, action: str = "", **wanted: str) -> Form:
        """Return the first form whose address ends so and that has these fields."""
        for form in self.forms():
            if (
                form.action.split("?")[0].endswith(action)
                and set(wanted) <= form.values.keys() | form.choices.keys()
            ):
                return form
        raise WalkError(f"{self.url} has no such form ({action or sorted(wanted)}); it says: {self.said()}")

    def links(self, *, contains: str) -> list[str]:
        """Return the links whose address contains this, each once."""
        found = [urljoin(self.url, str(href)) for href in self.tree.xpath("//a/@href") if contains in href]
        return list(dict.fromkeys(found))

    def link(self, *, contains: str) -> str:
        """Return the first link whose address contains this."""
        for address in self.links(contains=contains):
            return address
        raise WalkError(f"{self.url} has no link with {contains}; it says: {self.said()}")

    def _form(self, form: html.FormElement) -> Form:
        values = {name: value or "" for name, value in form.form_values()}
        choices: dict[str, tuple[str, ...]] = {}
        for element in form.inputs:
            kind = element.get("type", "text")
            if element.name and kind in {"radio", "checkbox"}:
                choices[element.name] = (*choices.get(element.name, ()), element.get("value", "on"))
            elif element.name and element.tag in {"input", "textarea"}:
                values.setdefault(element.name, element.value or "")
        # the first button counts as pressed when it has a name
        for button in form.xpath(".//button[@name]"):
            choices[button.get("name")] = (*choices.get(button.get("name"), ()), button.get("value", ""))
        return Form(form.method.upper(), urljoin(self.url, form.get("action") or self.url), values, choices)


class Visitor:
    """One browser's worth of cookies."""

    def __init__(self, *, ca_file: Path | None = None, language: str = "en") -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"Accept": "text/html", "Accept-Language": language})
        if ca_file:
            self._session.verify = str(ca_file)

    def open(self, url: str) -> Page:
        """Follow a link."""
        return self._page("GET", url, None)

    def download(self, url: str) -> bytes:
        """Return the file behind a link."""
        try:
            answer = self._session.get(url, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as exc:
            raise UnavailableError("temporarily_unavailable", f"no answer from {url}") from exc
        if not answer.ok:
            raise WalkError(f"{answer.url} answered {answer.status_code}")
        return answer.content

    def submit(self, form: Form, **answers: str) -> Page:
        """Send a form with these answers."""
        return self._page(form.method, form.action, {**form.values, **answers})

    def close(self) -> None:
        """Forget everything."""
        self._session.close()

    def _page(self, method: str, url: str, data: Mapping[str, str] | None) -> Page:
        sent = {"params": data} if method == "GET" else {"data": data}
        self._session.headers[correlation.HEADER] = correlation.current()
        try:
            answer = self._session.request(method, url, timeout=_TIMEOUT_SECONDS, **sent)  # type: ignore[arg-type]  # one of two
        except requests.RequestException as exc:
            raise UnavailableError("temporarily_unavailable", f"no answer from {url}") from exc
        page = Page(answer.url, answer.status_code, answer.text, html.fromstring(answer.content or b"<html/>"))
        page.tree.make_links_absolute(answer.url)
        if not answer.ok:
            raise WalkError(f"{answer.url} answered {answer.status_code}: {page.said()}")
        return page
