// One form: its fields, its errors, its sending. What the forms are stands in forms.js.
import { call, Intent, isTrouble, kInvalid, kOk } from "./api.js";
import { makeCodeButton } from "./code_button.js";
import { alertBox, isBusy, make, setBusy } from "./dom.js";
import { describe, explain } from "./replies.js";
import { strength } from "./strength.js";
import { applyTexts, text } from "./texts.js";

/// Attributes of the fields, by name. `label` and `help` are keys of texts.
const kFields = {
  phone: { label: "phone", help: "phoneHelp", type: "tel", inputmode: "tel", autocomplete: "tel" },
  newPhone: { name: "phone", label: "newPhone", help: "phoneHelp", type: "tel", inputmode: "tel", autocomplete: "tel" },
  code: { label: "code", help: "codeHelp", type: "text", inputmode: "numeric", autocomplete: "one-time-code" },
  password: { label: "password", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  oldPassword: { name: "old_password", label: "oldPassword", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  currentPassword: { name: "password", label: "oldPassword", help: "passwordHelp", type: "password", autocomplete: "current-password" },
  firstPassword: { name: "password", label: "password", help: "newPasswordHelp", type: "password", autocomplete: "new-password" },
  newPassword: { name: "password", label: "newPassword", help: "newPasswordHelp", type: "password", autocomplete: "new-password" },
};

/// Which field a result code is about: the first of these that the form has. Any other code is told above the form.
const kFieldsOfCode = {
  1002: ["phone"], 1004: ["old_password", "password"], 1005: ["code"], 1006: ["code"], 1010: ["password"],
};

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

/// A form as forms.js describes it. `context` is what its functions are given.
export class Form {
  #spec;
  #context;
  #fields = new Map();
  #updates = [];
  #alert = alertBox();
  #intent = new Intent();
  #submit;
  #confirm = null;

  constructor(name, spec, context) {
    this.#spec = spec;
    this.#context = context;
    this.#submit = make("button", { class: spec.danger ? "main danger" : "main", "data-text": spec.submit });
    this.element = make("form", { novalidate: true, "aria-labelledby": `${name}-title`, submit: (event) => this.#onSubmit(event) });
    this.element.append(this.#alert.box);
    if (spec.account) this.element.append(this.#makeUserName());
    for (const field of spec.fields) this.element.append(this.#makeField(name, kFields[field]));
    if (spec.confirm) this.element.append(this.#makeConfirm(name));
    this.element.append(this.#submit);
    this.retranslate();
  }

  value(name) { return this.#fields.get(name)?.input.value ?? ""; }

  set(name, value) {
    const field = this.#fields.get(name);
    if (field && !field.input.value) field.input.value = value;
  }

  focusFirst() { this.#fields.values().next().value.input.focus(); }

  /// After a change of language: errors are the service's and in the other one, so they go.
  retranslate() {
    this.clearErrors();
    applyTexts(this.element);
    for (const update of this.#updates) update();
  }

  /// Forgets passwords and codes, or everything.
  forget(everything = false) {
    for (const [name, { input }] of this.#fields) {
      if (everything || name !== "phone") input.value = "";
      if (name.endsWith("password")) input.type = "password";
    }
    if (this.#confirm) this.#confirm.input.checked = false;
    this.retranslate();
  }

  clearErrors() {
    this.#alert.clear();
    for (const field of [...this.#fields.values(), this.#confirm]) if (field) this.#mark(field, "");
  }

  #makeUserName() {
    // Tells password managers whose password it is.
    const input = make("input", { autocomplete: "username", hidden: true, "aria-hidden": "true", tabindex: -1 });
    this.#updates.push(() => { input.value = this.#context.phone(); });
    return input;
  }

  #makeField(form, { name, label, help, ...attributes }) {
    name ??= label;
    const id = `${form}-${name}`;
    const isNew = attributes.autocomplete === "new-password";
    const input = make("input", {
      id, name, ...attributes, autocapitalize: "off", spellcheck: "false", "aria-describedby": `${isNew ? `${id}-hint ` : ""}${id}-error`,
    });
    const error = make("p", { id: `${id}-error`, class: "error", "aria-live": "polite" });
    const box = make("div", { class: "box" }, input);
    const row = make("div", { class: "field" }, make("label", { for: id, "data-text": label }), box);
    if (attributes.type === "password") {
      const { button, update } = makeShowButton(input, label);
      this.#updates.push(update);
      box.append(button);
    }
    if (name === "code") box.append(this.#makeCodeButton(form, row));
    if (isNew) {
      const { meter, update } = makeStrength(input, () => this.value("phone") || this.#context.phone());
      this.#updates.push(update);
      row.append(make("p", { id: `${id}-hint`, class: "hint", "data-text": "passwordHint" }), meter);
    }
    row.append(error);
    const field = { input, error, help };
    input.addEventListener("input", () => this.#mark(field, ""));
    this.#fields.set(name, field);
    return row;
  }

  #makeConfirm(form) {
    const id = `${form}-confirm`;
    const input = make("input", { id, type: "checkbox", "aria-describedby": `${id}-error` });
    const error = make("p", { id: `${id}-error`, class: "error", "aria-live": "polite" });
    this.#confirm = { input, error };
    input.addEventListener("change", () => this.#mark(this.#confirm, ""));
    return make("div", { class: "field" },
      make("label", { class: "check" }, input, make("span", { "data-text": "confirm" })), error);
  }

  #makeCodeButton(form, row) {
    const status = make("p", { class: "hint", role: "status" });
    row.append(status);
    const { button, update } = makeCodeButton({
      purpose: this.#spec.purpose,
      phone: () => this.value("phone").trim(),
      onStart: () => { this.clearErrors(); status.textContent = ""; },
      onSent: () => {
        status.textContent = text("codeSent");
        this.#fields.get("code").input.focus();
      },
      onFailure: (reply, again) => this.#showFailure(reply, again),
    });
    // The countdown is of the phone that is typed.
    this.element.addEventListener("input", update);
    this.#updates.push(() => { status.textContent = ""; update(); });
    return button;
  }

  #mark(field, message) {
    field.error.textContent = message;
    if (message) field.input.setAttribute("aria-invalid", "true");
    else field.input.removeAttribute("aria-invalid");
  }

  /// Puts the words to the fields they are about, or above the form; the focus goes to the first.
  #showFailure(reply, again) {
    const ofCode = (kFieldsOfCode[reply.code] ?? []).find((name) => this.#fields.has(name));
    const wrong = reply.code === kInvalid ? (reply.fields ?? []).filter((name) => this.#fields.has(name)) : ofCode ? [ofCode] : [];
    if (wrong.length === 0) {
      this.#alert.show(describe(reply, "awayHelp"), isTrouble(reply) ? again : null);
      return;
    }
    for (const name of wrong) {
      const field = this.#fields.get(name);
      this.#mark(field, reply.code === kInvalid ? explain(reply.msg, text(field.help)) : describe(reply));
    }
    const first = [...this.#fields.keys()].find((name) => wrong.includes(name));
    this.#fields.get(first).input.focus();
  }

  #values() {
    const values = {};
    for (const [name, { input }] of this.#fields) {
      values[name] = name.endsWith("password") ? input.value : input.value.trim();
    }
    if (values.code) values.code = values.code.replace(/\s/g, "");
    return values;
  }

  async #onSubmit(event) {
    event?.preventDefault();
    if (isBusy(this.#submit)) return;
    this.clearErrors();
    if (this.#confirm && !this.#confirm.input.checked) {
      this.#mark(this.#confirm, text("confirmHelp"));
      this.#confirm.input.focus();
      return;
    }
    const values = this.#values();
    setBusy(this.#submit, true);
    const [method, path] = this.#spec.request;
    const sent = { ...values, ...this.#spec.with };
    const reply = this.#spec.account
      ? await this.#context.ask(method, path, sent)
      : await call(method, path, sent, { key: this.#spec.once && this.#intent.keyOf(sent) });
    if (reply) this.#intent.settle(reply);
    if (reply?.code === kOk) await this.#spec.done(this.#context, values, reply);
    setBusy(this.#submit, false);
    if (!reply) return; // The page has forgotten the form.
    if (reply.code === kOk) this.forget(true);
    else this.#showFailure(reply, () => this.#onSubmit());
  }
}
