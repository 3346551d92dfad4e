// SPDX-License-Identifier: EUPL-1.2
// Making the wallet: six words, the data key under them, and this device as the first that knows it.

import { remember } from "./device.js";
import { data, onSubmit, post } from "./page.js";
import { encode, newDataKey, openDataKey, wrapDataKey } from "./vault.js";
import { newWords } from "./words.js";

const { account } = data();
const words = newWords();
const list = document.getElementById("words");
for (const word of words) {
  const item = document.createElement("li");
  item.textContent = word;
  list.append(item);
}

onSubmit(document.getElementById("new-vault"), async () => {
  const dataKey = newDataKey();
  const wrapped = await wrapDataKey(dataKey, words.join(" "), account);
  const keys = await openDataKey(dataKey);
  const { next } = await post("/vault", { wrapped_key: wrapped, storage_key: encode(keys.storageKey) });
  await remember(account, keys);
  location.replace(next);
});
