// SPDX-License-Identifier: EUPL-1.2
// Deciding: a fresh consent key, and signatures over exactly what the page shows.

import { CONSENT, HOLDER, newKey, openKey } from "./keys.js";
import { data, keysOf, onSubmit, post } from "./page.js";
import { signShare } from "./sign.js";

const shown = data();

onSubmit(document.getElementById("decide"), async (form) => {
  const { holderKeysKey } = await keysOf(shown.account);
  const chosen = {}, documents = [];
  for (const { queryId, candidates } of shown.asked) {
    const wanted = form.get(`document-${queryId}`) ?? candidates[0].documentId;
    const picked = candidates.find(({ documentId }) => documentId === wanted);
    chosen[queryId] = picked.documentId;
    documents.push(picked);
  }
  const consentKey = await newKey(CONSENT, shown.owner, holderKeysKey);
  const answer = await post(shown.prepare, { consent_key: consentKey.jwk, chosen });
  const holderKeys = {};
  for (const [id, sealed] of Object.entries(answer.sealed_keys)) {
    holderKeys[id] = await openKey(HOLDER, id, sealed, shown.owner, holderKeysKey);
  }
  const signatures = await signShare(answer, { ...shown, documents }, consentKey, holderKeys);
  const { next } = await post(answer.complete, { signatures, sealed_consent_key: consentKey.sealed });
  location.replace(next);
});
