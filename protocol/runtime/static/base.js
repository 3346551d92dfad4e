// SPDX-License-Identifier: EUPL-1.2
// What every page does with scripts: the design system's parts, and regions that keep themselves up to date.
// Without scripts each page still works; a live region then has its own link to reload.

import {
  Button, CharacterCount, Checkboxes, ErrorSummary, NotificationBanner, PasswordInput, Radios, ServiceNavigation,
  SkipLink, Tabs, createAll,
} from "./vendor/govuk-frontend/govuk-frontend.min.js";

const parts = [
  [Button, { preventDoubleClick: true }], [CharacterCount], [Checkboxes], [ErrorSummary], [NotificationBanner],
  [PasswordInput], [Radios], [ServiceNavigation], [SkipLink], [Tabs],
];

function start(scope) {
  for (const [part, config] of parts) createAll(part, config, scope);
}

/**
 * Keep an element as the server would render it now: `<div id="…" data-live="SECONDS" data-live-url="…">` is
 * fetched again and replaced when it changed, until the server sends it without `data-live`. A fresh element with
 * `data-live-reload` makes the whole page load again (the next step has come).
 */
async function follow(id, first) {
  let seen = first;
  for (;;) {
    const element = document.getElementById(id);
    const seconds = Number(element?.dataset.live);
    if (!element || !seconds) return;
    await new Promise((done) => setTimeout(done, seconds * 1000));
    if (document.hidden) continue;
    let fresh;
    try {
      const answer = await fetch(element.dataset.liveUrl || location.href, {
        headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin",
      });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    } catch {
      element.setAttribute("data-live-paused", "");
      continue;
    }
    element.removeAttribute("data-live-paused");
    if (!fresh) return;
    if (fresh.dataset.liveReload !== undefined) {
      location.reload();
      return;
    }
    if (fresh.outerHTML === seen) continue;
    seen = fresh.outerHTML;
    const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
    const adopted = document.importNode(fresh, true);
    element.replaceWith(adopted);
    start(adopted);
    if (focused) document.getElementById(focused)?.focus();
  }
}

const live = [...document.querySelectorAll("[data-live][id]")].map((element) => [element.id, element.outerHTML]);
if ("noModule" in HTMLScriptElement.prototype) {
  document.body.classList.add("js-enabled", "govuk-frontend-supported");
  start(document);
}
for (const [id, html] of live) follow(id, html);
