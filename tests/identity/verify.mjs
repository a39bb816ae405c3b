// A backend in Node: verify.mjs URL ISSUER AUDIENCE. Reads and prints what verify.py does.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [url, issuer, audience] = process.argv.slice(2);
let ahead = 0;
const clock = Date.now;
Date.now = () => clock() + ahead * 1000; // of the keys; the token's own times go by new Date()
const keys = createRemoteJWKSet(new URL(url), { cacheMaxAge: 300_000 });

for await (const line of createInterface({ input: process.stdin })) {
  const [seconds, token] = line.split(" ");
  ahead = Number(seconds);
  try {
    const { payload } = await jwtVerify(token, keys, { algorithms: ["EdDSA"], issuer, audience });
    console.log(`ok ${payload.sub}`);
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
