// SPDX-License-Identifier: EUPL-1.2
// What the wallet's pages with keys have in common: their data, sending, waiting, and saying what went wrong.

import { recall } from "./device.js";
import { Mismatch } from "./sign.js";

/** The server refused, with a sentence for people. */
export class Refused extends Error {
  constructor(code, sentence) {
    super(code);
    this.code = code;
    this.sentence = sentence;
  }
}

export const data = () => JSON.parse(document.getElementById("page-data").textContent);

export async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content,
    },
    body: JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    redirect: "error",
  });
  const members = await answer.json();
  if (!answer.ok) throw new Refused(members.error, members.sentence);
  return members;
}

/** Return this account's keys; a device that does not have them asks for the six words first. */
export async function keysOf(account) {
  const keys = await recall(account);
  if (keys) return keys;
  location.assign(`/unlock?device=new&next=${encodeURIComponent(location.pathname)}`);
  return new Promise(() => {});
}

function say(sentence) {
  const box = document.getElementById("problem");
  box.querySelector("[data-text]").textContent = sentence;
  box.hidden = !sentence;
  if (sentence) box.focus();
}

/** Do the work when the form is sent: once at a time, with a word while it takes, and a sentence if it fails. */
export function onSubmit(form, work) {
  const status = document.getElementById("status");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say("");
    form.setAttribute("aria-busy", "true");
    status.textContent = form.dataset.busy;
    try {
      await work(new FormData(form, event.submitter));
    } catch (error) {
      if (error.code === "locked" || error.code === "sign_in_required") return location.reload();
      const { mismatch, failed } = document.getElementById("problem").dataset;
      say(error.sentence || (error instanceof Mismatch ? mismatch : failed));
      if (!error.sentence) console.warn(error.name, error.message);
      busy = false;
      form.removeAttribute("aria-busy");
      status.textContent = "";
    }
  });
  form.dataset.ready = "true";
}
