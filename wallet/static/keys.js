// SPDX-License-Identifier: EUPL-1.2
// Signing keys: made here, sealed before they leave, imported so that no script can read them again.

import { encode, seal, sha256, unseal, utf8 } from "./vault.js";

const P256 = { name: "ECDSA", namedCurve: "P-256" };

export const HOLDER = "holder-key";
export const CONSENT = "consent-key";

const about = (owner, kind, id) => ({ owner, kind, id, version: 1 });

/** Return the JWK thumbprint (RFC 7638). */
export async function thumbprint({ crv, kty, x, y }) {
  return encode(await sha256(utf8(JSON.stringify({ crv, kty, x, y }))));
}

/** Make a key pair: its public JWK, its thumbprint, its sealed private part, and a key to sign with now. */
export async function newKey(kind, owner, holderKeysKey) {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwk = { crv, kty, x, y };
  const id = await thumbprint(jwk);
  const secret = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const sealed = await seal(holderKeysKey, secret, about(owner, kind, id));
  const key = await crypto.subtle.importKey("pkcs8", secret, P256, false, ["sign"]);
  secret.fill(0);
  return { kind, id, jwk, sealed, key };
}

/** Open a sealed key of this kind; throws when it is another's, of another kind or damaged. */
export async function openKey(kind, id, sealed, owner, holderKeysKey) {
  const secret = await unseal(holderKeysKey, sealed, about(owner, kind, id));
  const key = await crypto.subtle.importKey("pkcs8", secret, P256, false, ["sign"]);
  secret.fill(0);
  return { kind, id, key };
}
