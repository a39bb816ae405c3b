// The forms, one per row, named as in the address (#login). `account` marks the account's own forms.
import { call, kOk } from "./api.js";
import { makeOffer } from "./factors.js";
import { makeRemoved } from "./passkeys.js";

const kToLogin = [["#login", "toLogin"]];
const kBack = [["#login", "backToLogin"]];
const kCancel = [["#account", "cancel"]];

async function logInAfter(context, { phone, password }) {
  const reply = await call("POST", "login", { phone, password, cookie: true });
  if (reply.code === kOk) await context.loggedIn("noteRegistered");
  else context.go("login", "noteRegisteredLogin");
}

async function removeTotp(context) {
  const list = await context.ask("GET", "factors");
  if (list?.code !== kOk) return list;
  const totp = list.factors.find((factor) => factor.kind === "totp");
  return context.ask("DELETE", `factors/${totp?.id ?? 0}`);
}

/// What to say after a login or confirmation by `reply`.
function noteOf({ recovery_codes_left: left }, usual = "") {
  if (left === undefined) return usual;
  return left > 2 ? "noteRecoveryUsed" : "noteRecoveryFew";
}

/// fields: keys of kFields in form.js; purpose of the code; request: method and path below /users/, or send(context), which
/// returns the reply; with: sent with the fields; once: has an Idempotency-Key; confirm: a box to tick; second: asks for a second factor when the service does;
/// passkey: what a passkey alone is for here; without `submit` there is no other way;
/// above(context): what stands above the form; done(context, values, reply): called after success.
export const kForms = {
  login: {
    title: "loginTitle", tabs: true, fields: ["knownPhone", "password"], submit: "login",
    request: ["POST", "login"], with: { cookie: true }, second: true, passkey: "login",
    done: (context, values, reply) => {
      context.typedPassword = Boolean(values.password);
      return context.loggedIn(noteOf(reply));
    },
    links: [["#reset", "toReset"], ["#register", "toRegister"]],
  },
  "login-code": {
    title: "loginTitle", tabs: true, fields: ["knownPhone", "code"], purpose: "login", submit: "login",
    request: ["POST", "login"], with: { cookie: true }, second: true, passkey: "login",
    done: (context, values, reply) => context.loggedIn(noteOf(reply)), links: [["#register", "toRegister"]],
  },
  register: {
    title: "registerTitle", intro: "registerIntro", fields: ["phone", "code", "firstPassword"], purpose: "regist", submit: "register",
    request: ["POST", "regist"], once: true, done: logInAfter, links: kToLogin,
  },
  reset: {
    title: "resetTitle", intro: "resetIntro", fields: ["knownPhone", "code", "newPassword"], purpose: "reset", submit: "reset",
    request: ["POST", "reset"], second: true, done: (context, values, reply) => context.go("login", noteOf(reply, "noteReset")), links: kBack,
  },
  password: {
    account: true, title: "passwordTitle", intro: "passwordIntro", fields: ["oldPassword", "newPassword"], submit: "save",
    request: ["POST", "password"], done: (context) => context.go("account", "notePassword"), links: kCancel,
  },
  phone: {
    account: true, title: "phoneTitle", intro: "phoneIntro", fields: ["newPhone", "code", "currentPassword"], purpose: "phone",
    submit: "save", request: ["POST", "phone"], done: (context) => context.changed("notePhone"), links: kCancel,
  },
  confirm: {
    account: true, title: "confirmTitle", intro: "confirmIntro", fields: ["currentPassword"], second: true, submit: "goAhead",
    request: ["POST", "confirm"], passkey: "confirm", done: (context, values, reply) => context.confirmed(noteOf(reply)), links: kCancel,
  },
  // For a location whose rule asks for more than a password.
  passkey: {
    account: true, title: "confirmTitle", intro: "passkeyIntro", fields: [], request: ["POST", "confirm"], passkey: "confirm",
    done: (context, values, reply) => context.confirmed(noteOf(reply)), links: [["#totp", "addApp"], ...kCancel],
  },
  totp: {
    account: true, title: "totpTitle", intro: "totpIntro", above: makeOffer, fields: ["totp"], submit: "addApp",
    request: ["POST", "factors/totp/confirm"], done: (context, values, reply) => context.showRecoveryCodes(reply, "noteApp"), links: kCancel,
  },
  "new-codes": {
    account: true, title: "newCodesTitle", intro: "newCodesIntro", fields: [], submit: "makeCodes",
    request: ["POST", "factors/recovery"], done: (context, values, reply) => context.showRecoveryCodes(reply), links: kCancel,
  },
  "remove-totp": {
    account: true, danger: true, title: "removeTitle", intro: "removeIntro", fields: [], submit: "removeApp",
    send: removeTotp, done: (context) => context.go("account", "noteRemoved"), links: kCancel,
  },
  "remove-passkey": {
    account: true, danger: true, title: "removePasskeyTitle", intro: "removePasskeyIntro", above: makeRemoved, fields: [], submit: "removePasskey",
    send: (context) => context.ask("DELETE", `factors/${context.removing?.id ?? 0}`),
    done: (context) => context.go("account", "notePasskeyRemoved"), links: kCancel,
  },
  delete: {
    account: true, danger: true, title: "deleteTitle", intro: "deleteIntro", fields: ["currentPassword"], confirm: true,
    submit: "delete", request: ["DELETE", "me"], done: (context) => context.loggedOut("noteDeleted"), links: kCancel,
  },
};
