// SPDX-License-Identifier: EUPL-1.2
// This page is no signing oracle: whatever the server asks to have signed is taken apart and compared with what the
// page displayed, member by member, and each kind of key signs only its own types.

import { CONSENT, HOLDER, thumbprint } from "./keys.js";
import { decode, encode, sha256, utf8 } from "./vault.js";

const TYPES = Object.freeze({
  proof: { kind: HOLDER, typ: "openid4vci-proof+jwt", header: ["alg", "jwk", "typ"] },
  binding: { kind: HOLDER, typ: "consent-binding+jwt", header: ["alg", "typ"] },
  "key-binding": { kind: HOLDER, typ: "kb+jwt", header: ["alg", "typ"] },
  record: { kind: CONSENT, typ: "consent-record+jwt", header: ["alg", "typ"] },
  withdrawal: { kind: CONSENT, typ: "consent-withdrawal+jwt", header: ["alg", "typ"] },
});
const COMMON = [
  "interactingPartyContact", "interactingPartyIdentifier", "interactingPartyName", "log", "onBehalfOf", "recordedBy",
  "schema", "time", "transactionIdentifier", "type",
];
const SHARE = [
  ...COMMON, "consentKey", "dpaContact", "dpaName", "legalBasis", "listOfClaimsPresented", "listOfClaimsRequested",
  "privacyPolicy", "procedure", "purpose", "request", "retention",
];
const WITHDRAWAL = [...COMMON, "previous", "request"];
const REGISTERED = new Set([
  "iss", "iat", "nbf", "exp", "vct", "vct#integrity", "aka_vcts", "cnf", "status", "sub", "_sd_alg",
]);
const HASHES = Object.freeze({ "sha-256": "SHA-256", "sha-384": "SHA-384", "sha-512": "SHA-512" });

/** What was to be signed is not what the page displayed. */
export class Mismatch extends Error {}

function must(holds, what) {
  if (!holds) throw new Mismatch(what);
}

const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
const parse = (part) => JSON.parse(text(decode(part)));

/** Canonical text of a JSON value, to compare two of them. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const same = (a, b) => canonical(a) === canonical(b);
const names = (value) => Object.keys(value).sort();

function open(step) {
  const parts = step.input.split(".");
  must(parts.length === 2, "a signing input has two parts");
  const type = TYPES[step.purpose];
  must(type !== undefined, "a known purpose");
  const header = parse(parts[0]);
  must(same(names(header), type.header) && header.alg === "ES256" && header.typ === type.typ, "the type of its purpose");
  return { header, body: decode(parts[1]) };
}

async function put(step, key) {
  must(key && key.kind === TYPES[step.purpose].kind && key.id === step.key, "a key of the right kind");
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.key, utf8(step.input));
  return encode(signature);
}

function checkPurposes(steps, expected) {
  must(same(steps.map((step) => step.purpose), expected), "exactly the steps of this act");
}

/** Sign proofs of new holder keys for the issuer that the page shows. `keys`: all new, each once. */
export async function signProofs(steps, keys, { issuer }) {
  checkPurposes(steps, keys.map(() => "proof"));
  const signatures = [];
  for (const [index, step] of steps.entries()) {
    const { header, body } = open(step), claims = JSON.parse(text(body));
    must(same(header.jwk, keys[index].jwk), "our new key in the proof");
    must(same(names(claims), ["aud", "iat", "nonce"]) && claims.aud === issuer, "a proof for the issuer shown");
    must(typeof claims.nonce === "string" && Number.isInteger(claims.iat), "a nonce and a time");
    signatures.push(await put(step, keys[index]));
  }
  return signatures;
}

