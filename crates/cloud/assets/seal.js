// Seals a password for an agent's key: the inner COSE_Encrypt of the package, made with WebCrypto
// alone. The format stands in docs/package.md; the vectors there are checked against this file.

const AREA_SMALL = 384;
const AREA_LARGE = 1152;
const UNITS_MAX = 256;
const A256GCM = 3;
const RSAES_OAEP_SHA_256 = -41;

/** The password in its padded area: length in bytes, UTF-16LE, zeros. Null if it cannot be one. */
export function passwordArea(text) {
  const problem = passwordProblem(text);
  if (problem) throw new Error(problem);
  const length = 2 * text.length;
  const area = new Uint8Array(2 + length <= AREA_SMALL ? AREA_SMALL : AREA_LARGE);
  const view = new DataView(area.buffer);
  view.setUint16(0, length, false);
  // Written unit by unit: TextEncoder would silently replace half a surrogate pair.
  for (let unit = 0; unit < text.length; unit++) {
    view.setUint16(2 + 2 * unit, text.charCodeAt(unit), true);
  }
  return area;
}

/** Why the text cannot be a password: "empty", "tooLong", "notWellFormed", or null. */
export function passwordProblem(text) {
  if (text.length === 0) return "empty";
  if (text.length > UNITS_MAX) return "tooLong";
  // With U+0000 in it nobody could sign in: clients and directories take it for the end, or refuse it.
  return isWellFormed(text) && !text.includes("\0") ? null : "notWellFormed";
}

function isWellFormed(text) {
  if (typeof text.isWellFormed === "function") return text.isWellFormed();
  // A regular expression in Unicode mode sees a surrogate only where it has no partner.
  return !/\p{Surrogate}/u.test(text);
}

/** Seals an area for one agent of a ticket; contentKey and nonce are arguments for the vectors. */
export async function sealFor(agent, area, contentKey, nonce) {
  const keyId = fromBase64Url(agent.key_id);
  const publicKey = await crypto.subtle.importKey(
    "spki", fromBase64Url(agent.spki), { name: "RSA-OAEP", hash: "SHA-256" }, false, ["encrypt"]);
  const wrapped = new Uint8Array(
    await crypto.subtle.encrypt({ name: "RSA-OAEP" }, publicKey, contentKey));
  const protectedHeader = encode(new Map([[1, A256GCM]]));
  const additionalData = encode(
    ["Encrypt", protectedHeader, fromBase64Url(agent.associated_data)]);
  const key = await crypto.subtle.importKey("raw", contentKey, "AES-GCM", false, ["encrypt"]);
  const ciphertext = new Uint8Array(
    await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData }, key, area));
  const recipient = [
    new Uint8Array(0), new Map([[1, RSAES_OAEP_SHA_256], [4, keyId]]), wrapped];
  return encode([protectedHeader, new Map([[5, nonce]]), ciphertext, [recipient]]);
}

/** Seals a password once for every agent of the ticket: the body of the posting. */
export async function sealForAll(ticket, text) {
  const area = passwordArea(text);
  try {
    const agents = [];
    for (const agent of ticket.agents) {
      const contentKey = crypto.getRandomValues(new Uint8Array(32));
      const nonce = crypto.getRandomValues(new Uint8Array(12));
      const sealed = await sealFor(agent, area, contentKey, nonce);
      contentKey.fill(0);
      agents.push({ agent_id: agent.agent_id, sealed: toBase64Url(sealed) });
    }
    return { request_id: ticket.request_id, agents };
  } finally {
    area.fill(0);
  }
}

/** CBOR in its deterministic encoding (RFC 8949, 4.2.1), of what COSE needs: integers, byte and
 *  text strings, arrays, and maps whose keys are given in order. */
export function encode(value) {
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (value instanceof Uint8Array) return concat([head(2, value.length), value]);
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return concat([head(3, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return concat([head(4, value.length), ...value.map(encode)]);
  const entries = [...value].flatMap(([key, item]) => [encode(key), encode(item)]);
  return concat([head(5, value.size), ...entries]);
}

function head(major, number) {
  const type = major << 5;
  if (number < 24) return Uint8Array.of(type | number);
  if (number < 0x100) return Uint8Array.of(type | 24, number);
  return Uint8Array.of(type | 25, number >> 8, number & 0xff);
}

function concat(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function toBase64Url(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromBase64Url(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}
