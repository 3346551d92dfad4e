// SPDX-License-Identifier: EUPL-1.2
// What this device remembers of an open wallet until its person signs out: the holder-keys key, which scripts can
// use and not read, and the storage key sealed under it. Without a sign-in there is nothing here to open with them.

import { seal, unseal } from "./vault.js";

const about = (account) => ({ owner: account, kind: "storage-key", id: "device", version: 1 });

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("testimoni-wallet", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("vaults");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run(mode, work) {
  const db = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction("vaults", mode);
      const request = work(transaction.objectStore("vaults"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

export async function remember(account, { holderKeysKey, storageKey }) {
  const sealed = await seal(holderKeysKey, storageKey, about(account));
  await run("readwrite", (vaults) => vaults.put({ holderKeysKey, storageKey: sealed }, account));
}

/** Return both keys of this account, or null when the device does not have them. */
export async function recall(account) {
  const found = await run("readonly", (vaults) => vaults.get(account));
  if (!found) return null;
  const { holderKeysKey } = found;
  return { holderKeysKey, storageKey: await unseal(holderKeysKey, found.storageKey, about(account)) };
}

export async function forget(account) {
  await run("readwrite", (vaults) => vaults.delete(account));
}
