// SPDX-License-Identifier: EUPL-1.2
// Taking back: signed with the consent key of the share that the page shows.

import { CONSENT, openKey } from "./keys.js";
import { data, keysOf, onSubmit, post } from "./page.js";
import { signTakeBack } from "./sign.js";

const shown = data();

onSubmit(document.getElementById("take-back"), async (form) => {
  const { holderKeysKey } = await keysOf(shown.account);
  const request = form.get("request");
  const answer = await post(shown.prepare, { request });
  const open = (id) => openKey(CONSENT, id, answer.sealed_keys[id], shown.owner, holderKeysKey);
  const signatures = await signTakeBack(answer.steps, shown, request, open);
  const { next } = await post(answer.complete, { signatures });
  location.replace(next);
});
