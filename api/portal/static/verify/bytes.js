// Bytes and their spellings: one value has one spelling, and every other is refused.
import { MalformedError } from "./errors.js";

const HEX = /^(?:[0-9a-f]{2})*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const utf8 = (text) => new TextEncoder().encode(text);

/** The text of UTF-8 bytes; a byte order mark is a character like any other, so that none is dropped. */
export function textOf(data, what) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new MalformedError(what, "not UTF-8");
  }
}

export function concat(...parts) {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Negative, zero or positive, as bytes are ordered. */
export function compareBytes(a, b) {
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

export const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function unhex(text, length = null, what = "hexadecimal") {
  if (typeof text !== "string") throw new MalformedError(what, "not a string");
  if (!HEX.test(text)) throw new MalformedError(what, "not lowercase hexadecimal");
  if (length !== null && text.length !== 2 * length) {
    throw new MalformedError(what, `${text.length / 2} bytes, not ${length}`);
  }
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function base64(data) {
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function unbase64(text, length = null, what = "base64") {
  if (typeof text !== "string") throw new MalformedError(what, "not a string");
  if (!BASE64.test(text)) throw new MalformedError(what, "no standard base64");
  const data = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (base64(data) !== text) throw new MalformedError(what, "not the one spelling of its base64");
  if (length !== null && data.length !== length) {
    throw new MalformedError(what, `${data.length} bytes, not ${length}`);
  }
  return data;
}

/** `number` as `width` bytes, big endian; the caller knows that it fits. */
export function bigEndian(number, width) {
  return unhex(BigInt(number).toString(16).padStart(2 * width, "0"), width);
}

/** The number that the bytes are, big endian, as a BigInt. */
export const numberOf = (data) => (data.length ? BigInt(`0x${hex(data)}`) : 0n);

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}
