// SPDX-License-Identifier: EUPL-1.2
// The citizen's vault in the browser: the same keys and sealed forms as `wallet/vault.py`, tested against the same
// vectors (tests/vectors/vault.json).
//
// The data key is made here and leaves only wrapped under the six words. Of its two subkeys the storage key travels
// to the server with each request that needs it; the holder-keys key is not extractable and stays.

export const KDF = "PBKDF2-HMAC-SHA-256";
export const MIN_ROUNDS = 600000;
const MAX_ROUNDS = 5000000;
const STORAGE_INFO = "testimoni/storage/1";
const HOLDER_KEYS_INFO = "testimoni/holder-keys/1";
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const encoder = new TextEncoder();

export function encode(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function decode(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error("malformed base64url");
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0));
}

export const utf8 = (text) => encoder.encode(text);

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** What a sealed blob is bound to, in canonical JSON: members sorted by name. */
function associated({ owner, kind, id, version }) {
  return utf8(JSON.stringify({ id, kind, owner, version }));
}

export async function seal(key, plaintext, about, nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))) {
  const parameters = { name: "AES-GCM", iv: nonce, additionalData: associated(about) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, key, plaintext));
  const whole = new Uint8Array(nonce.length + sealed.length);
  whole.set(nonce);
  whole.set(sealed, nonce.length);
  return encode(whole);
}

export async function unseal(key, text, about) {
  const whole = decode(text);
  const parameters = { name: "AES-GCM", iv: whole.slice(0, NONCE_BYTES), additionalData: associated(about) };
  return new Uint8Array(await crypto.subtle.decrypt(parameters, key, whole.slice(NONCE_BYTES)));
}

/** The words as they are stretched: lower case, no accents, one space between. */
export function normalise(passphrase) {
  return passphrase.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").trim().split(/\s+/u).join(" ");
}

async function stretch(passphrase, salt, rounds) {
  const words = await crypto.subtle.importKey("raw", utf8(normalise(passphrase)), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds },
    words, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"],
  );
}

const aboutDataKey = (account) => ({ owner: account, kind: "data-key", id: "vault", version: 1 });

export async function wrapDataKey(dataKey, passphrase, account, { salt, nonce } = {}) {
  salt ??= crypto.getRandomValues(new Uint8Array(16));
  nonce ??= crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const key = await stretch(passphrase, salt, MIN_ROUNDS);
  const sealed = decode(await seal(key, dataKey, aboutDataKey(account), nonce));
  return {
    kdf: KDF, salt: encode(salt), rounds: MIN_ROUNDS, nonce: encode(nonce), wrapped: encode(sealed.slice(NONCE_BYTES)),
  };
}

/** Return the data key; throws when the words are others, or the parameters are weaker than they may be. */
export async function unwrapDataKey(wrapped, passphrase, account) {
  const { kdf, rounds } = wrapped;
  if (kdf !== KDF || !Number.isInteger(rounds) || rounds < MIN_ROUNDS || rounds > MAX_ROUNDS) {
    throw new Error("unknown way of wrapping");
  }
  const key = await stretch(passphrase, decode(wrapped.salt), rounds);
  const nonce = decode(wrapped.nonce), sealed = decode(wrapped.wrapped);
  const whole = new Uint8Array(nonce.length + sealed.length);
  whole.set(nonce);
  whole.set(sealed, nonce.length);
  return unseal(key, encode(whole), aboutDataKey(account));
}

export function newDataKey() {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

async function derive(dataKey, info) {
  const key = await crypto.subtle.importKey("raw", dataKey, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, KEY_BYTES * 8));
}

/** Return both subkeys and overwrite the data key. */
export async function openDataKey(dataKey) {
  const storageKey = await derive(dataKey, STORAGE_INFO);
  const raw = await derive(dataKey, HOLDER_KEYS_INFO);
  const holderKeysKey = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  raw.fill(0);
  dataKey.fill(0);
  return { storageKey, holderKeysKey };
}
