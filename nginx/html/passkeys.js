// Passkeys: what the browser asks the device for, and the card on the account view.
import { call, isTrouble, kConfirmationRequired, kNoSuchResource, kOk } from "./api.js";
import { deviceName } from "./device.js";
import { make, makeAction } from "./dom.js";
import { describe } from "./replies.js";
import { ago, fullDate, text } from "./texts.js";

const kRenewAfter = 4 * 60_000; // milliseconds; a challenge is valid for 5 minutes
const kOffered = "users.passkeyOffered"; // storage key: this device was asked once

// Browsers make passkeys for names only.
const isAddress = /^[\d.]+$|:/.test(location.hostname);
let isOff = isAddress || !window.PublicKeyCredential; // also: the site has no passkeys
let waiting = null; // aborts the request that waits in the phone's field: browsers allow one at a time

export const arePossible = () => !isOff;

function decode(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function encode(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const credentials = (list) => list.map(({ id, transports }) => ({ type: "public-key", id: decode(id), transports }));

/// The request `path` for a challenge. Notes if the site has no passkeys.
async function challenge(ask, path, values) {
  const reply = await ask("POST", path, values);
  if (reply?.code === kNoSuchResource) isOff = true;
  return reply;
}

/// The arguments passkey_* by a challenge of the service. Throws what the browser throws.
async function sign({ challenge: bytes, rp_id: rpId, timeout, user_verification: userVerification, allow }, options = {}) {
  const { rawId, response } = await navigator.credentials.get({
    publicKey: { challenge: decode(bytes), rpId, timeout, userVerification, allowCredentials: credentials(allow) }, ...options,
  });
  const fields = {
    passkey_id: encode(rawId), passkey_client_data: encode(response.clientDataJSON),
    passkey_authenticator_data: encode(response.authenticatorData), passkey_signature: encode(response.signature),
  };
  if (response.userHandle) fields.passkey_user_handle = encode(response.userHandle);
  return fields;
}

/// What to say about an error of the browser; "" if the user has begun something else.
function reasonOf(error) {
  if (error.name === "AbortError") return "";
  if (error.name === "InvalidStateError") return text("passkeyThere");
  if (error.name === "SecurityError") return text("passkeyElsewhere");
  return text("passkeyRefused");
}

const passkeysOf = (all) => all?.factors.filter((factor) => factor.kind === "passkey") ?? [];

/// `all`: the reply of GET factors; nothing: another account may come.
function learn(context, all) {
  context.hasPasskey = all ? passkeysOf(all).length > 0 : null;
  isOff ||= all?.passkeys === false;
}

/// Whether the account can confirm by passkey here.
export async function hasPasskey(context) {
  if (context.hasPasskey === null) {
    const all = await context.ask("GET", "factors");
    if (all?.code === kOk) learn(context, all);
  }
  return !isOff && Boolean(context.hasPasskey);
}

export function stopWaiting() {
  waiting?.abort();
  waiting = null;
}

/// Asks for a passkey for `purpose` (as of POST passkey/challenge), by `ask` as of call(). Returns { values } to send, or
/// { reply }, the service's refusal, or { reason } to tell.
export async function usePasskey(ask, purpose) {
  stopWaiting();
  const reply = await challenge(ask, "passkey/challenge", { purpose });
  if (reply?.code !== kOk) return { reply };
  try {
    return { values: await sign(reply) };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/// Lets the browser offer passkeys in the field for the phone, and calls `use` with what the chosen one has signed. `known`
/// is called once it is clear whether the site has passkeys.
export async function waitForPasskey(use, known) {
  stopWaiting();
  if (isOff) return known();
  const mine = new AbortController();
  waiting = mine;
  const reply = await challenge(call, "passkey/challenge", { purpose: "login" });
  known();
  if (waiting !== mine || reply.code !== kOk || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  const renew = setTimeout(() => { if (waiting === mine) waitForPasskey(use, known); }, kRenewAfter);
  try {
    const values = await sign(reply, { mediation: "conditional", signal: mine.signal });
    if (waiting === mine) await use(values);
  } catch { /* aborted, or refused where nothing was asked for */ } finally {
    clearTimeout(renew);
  }
}

/// Makes a passkey and adds it to the account. Returns the service's reply, null if that was handled, or { reason }.
async function addPasskey(context) {
  stopWaiting();
  const offer = await challenge(context.ask, "factors/passkey/challenge");
  if (offer?.code !== kOk) return offer;
  let made;
  try {
    made = await navigator.credentials.create({
      publicKey: {
        challenge: decode(offer.challenge), rp: { id: offer.rp_id, name: offer.rp_name }, timeout: offer.timeout,
        user: { id: decode(offer.user_handle), name: offer.user_name, displayName: offer.user_name },
        pubKeyCredParams: offer.algorithms.map((alg) => ({ type: "public-key", alg })), excludeCredentials: credentials(offer.exclude),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      },
    });
  } catch (error) {
    return { reason: reasonOf(error) };
  }
  return context.ask("POST", "factors/passkey", {
    name: deviceName(navigator.userAgent), client_data: encode(made.response.clientDataJSON),
    attestation_object: encode(made.response.attestationObject), transports: (made.response.getTransports?.() ?? []).join(),
  });
}

/// Whether to offer a passkey to somebody who has just typed the password: once on a device that can make one.
async function mayOffer() {
  try {
    if (localStorage.getItem(kOffered) || !await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()) return false;
    localStorage.setItem(kOffered, "1");
    return true;
  } catch { /* storage is blocked: it would be offered each time */ }
  return false;
}

const describePasskey = (name, used) => make("span", {}, make("strong", {}, name), make("span", { class: "small" }, used));

/// Says which passkey is removed: several may be of the same kind of device.
export function makeRemoved(context) {
  const element = make("p", { class: "list" });
  return {
    element,
    show: () => { if (context.removing) element.replaceChildren(describePasskey(context.removing.name, context.removing.used)); },
    forget: () => element.replaceChildren(),
  };
}

/// The card on the account view; `changed` is called after one was added. `trouble`: the view's alert box.
export function makePasskeys(context, trouble, changed) {
  const list = make("ul", { class: "list" });
  const offer = make("p", { class: "intro offered", hidden: true, "data-text": "passkeyOffer" });
  const element = make("section", { class: "card", hidden: true, "aria-labelledby": "passkeys-title" },
    make("h2", { id: "passkeys-title", "data-text": "passkeysTitle" }), make("p", { class: "intro", "data-text": "passkeysIntro" }), offer,
    list, make("div", { class: "actions" }, makeAction("addPasskey", add)));
  let factors = [];

  async function add() {
    trouble.clear();
    const reply = await addPasskey(context);
    if (!reply) return;
    if (reply.code === kConfirmationRequired) context.confirmThen("account");
    else if (reply.reason !== undefined) { if (reply.reason) trouble.show(reply.reason); }
    else if (reply.fields?.includes("passkeys")) trouble.show(text("passkeysFull"));
    else if (reply.code !== kOk) trouble.show(describe(reply), isTrouble(reply) ? add : null);
    else {
      context.tell("notePasskey");
      await changed();
    }
  }

  function makeRow(factor) {
    const name = factor.name ?? text("passkey");
    const remove = make("a", { class: "button danger", href: "#remove-passkey", "aria-label": text("removeOf", { name }), "data-text": "remove" });
    const used = factor.last_used ? `${text("appUsed")}${text("join")}${ago(factor.last_used)}` : text("addedOn", { date: fullDate(factor.created) });
    remove.addEventListener("click", () => { context.removing = { id: factor.id, name, used }; });
    return make("li", {}, describePasskey(name, used), remove);
  }

  function render() {
    list.replaceChildren(...factors.map(makeRow));
    list.hidden = factors.length === 0;
    // A passkey can be removed where none can be added.
    element.hidden = factors.length === 0 && isOff;
  }

  return {
    element,
    /// `all`: the reply of GET factors; nothing: forgets them.
    async show(all) {
      factors = passkeysOf(all);
      learn(context, all);
      offer.hidden = true;
      render();
      if (!all) return;
      const asked = context.typedPassword && factors.length === 0 && !isOff && await mayOffer();
      context.typedPassword = false;
      offer.hidden = !asked || factors.length > 0;
    },
    retranslate: render,
  };
}
