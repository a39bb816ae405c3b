// One form: fields, errors, sending. forms.js defines the forms.
import { call, isTrouble, kConfirmationRequired, kInvalid, kOk, kSecondFactorRequired, kWrongCode, kWrongCredentials, makeIntent } from "./api.js";
import { makeCodeButton } from "./code_button.js";
import { alertBox, isBusy, make, setBusy } from "./dom.js";
import { arePossible, hasPasskey, stopWaiting, usePasskey, waitForPasskey } from "./passkeys.js";
import { describe, explain } from "./replies.js";
import { strength } from "./strength.js";
import { applyTexts, text } from "./texts.js";

/// Attributes of the fields, by name. `label` and `help` are keys of texts.
const kFields = {
  phone: { label: "phone", help: "phoneHelp", type: "tel", inputmode: "tel", autocomplete: "tel" },
  // Password managers fill in what they store under this name.
  knownPhone: { name: "phone", label: "phone", help: "phoneHelp", type: "tel", inputmode: "tel", autocomplete: "username" },
  newPhone: { name: "phone", label: "newPhone", help: "phoneHelp", type: "tel", inputmode: "tel", autocomplete: "tel" },
  code: { label: "code", help: "codeHelp", type: "text", inputmode: "numeric", autocomplete: "one-time-code" },
  totp: { label: "totp", help: "totpHelp", type: "text", inputmode: "numeric", autocomplete: "one-time-code" },
  recoveryCode: { name: "recovery_code", label: "recoveryCode", help: "recoveryHelp", type: "text", autocomplete: "off" },
  password: { label: "password", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  oldPassword: { name: "old_password", label: "oldPassword", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  currentPassword: { name: "password", label: "oldPassword", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  firstPassword: { name: "password", label: "password", help: "newPasswordHelp", type: "password", autocomplete: "new-password" },
  newPassword: { name: "password", label: "newPassword", help: "newPasswordHelp", type: "password", autocomplete: "new-password" },
};

/// The field that a result code is about: the first of these that the form has. Other codes are shown above the form.
const kFieldsOfCode = {
  1002: ["phone"], 1004: ["old_password", "password"], 1005: ["code", "totp"], 1006: ["code"], 1010: ["password"],
};

/// What to say of a wrong second factor besides the service's message.
const kAgain = { totp: "totpAgain", recovery_code: "recoveryAgain" };

function makeStrength(input, phone) {
  const words = make("span", { "aria-live": "polite" });
  const meter = make("p", { class: "strength", hidden: true },
    make("span", { class: "bars", "aria-hidden": "true" }, make("i"), make("i"), make("i")), words);
  const update = () => {
    const level = strength(input.value, phone());
    meter.hidden = input.value === "";
    meter.dataset.level = level;
    words.textContent = input.value && text("strengthIs", { level: text(`strength${level}`) });
  };
  input.addEventListener("input", update);
  return { meter, update };
}

function makeShowButton(input, label) {
  const button = make("button", { type: "button", class: "inside", "aria-pressed": "false" });
  const update = () => {
    const shown = input.type === "text";
    button.setAttribute("aria-pressed", shown);
    button.textContent = text(shown ? "hide" : "show");
    button.setAttribute("aria-label", text("showOf", { field: text(label) }));
  };
  button.addEventListener("click", () => {
    input.type = input.type === "text" ? "password" : "text";
    update();
  });
  return { button, update };
}

/// A form as defined in forms.js. `context` is passed to its functions.
export function makeForm(name, spec, context) {
  const fields = new Map();
  const updates = [];
  const failure = alertBox();
  const intent = makeIntent();
  const above = spec.above?.(context) ?? null;
  const submit = make("button", { class: spec.danger ? "main danger" : "main", "data-text": spec.submit });
  const element = make("form", { novalidate: true, "aria-labelledby": `${name}-title`, submit: onSubmit });
  let confirm = null;

  // For a passkey alone, and for one beside what was typed.
  const passkey = spec.passkey ? make("button", { type: "button", class: "wide", hidden: true, "data-text": `passkey_${spec.passkey}`, click: sendAlone }) : null;
  const secondPasskey = make("button", { type: "button", class: "link", hidden: true, "data-text": "use_passkey", click: sendAsSecond });
  // The rows of a second factor; at most one is shown.
  const second = new Map();
  const secondShown = () => [...second.keys()].find((name) => !second.get(name).hidden);

  const value = (field) => fields.get(field)?.input.value ?? "";

  function set(name, typed) {
    const field = fields.get(name);
    if (field && !field.input.value) field.input.value = typed;
  }

  /// After a change of language: the service's errors are in the old language, so remove them.
  function retranslate() {
    clearErrors();
    applyTexts(element);
    for (const update of updates) update();
  }

  /// Clears passwords and codes, or everything.
  function forget(everything = false) {
    for (const [name, { input }] of fields) {
      if (everything || name !== "phone") input.value = "";
      if (name.endsWith("password")) input.type = "password";
    }
    if (confirm) confirm.input.checked = false;
    showSecond(null);
    secondPasskey.hidden = true;
    above?.forget();
    if (passkey) stopWaiting();
    retranslate();
  }

  /// The form is on the screen.
  function show() {
    above?.show();
    if (spec.passkey === "login") waitForPasskey((values) => send(values, passkey), showPasskey);
    else if (passkey) showPasskey();
  }

  async function showPasskey() {
    passkey.hidden = !(spec.account ? await hasPasskey(context) : arePossible());
  }

  /// Shows the field `name` for a second factor, or none.
  function showSecond(name) {
    for (const [own, row] of second) {
      row.hidden = own !== name;
      if (row.hidden) fields.get(own).input.value = "";
    }
    if (name) fields.get(name).input.focus();
  }

  /// A field with a button that shows the other one of the two.
  function makeSecond(form, key, other) {
    const row = makeField(form, kFields[key]);
    row.append(make("button", { type: "button", class: "link", "data-text": `use_${other}`, click: () => { clearErrors(); showSecond(other); } }));
    row.hidden = true;
    second.set(kFields[key].name ?? key, row);
    return row;
  }

  function clearErrors() {
    failure.clear();
    for (const field of [...fields.values(), confirm]) if (field) mark(field, "");
  }

  function makeUserName() {
    // Tells password managers whose password this is.
    const input = make("input", { autocomplete: "username", hidden: true, "aria-hidden": "true", tabindex: -1 });
    updates.push(() => { input.value = context.phone(); });
    return input;
  }

  function makeField(form, { name, label, help, ...attributes }) {
    name ??= label;
    const id = `${form}-${name}`;
    const isNew = attributes.autocomplete === "new-password";
    // Browsers offer passkeys in a field that says so.
    if (spec.passkey && name === "phone") attributes.autocomplete += " webauthn";
    const input = make("input", {
      id, name, ...attributes, autocapitalize: "off", spellcheck: "false", "aria-describedby": `${isNew ? `${id}-hint ` : ""}${id}-error`,
    });
    const error = make("p", { id: `${id}-error`, class: "error", "aria-live": "polite" });
    const box = make("div", { class: attributes.type === "password" ? "box holds" : "box" }, input);
    const row = make("div", { class: "field" }, make("label", { for: id, "data-text": label }), box);
    if (attributes.type === "password") {
      const { button, update } = makeShowButton(input, label);
      updates.push(update);
      box.append(button);
    }
    if (name === "code") box.append(addCodeButton(form, row));
    if (isNew) {
      const { meter, update } = makeStrength(input, () => value("phone") || context.phone());
      updates.push(update);
      row.append(make("p", { id: `${id}-hint`, class: "hint", "data-text": "passwordHint" }), meter);
    }
    row.append(error);
    const field = { input, error, help };
    input.addEventListener("input", () => mark(field, ""));
    fields.set(name, field);
    return row;
  }

  function makeConfirm(form) {
    const id = `${form}-confirm`;
    const input = make("input", { id, type: "checkbox", "aria-describedby": `${id}-error` });
    const error = make("p", { id: `${id}-error`, class: "error", "aria-live": "polite" });
    confirm = { input, error };
    input.addEventListener("change", () => mark(confirm, ""));
    return make("div", { class: "field" },
      make("label", { class: "check" }, input, make("span", { "data-text": "confirm" })), error);
  }

  function addCodeButton(form, row) {
    const status = make("p", { class: "hint", role: "status" });
    row.append(status);
    const { button, update } = makeCodeButton({
      purpose: spec.purpose,
      phone: () => value("phone").trim(),
      onStart: () => { clearErrors(); status.textContent = ""; },
      onSent: () => {
        status.textContent = text("codeSent");
        fields.get("code").input.focus();
      },
      onFailure: (reply, again) => showFailure(reply, again),
    });
    // The countdown belongs to the typed phone.
    element.addEventListener("input", update);
    updates.push(() => { status.textContent = ""; update(); });
    return button;
  }

  function mark(field, message) {
    field.error.textContent = message;
    if (message) field.input.setAttribute("aria-invalid", "true");
    else field.input.removeAttribute("aria-invalid");
  }

  /// Shows messages at their fields, or above the form; focuses the first.
  function showFailure(reply, again) {
    // Only a wrong second factor comes with the list of factors.
    const ofCode = reply.factors ? secondShown() : (kFieldsOfCode[reply.code] ?? []).find((name) => fields.has(name));
    const wrong = reply.code === kInvalid ? (reply.fields ?? []).filter((name) => fields.has(name)) : ofCode ? [ofCode] : [];
    if (wrong.length === 0) {
      failure.show(describe(reply, "awayHelp"), isTrouble(reply) ? again : null);
      return;
    }
    for (const name of wrong) {
      const field = fields.get(name);
      const help = reply.code === kInvalid ? field.help : reply.factors ? kAgain[name] : null;
      mark(field, help ? explain(reply.msg, text(help)) : describe(reply));
    }
    const first = [...fields.keys()].find((name) => wrong.includes(name));
    fields.get(first).input.focus();
  }

  function typed() {
    const values = {};
    for (const [name, { input }] of fields) {
      if (second.get(name)?.hidden) continue;
      values[name] = name.endsWith("password") ? input.value : input.value.trim();
    }
    return values;
  }

  function onSubmit(event) {
    event?.preventDefault();
    if (isBusy(submit)) return;
    clearErrors();
    if (confirm && !confirm.input.checked) {
      mark(confirm, text("confirmHelp"));
      confirm.input.focus();
      return;
    }
    send(typed(), submit);
  }

  /// Sends values and shows the outcome; `button` is busy meanwhile.
  async function send(values, button) {
    setBusy(button, true);
    const sent = { ...values, ...spec.with };
    const reply = spec.send ? await spec.send(context)
      : spec.account ? await context.ask(...spec.request, sent)
      : await call(...spec.request, sent, { key: spec.once && intent.keyOf(sent) });
    if (reply) intent.settle(reply);
    if (reply?.code === kOk) await spec.done(context, values, reply);
    setBusy(button, false);
    if (!reply) return; // The page has cleared the form.
    if (reply.code === kOk) forget(true);
    else if (reply.code === kConfirmationRequired) context.confirmThen(name);
    else if (reply.code === kSecondFactorRequired) {
      showSecond(reply.factors[0]);
      secondPasskey.hidden = !arePossible() || !reply.factors.includes("passkey");
      if (passkey) passkey.hidden = true;
    } else if (button !== submit && [kWrongCredentials, kWrongCode].includes(reply.code)) failure.show(text("passkeyNotTaken"));
    else showFailure(reply, () => button.click());
  }

  function sendAlone() {
    sendPasskey(passkey, spec.passkey, {});
  }

  function sendAsSecond() {
    const values = typed();
    for (const own of second.keys()) delete values[own];
    sendPasskey(secondPasskey, "second_factor", values);
  }

  /// Asks the device for a passkey, and sends it with `values`.
  async function sendPasskey(button, purpose, values) {
    if (isBusy(button)) return;
    clearErrors();
    setBusy(button, true);
    const signed = await usePasskey(spec.account ? context.ask : call, purpose);
    setBusy(button, false);
    if (signed.values) await send({ ...values, ...signed.values }, button);
    else if (signed.reply) showFailure(signed.reply, () => button.click());
    else if (signed.reason) failure.show(signed.reason);
  }

  element.append(failure.box);
  if (spec.account) element.append(makeUserName());
  for (const field of spec.fields) element.append(makeField(name, kFields[field]));
  if (spec.second) element.append(makeSecond(name, "totp", "recovery_code"), makeSecond(name, "recoveryCode", "totp"));
  if (spec.second) element.append(secondPasskey);
  if (spec.confirm) element.append(makeConfirm(name));
  if (spec.submit) element.append(submit);
  if (passkey) element.append(passkey);
  retranslate();
  return { element, above, show, value, set, retranslate, forget };
}