async function commit(recordKey, record) {
  const key = await crypto.subtle.importKey("raw", recordKey, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const label = utf8("testimoni/record/1\0"), whole = new Uint8Array(label.length + record.length);
  whole.set(label);
  whole.set(record, label.length);
  return encode(await crypto.subtle.sign("HMAC", key, whole));
}

function checkRecord(record, shown, consentKey) {
  must(same(names(record), [...SHARE].sort()), "a record with the members of a share");
  must(record.schema === "testimoni/record/1" && record.type === "share", "the record of a share");
  must(record.recordedBy === "wallet" && record.onBehalfOf === false, "a record by this wallet");
  must(record.log === shown.log, "the log of this wallet");
  must(record.interactingPartyIdentifier === shown.partyCode, "the office shown");
  must(record.interactingPartyName === shown.partyName, "the name shown");
  must(same(record.procedure, shown.procedure), "the procedure shown");
  must(record.purpose === shown.purpose && record.retention === shown.retention, "the purpose and retention shown");
  must(record.legalBasis === shown.legalBasis, "the legal basis shown");
  must(same(record.request, { client_id: shown.clientId, nonce: shown.nonce }), "the request shown");
  must(same(record.consentKey, consentKey.jwk), "our consent key");
  shown.documents.forEach(checkPaths);
  const wanted = new Set(shown.documents.flatMap(({ vct, claims }) => (
    claims.map((claim) => canonical({ claim, credentialType: vct })))));
  const listed = record.listOfClaimsPresented.map(canonical);
  must(new Set(listed).size === listed.length && listed.length === wanted.size, "the claims shown, each once");
  must(listed.every((claim) => wanted.has(claim)), "the claims shown and no other");
}

/** Each place in a value that holds nothing further. */
function leaves(value, place = []) {
  const inner = value && typeof value === "object" ? Object.keys(value) : [];
  if (inner.length === 0) return [place];
  const step = Array.isArray(value) ? Number : String;
  return inner.flatMap((name) => leaves(value[name], [...place, step(name)]));
}

/** Whether a path of the record leads to a place: `*` is any element, and so is a position, for others may be hidden. */
function leads(path, place) {
  return path.length <= place.length && path.every((step, at) => (
    typeof place[at] === "number" ? step === "*" || /^[0-9]+$/.test(step) : step === place[at]));
}

/** The paths for the record are those of the values displayed; without any, the type alone is shown. */
function checkPaths({ values, claims }) {
  const places = Object.keys(values).length === 0 ? [["vct"]] : leaves(values);
  must(places.every((place) => claims.some((path) => leads(path, place))), "a path to each value shown");
  must(claims.every((path) => places.some((place) => leads(path, place))), "paths to what is shown only");
}

/** Everything that a presentation says, each disclosure in its place (RFC 9901, section 7.1). */
async function rebuild(payload, disclosures) {
  const hash = HASHES[payload._sd_alg ?? "sha-256"], open = new Map();
  must(hash !== undefined, "a hash that is known here");
  for (const text of disclosures) open.set(encode(await crypto.subtle.digest(hash, utf8(text))), parse(text));
  const take = (digest, parts) => {
    const found = open.get(digest);
    must(found === undefined || (Array.isArray(found) && found.length === parts), "each disclosure where it belongs");
    open.delete(digest);
    return found;
  };
  const expand = (value) => {
    if (Array.isArray(value)) return value.flatMap(element);
    if (!value || typeof value !== "object") return value;
    // no prototype: a claim may have any name
    const said = Object.create(null);
    for (const [name, inner] of Object.entries(value)) if (name !== "_sd") said[name] = expand(inner);
    for (const digest of value._sd ?? []) {
      const found = take(digest, 3);
      if (found === undefined) continue;
      must(!(found[1] in said), "each claim once");
      said[found[1]] = expand(found[2]);
    }
    return said;
  };
  const element = (item) => {
    if (!item || typeof item !== "object" || !("..." in item)) return [expand(item)];
    const found = take(item["..."], 2);
    return found === undefined ? [] : [expand(found[1])];
  };
  const said = expand(payload);
  must(open.size === 0, "no disclosure that belongs nowhere");
  return said;
}

/** The presentation holds this document's values as shown, and nothing else about the person. */
async function checkPresentation(presentation, key, { vct, values }) {
  const [issued, ...rest] = presentation.split("~");
  must(rest.pop() === "", "a presentation without key binding");
  const payload = parse(issued.split(".")[1]);
  must(payload.vct === vct && (await thumbprint(payload.cnf.jwk)) === key, "the document shown, bound to this key");
  const said = await rebuild(payload, rest);
  for (const name of REGISTERED) delete said[name];
  must(same(said, values), "exactly the values shown");
}

/** Sign a share: the record, then for each document its binding and key binding, all as the page displayed. */
export async function signShare({ steps, record_key: recordKey }, shown, consentKey, holderKeys) {
  checkPurposes(steps, ["record", ...shown.documents.flatMap(() => ["binding", "key-binding"])]);
  const { body } = open(steps[0]);
  checkRecord(JSON.parse(text(body)), shown, consentKey);
  const commitment = await commit(decode(recordKey), body);
  const signatures = [await put(steps[0], consentKey)];
  for (const [index, document] of shown.documents.entries()) {
    const binding = steps[1 + 2 * index], bound = steps[2 + 2 * index];
    must(binding.key === bound.key, "one key per document");
    const claims = JSON.parse(text(open(binding).body));
    must(same(claims, { aud: shown.clientId, commitment, nonce: shown.nonce }), "a binding of this record");
    const proof = JSON.parse(text(open(bound).body));
    must(same(names(proof), ["aud", "iat", "nonce", "sd_hash"]) && Number.isInteger(proof.iat), "a key binding");
    must(proof.aud === shown.clientId && proof.nonce === shown.nonce, "a key binding for the office shown");
    must(proof.sd_hash === encode(await sha256(utf8(bound.presentation))), "the digest of this presentation");
    await checkPresentation(bound.presentation, bound.key, document);
    signatures.push(await put(binding, holderKeys[binding.key]), await put(bound, holderKeys[bound.key]));
  }
  return signatures;
}

/** Sign a take-back of the share that the page shows, of the kind that was chosen. */
export async function signTakeBack(steps, shown, request, openConsentKey) {
  checkPurposes(steps, ["withdrawal"]);
  const record = JSON.parse(text(open(steps[0]).body));
  must(same(names(record), [...WITHDRAWAL].sort()), "a record with the members of a take-back");
  must(record.schema === "testimoni/record/1" && record.type === "withdrawal", "the record of a take-back");
  must(record.recordedBy === "wallet" && record.onBehalfOf === false, "a record by this wallet");
  must(record.request === request && record.previous === shown.commitment, "what was chosen, of the share shown");
  must(record.interactingPartyIdentifier === shown.partyCode, "the office shown");
  return [await put(steps[0], await openConsentKey(steps[0].key))];
}
