// Keccak-256, with which Ethereum names code, functions and blocks (WebCrypto does not have it). Lanes are BigInt:
// slow, and short enough to be read; what is hashed here is a contract's code at most.

const MASK = (1n << 64n) - 1n;
const RATE = 136;
const ROTATIONS = [
  0n, 1n, 62n, 28n, 27n, 36n, 44n, 6n, 55n, 20n, 3n, 10n, 43n, 25n, 39n, 41n, 45n, 15n, 21n, 8n, 18n, 2n, 61n, 56n, 14n,
];

/** The round constants by the linear feedback shift register of FIPS 202, section 3.2.5. */
function roundConstants() {
  const constants = [];
  let register = 1;
  for (let round = 0; round < 24; round++) {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) constant |= 1n << ((1n << BigInt(bit)) - 1n);
      register = register & 0x80 ? (register << 1) ^ 0x171 : register << 1;
    }
    constants.push(constant);
  }
  return constants;
}

const ROUNDS = roundConstants();
const rotate = (lane, by) => ((lane << by) | (lane >> (64n - by))) & MASK;

function permute(a) {
  for (const constant of ROUNDS) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    const d = [0, 1, 2, 3, 4].map((x) => c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1n));
    const b = new Array(25);
    for (let at = 0; at < 25; at++) {
      const x = at % 5;
      const y = (at - x) / 5;
      b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(a[at] ^ d[x], ROTATIONS[at]);
    }
    for (let at = 0; at < 25; at++) {
      const row = at - (at % 5);
      a[at] = b[at] ^ (~b[row + ((at + 1) % 5)] & MASK & b[row + ((at + 2) % 5)]);
    }
    a[0] ^= constant;
  }
}

/** The 32 bytes of Keccak-256 (the padding of Ethereum, not that of SHA-3). */
export function keccak256(data) {
  const padded = new Uint8Array((Math.floor(data.length / RATE) + 1) * RATE);
  padded.set(data);
  padded[data.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const lanes = new Array(25).fill(0n);
  const view = new DataView(padded.buffer);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let lane = 0; lane < RATE / 8; lane++) lanes[lane] ^= view.getBigUint64(block + 8 * lane, true);
    permute(lanes);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let lane = 0; lane < 4; lane++) out.setBigUint64(8 * lane, lanes[lane], true);
  return new Uint8Array(out.buffer);
}
