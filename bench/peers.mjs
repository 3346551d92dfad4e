// SPDX-License-Identifier: EUPL-1.2
// The JavaScript peers, asked line by line over standard input: one JSON request, one JSON answer.
// {"do": "set-up", …} gives the material; {"do": "time", "what": NAME, "repeat": N} answers {"wall": s, "cpu": s};
// {"do": "verify", "wiring": W, "text": …, "nonce": …} answers {"accepted": true | false}.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { ES256, digest, generateSalt } from "@sd-jwt/crypto-nodejs";
import { StatusList, createHeaderAndPayload } from "@sd-jwt/jwt-status-list";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";

const RAW = "ieee-p1363";

// As the library's own documentation wires it: WebCrypto, asynchronous, keys imported by its helpers.
async function defaultWiring(material) {
  return new SDJwtVcInstance({
    signer: await ES256.getSigner(material.issuer_key),
    signAlg: "ES256",
    verifier: await ES256.getVerifier(material.issuer_public_key),
    kbVerifier: async (data, signature, payload) => (await ES256.getVerifier(payload.cnf.jwk))(data, signature),
    hasher: digest,
    hashAlg: "sha-256",
    saltGenerator: generateSalt,
    statusListFetcher: async () => material.status_list_token,
  });
}

// The fastest we found: synchronous node:crypto and key objects kept; the holder's key is fresh each time.
function bestWiring(material) {
  const secret = { key: createPrivateKey({ key: material.issuer_key, format: "jwk" }), dsaEncoding: RAW };
  const issuer = { key: createPublicKey({ key: material.issuer_public_key, format: "jwk" }), dsaEncoding: RAW };
  const check = (data, signature, key) => verify("sha256", Buffer.from(data), key, Buffer.from(signature, "base64url"));
  return new SDJwtVcInstance({
    signer: (data) => sign("sha256", Buffer.from(data), secret).toString("base64url"),
    signAlg: "ES256",
    verifier: (data, signature) => check(data, signature, issuer),
    kbVerifier: (data, signature, payload) =>
      check(data, signature, { key: createPublicKey({ key: payload.cnf.jwk, format: "jwk" }), dsaEncoding: RAW }),
    hasher: (data) => createHash("sha256").update(typeof data === "string" ? data : Buffer.from(data)).digest(),
    hashAlg: "sha-256",
    saltGenerator: (length) => randomBytes(Math.ceil(length / 2)).toString("hex").slice(0, length),
    statusListFetcher: async () => material.status_list_token,
  });
}

function verifying(instance, presentations) {
  return (turn) => {
    const { text, nonce } = presentations[turn % presentations.length];
    return instance.verify(text, { keyBindingNonce: nonce });
  };
}

function issuing(instance, material) {
  const { payload, disclosable, x5c } = material.issuance;
  const claims = { ...payload, ...disclosable };
  const frame = { _sd: Object.keys(disclosable) };
  return () => instance.issue(claims, frame, { header: { x5c } });
}

// Sets and unsets one entry in turn, then compresses and signs the whole list again.
function flipping(material) {
  const entries = new Array(material.status_list_size).fill(0);
  for (const index of material.revoked) entries[index] = 1;
  const list = new StatusList(entries, 1);
  const secret = { key: createPrivateKey({ key: material.issuer_key, format: "jwk" }), dsaEncoding: RAW };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return (turn) => {
    list.setStatus(material.flipped, turn % 2);
    const { header, payload } = createHeaderAndPayload(list, { ...material.status_list_claims }, { alg: "ES256" });
    const input = `${encode(header)}.${encode(payload)}`;
    return `${input}.${sign("sha256", Buffer.from(input), secret).toString("base64url")}`;
  };
}

const instances = {};
const work = {};

async function setUp(material) {
  instances.default = await defaultWiring(material);
  instances.best = bestWiring(material);
  for (const [wiring, instance] of Object.entries(instances)) {
    work[`issue ${wiring}`] = issuing(instance, material);
    work[`verify ${wiring}`] = verifying(instance, material.presentations);
    work[`verify with status ${wiring}`] = verifying(instance, material.presentations_with_status);
  }
  work.flip = flipping(material);
  return { node: process.version, openssl: process.versions.openssl };
}

async function time({ what, repeat }) {
  const run = work[what];
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < repeat; turn++) await run(turn);
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6 };
}

async function accepts({ wiring, text, nonce }) {
  try {
    await instances[wiring].verify(text, { keyBindingNonce: nonce });
    return { accepted: true };
  } catch (error) {
    return { accepted: false, error: String(error.message) };
  }
}

const answers = { "set-up": setUp, time, verify: accepts };
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  console.log(JSON.stringify(await answers[request.do](request)));
}
