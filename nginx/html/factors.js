// The second factor: its card on the account view, the offer of a secret, and the recovery codes.
import { isTrouble, kConfirmationRequired, kOk } from "./api.js";
import { alertBox, make, makeAction } from "./dom.js";
import { describe } from "./replies.js";
import { ago, applyTexts, fullDate, text } from "./texts.js";

const kQuietZone = 4; // modules of white around a QR code (ISO/IEC 18004)

/// Draws rows of 0 and 1 as a QR code, black on white in every colour scheme.
function drawQr(rows) {
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const size = rows.length + 2 * kQuietZone;
  const squares = rows.flatMap((row, y) => [...row].map((cell, x) => (cell === "1" ? `M${x + kQuietZone},${y + kQuietZone}h1v1h-1z` : "")));
  const picture = svg("svg", { viewBox: `0 0 ${size} ${size}`, class: "qr", role: "img", "aria-label": text("qrLabel"), "shape-rendering": "crispEdges" });
  picture.append(svg("rect", { width: size, height: size, fill: "#fff" }), svg("path", { d: squares.join(""), fill: "#000" }));
  return picture;
}

/// Above the form that takes the app's first code: a new secret, as QR code and as text.
export function makeOffer(context) {
  const trouble = alertBox();
  const picture = make("div", {});
  const secret = make("code", { class: "secret" });
  const link = make("a", { "data-text": "openApp" });
  const offer = make("div", { hidden: true }, picture,
    make("p", { class: "hint", "data-text": "secretHint" }), make("p", {}, secret), make("p", { class: "hint" }, link));
  const element = make("div", { class: "offer" }, trouble.box, offer);
  let asked = 0; // each request for an offer makes the earlier ones void

  async function show() {
    forget();
    const number = asked;
    const reply = await context.ask("POST", "factors/totp");
    if (!reply || number !== asked) return;
    if (reply.code === kConfirmationRequired) {
      context.confirmThen("totp");
      return;
    }
    if (reply.code !== kOk) {
      trouble.show(describe(reply), isTrouble(reply) ? show : null);
      return;
    }
    picture.replaceChildren(drawQr(reply.qr));
    secret.textContent = reply.secret.replace(/(.{4})(?=.)/g, "$1 ");
    link.href = reply.uri;
    offer.hidden = false;
  }

  function forget() {
    ++asked;
    trouble.clear();
    offer.hidden = true;
    picture.replaceChildren();
    secret.textContent = "";
    link.removeAttribute("href");
  }

  return { element, show, forget };
}

/// The view of new recovery codes, which are shown once.
export function makeRecoveryCodes() {
  let codes = [];
  const list = make("ol", { class: "codes" });
  const status = make("p", { class: "hint", role: "status" });
  const asText = () => `${location.host}\n${codes.join("\n")}\n`;
  const copy = makeAction("copyCodes", async () => {
    await navigator.clipboard.writeText(asText());
    status.textContent = text("codesCopied");
  });
  // Only pages over HTTPS may write to the clipboard.
  copy.hidden = !navigator.clipboard;
  const save = makeAction("saveCodes", () => {
    const file = URL.createObjectURL(new Blob([asText()], { type: "text/plain" }));
    make("a", { href: file, download: "recovery-codes.txt" }).click();
    URL.revokeObjectURL(file);
  });
  const element = make("section", { class: "card form", "aria-labelledby": "recovery-title" },
    make("h1", { id: "recovery-title", tabindex: -1, "data-text": "recoveryTitle" }),
    make("p", { class: "intro", "data-text": "recoveryIntro" }), list,
    make("div", { class: "actions" }, copy, makeAction("printCodes", () => print()), save), status,
    make("p", { class: "links" }, make("a", { href: "#account", "data-text": "codesDone" })));

  return {
    element,
    take(fresh) {
      codes = fresh;
      list.replaceChildren(...codes.map((code) => make("li", {}, code)));
      status.textContent = "";
    },
    isEmpty: () => codes.length === 0,
    forget() { this.take([]); },
  };
}

/// The card on the account view. `trouble`: the view's alert box; `passkeys`: the card for these.
export function makeFactors(context, trouble, passkeys) {
  const facts = make("dl", { hidden: true });
  const intro = make("p", { class: "intro", "data-text": "factorIntro" });
  const actions = make("div", { class: "actions" });
  const element = make("section", { class: "card", "aria-labelledby": "factor-title" },
    make("h2", { id: "factor-title", "data-text": "factorTitle" }), intro, facts, actions);
  let shown = null; // the reply of GET factors

  const fact = (key, words) => make("div", {}, make("dt", { "data-text": key }), make("dd", {}, words));
  const link = (href, key, danger = "") => make("a", { class: `button${danger}`, href, "data-text": key });

  function render() {
    const totp = shown?.factors.find((factor) => factor.kind === "totp");
    facts.hidden = !totp;
    intro.hidden = Boolean(totp);
    facts.replaceChildren();
    actions.replaceChildren();
    if (!shown) return;
    if (!totp) {
      actions.append(link("#totp", "addApp"));
      return;
    }
    facts.append(fact("app", text("addedOn", { date: fullDate(totp.created) })),
      fact("appUsed", totp.last_used ? ago(totp.last_used) : text("never")),
      fact("recoveryLeft", String(shown.recovery_codes)));
    actions.append(link("#new-codes", "newCodes"), link("#totp", "replaceApp"), link("#remove-totp", "toRemoveApp", " danger"));
  }

  async function load() {
    const reply = await context.ask("GET", "factors");
    if (!reply) return;
    if (reply.code !== kOk) {
      trouble.show(describe(reply), isTrouble(reply) ? load : null);
      return;
    }
    shown = reply;
    render();
    await passkeys.show(reply);
  }

  return {
    element,
    load,
    retranslate() {
      applyTexts(element);
      render();
    },
    forget() {
      shown = null;
      render();
      passkeys.show(null);
    },
  };
}
