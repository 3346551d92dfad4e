// SPDX-License-Identifier: EUPL-1.2
// Opening the wallet: at once on a device that remembers, with the six words on any other.

import { recall, remember } from "./device.js";
import { Refused, data, onSubmit, post } from "./page.js";
import { encode, openDataKey, unwrapDataKey } from "./vault.js";

const { account, wrapped, wrongWords } = data();

async function open(keys) {
  const { next } = await post("/session/unlock", { storage_key: encode(keys.storageKey) });
  await remember(account, keys);
  location.replace(next);
}

onSubmit(document.getElementById("unlock"), async (form) => {
  let dataKey;
  try {
    dataKey = await unwrapDataKey(wrapped, form.get("words"), account);
  } catch {
    throw new Refused("wrong_key", wrongWords);
  }
  await open(await openDataKey(dataKey));
});

const known = await recall(account).catch(() => null);
if (known) await open(known).catch(() => {});
