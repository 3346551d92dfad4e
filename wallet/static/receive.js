// SPDX-License-Identifier: EUPL-1.2
// Receiving a document: new holder keys, one per copy, proven to the issuer that the page shows.

import { HOLDER, newKey } from "./keys.js";
import { data, keysOf, onSubmit, post } from "./page.js";
import { signProofs } from "./sign.js";

const MAX_ROUNDS = 3;
const shown = data();

onSubmit(document.getElementById("receive"), async (form) => {
  const { holderKeysKey } = await keysOf(shown.account);
  const keys = await Promise.all(
    Array.from({ length: shown.copies }, () => newKey(HOLDER, shown.owner, holderKeysKey)),
  );
  let answer = await post(shown.prepare, {
    tx_code: form.has("tx_code") ? form.get("tx_code").replace(/\s/g, "") : null,
    keys: keys.map(({ jwk, sealed }) => ({ jwk, sealed })),
  });
  // an issuer may ask for proofs over a fresh nonce
  for (let round = 0; answer.steps && round < MAX_ROUNDS; round += 1) {
    answer = await post(answer.complete, { signatures: await signProofs(answer.steps, keys, shown) });
  }
  location.replace(answer.next);
});
