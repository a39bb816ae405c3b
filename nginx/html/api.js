// Sends one request to the service and returns its reply as a plain value.
import { locale } from "./texts.js";

/// The code if the service did not reply.
export const kAway = -1;

/// Result codes that the page handles.
export const kOk = 0;
export const kInvalid = 1001;
export const kWrongCredentials = 1004;
export const kWrongCode = 1005;
export const kNotLoggedIn = 1009;
export const kSecondFactorRequired = 1013;
export const kConfirmationRequired = 1014;
const kLeastTrouble = 9000;
export const kNoSuchResource = 9002;

const kTimeout = 60_000; // milliseconds; nginx answers within 45 seconds

/// Whether the same request may succeed a moment later.
export const isTrouble = (reply) => reply.code === kAway || (reply.code >= kLeastTrouble && reply.code < kNoSuchResource);

/// Sends `values` to /users/PATH and returns the reply's `data`; never throws. `key` is the Idempotency-Key. `account` is the
/// id of the account to act for: the service refuses the request if another one is logged in.
export async function call(method, path, values, { key, account } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": locale() };
  if (values) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (account) headers["X-Users-Account"] = account;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), kTimeout);
  try {
    const reply = await fetch(`/users/${path}`, {
      method, headers, body: values && JSON.stringify(values), cache: "no-store", signal: giveUp.signal,
    });
    const { data } = await reply.json();
    if (typeof data.code === "number") return data;
  } catch { /* no reply, or not the service's */ } finally {
    clearTimeout(timer);
  }
  return { code: kAway };
}

/// Returns the key of an intent: the same for the same values while their outcome is unknown.
export function makeIntent() {
  let values = "";
  let key = "";
  return {
    keyOf(sent) {
      const now = JSON.stringify(sent);
      if (!key || now !== values) {
        values = now;
        // randomUUID exists over HTTPS only.
        key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      }
      return key;
    },
    settle(reply) {
      if (!isTrouble(reply)) values = key = "";
    },
  };
}
