// The page's own texts, and the choice of language. Error messages come from the service.

// key: [Chinese, English]; {name} is a placeholder.
const kTexts = {
  brand: ["账号", "Account"],
  otherLanguage: ["English", "中文"],
  loading: ["正在载入…", "Loading…"],

  loginTitle: ["登录", "Log in"],
  byPassword: ["密码登录", "Password"],
  byCode: ["验证码登录", "Code by SMS"],
  waysToLogIn: ["登录方式", "Ways to log in"],
  login: ["登录", "Log in"],
  toRegister: ["注册新账号", "Create an account"],
  toReset: ["忘记密码？", "Forgot your password?"],
  toLogin: ["已有账号？去登录", "Have an account? Log in"],
  backToLogin: ["返回登录", "Back to login"],
  registerTitle: ["注册新账号", "Create an account"],
  registerIntro: ["用手机号注册，我们会发送短信验证码。", "Your phone number is your account. We send it a code."],
  register: ["注册", "Create account"],
  resetTitle: ["重置密码", "Reset your password"],
  resetIntro: ["验证手机号后设置新密码，所有设备都需要重新登录。", "Prove your number, then choose a new password. All devices are logged out."],
  reset: ["重置密码", "Reset password"],

  phone: ["手机号", "Phone number"],
  newPhone: ["新手机号", "New phone number"],
  code: ["验证码", "Code"],
  password: ["密码", "Password"],
  newPassword: ["新密码", "New password"],
  oldPassword: ["当前密码", "Current password"],
  show: ["显示", "Show"],
  hide: ["隐藏", "Hide"],
  showOf: ["显示{field}", "Show {field}"],
  sendCode: ["获取验证码", "Send code"],
  sendAgain: ["{time}后可重发", "Again in {time}"],
  codeSent: ["如果号码无误，验证码马上送达。", "If the number is right, the code arrives in a moment."],
  passwordHint: ["至少 {shortest} 个字符，几个不相关的词最好记也最安全。", "At least {shortest} characters. A few unrelated words are easy to keep and hard to guess."],
  strength0: ["太短", "too short"],
  strength1: ["容易被猜到", "easy to guess"],
  strength2: ["一般", "fair"],
  strength3: ["很好", "good"],
  strengthIs: ["强度估计：{level}", "Estimated strength: {level}"],

  phoneHelp: ["请填写手机号，例如 188 6666 8888；境外号码以 + 和国家代码开头。", "a mobile number such as +44 7700 900123; without a country code it is a Chinese one."],
  codeHelp: ["请填写短信中的六位数字。", "the six digits of the message."],
  passwordHelp: ["请填写密码。", "please fill in your password."],
  newPasswordHelp: ["需要 {shortest} 到 128 个字符。", "{shortest} to 128 characters."],
  confirmHelp: ["请先勾选确认。", "Please tick this first."],
  weakHelp: ["请换一个更难猜的，例如几个不相关的词。", "choose one that is harder to guess, such as a few unrelated words."],
  lockedHelp: ["如果是密码多次错误，仍可用短信验证码登录或重置密码；如果是二次验证多次错误，只能等待，或联系本站。", "If it was the password, you can still log in by code, or reset it. If it was the second factor, only waiting helps, or the people who run this site."],
  disabledHelp: ["请联系本站。", "please ask the people who run this site."],
  waitHelp: ["请在 {time}后再试。", "again in {time}."],
  join: ["：", ": "],

  away: ["暂时联系不上服务，请检查网络", "The service cannot be reached, please check your connection"],
  awayTitle: ["请稍等", "One moment"],
  awayHelp: ["您填写的内容都还在。", "what you typed is still here."],
  awaySoon: ["本页会自动重试。", "this page keeps asking by itself."],
  retry: ["重试", "Try again"],

  accountTitle: ["我的账号", "Your account"],
  since: ["注册于", "Member since"],
  changePassword: ["修改密码", "Change password"],
  changePhone: ["更换手机号", "Change number"],
  logout: ["退出登录", "Log out"],
  goOn: ["继续前往您要访问的页面", "Continue to the page you came for"],
  sessionsTitle: ["登录的设备", "Where you are logged in"],
  sessionsIntro: ["不认识的设备？请结束它的登录，并修改密码。", "A device you don’t know? End its session and change your password."],
  device: ["设备", "Device"],
  lastSeen: ["最近活动", "Last seen"],
  action: ["操作", "Action"],
  thisDevice: ["本机", "This device"],
  end: ["结束", "End"],
  endOf: ["结束会话：{device}", "End session: {device}"],
  endAll: ["退出所有设备", "Log out everywhere"],
  deleteTitle: ["删除账号", "Delete account"],
  deleteIntro: ["账号和所有登录会立即删除，无法恢复。", "Your account and all its sessions are removed at once. This cannot be undone."],
  deleteLink: ["删除账号…", "Delete account…"],
  delete: ["永久删除账号", "Delete for good"],
  confirm: ["我明白删除后无法恢复", "I understand that this cannot be undone"],
  passwordTitle: ["修改密码", "Change password"],
  passwordIntro: ["其他设备需要重新登录。", "Your other devices are logged out."],
  save: ["保存", "Save"],
  phoneTitle: ["更换手机号", "Change number"],
  phoneIntro: ["验证码会发送到新手机号；其他设备需要重新登录。", "The code goes to the new number. Your other devices are logged out."],
  cancel: ["取消", "Cancel"],
  deniedTitle: ["没有访问权限", "You may not see this page"],
  deniedIntro: ["您的账号无权查看此页面。如需权限，请联系网站，或换一个账号登录。", "It is not open to your account. Ask the site for access, or log in as somebody else."],
  loginAsOther: ["换一个账号登录", "Log in as somebody else"],
  toAccount: ["返回账号", "Back to the account"],
  factorTitle: ["二次验证", "Two-step login"],
  factorIntro: ["用身份验证器 App 保护账号：登录时除密码或短信外，还需要它显示的验证码。", "With an authenticator app, a login needs a code from it besides your password or a code by SMS. So neither is enough for somebody else."],
  addApp: ["添加身份验证器", "Add an authenticator app"],
  replaceApp: ["更换身份验证器…", "Replace the app…"],
  toRemoveApp: ["停用二次验证…", "Remove the app…"],
  removeApp: ["停用二次验证", "Remove the app"],
  newCodes: ["生成新的恢复码…", "New recovery codes…"],
  app: ["身份验证器", "Authenticator app"],
  addedOn: ["{date}添加", "added {date}"],
  appUsed: ["最近使用", "Last used"],
  never: ["从未", "never"],
  recoveryLeft: ["剩余恢复码", "Recovery codes left"],
  totpTitle: ["添加身份验证器", "Add an authenticator app"],
  totpIntro: ["用身份验证器 App 扫描二维码，再填写它显示的六位数字。如已有身份验证器，它和旧恢复码在此之前仍然有效。其他设备需要重新登录。", "Scan this with your authenticator app, then enter the six digits that it shows. An app and recovery codes that you already have work until then, and not after. Your other devices are logged out."],
  qrLabel: ["身份验证器的二维码", "QR code for the authenticator app"],
  secretHint: ["无法扫描？请在 App 中手动输入：", "Cannot scan it? Type this into the app:"],
  openApp: ["在本设备的 App 中打开", "Open it in an app on this device"],
  totp: ["身份验证器的验证码", "Code from your authenticator app"],
  totpHelp: ["请填写身份验证器显示的六位数字。", "please enter the six digits that the app shows."],
  recoveryCode: ["恢复码", "Recovery code"],
  recoveryHelp: ["请填写一个未用过的恢复码，例如 ABCDE-FGHJK。", "please enter one of your recovery codes, such as ABCDE-FGHJK."],
  use_recovery_code: ["改用恢复码", "Use a recovery code instead"],
  use_totp: ["改用身份验证器", "Use the authenticator app instead"],
  totpAgain: ["每个验证码只能用一次，请等待下一个；若仍不行，请检查手机的时间。", "each code works once, so wait for the next one. If that is refused, too, check the clock of your phone."],
  recoveryAgain: ["每个恢复码只能用一次。", "each recovery code works once."],
  newCodesTitle: ["生成新的恢复码", "New recovery codes"],
  newCodesIntro: ["旧的恢复码将立即失效。", "The ones that you have stop working at once."],
  makeCodes: ["生成新的恢复码", "Make new ones"],
  passkey_login: ["用通行密钥登录", "Log in with a passkey"],
  passkey_confirm: ["用通行密钥确认", "Confirm with a passkey"],
  use_passkey: ["改用通行密钥", "Use a passkey instead"],
  passkey: ["通行密钥", "Passkey"],
  passkeysTitle: ["通行密钥", "Passkeys"],
  passkeysIntro: [
    "用本设备的指纹、面容或锁屏密码登录，无需手机号和密码。修改密码后通行密钥仍然有效：请移除您不认识的。",
    "Log in with this device’s fingerprint, face or screen lock instead of your number and password. Passkeys keep working after the password changes, so remove any that you don’t know.",
  ],
  passkeyOffer: ["下次想更快登录吗？可以在本设备上添加通行密钥。", "Would you like to log in faster next time? Add a passkey on this device."],
  addPasskey: ["添加通行密钥", "Add a passkey"],
  remove: ["移除…", "Remove…"],
  removeOf: ["移除通行密钥：{name}", "Remove the passkey: {name}"],
  removePasskeyTitle: ["移除通行密钥", "Remove the passkey"],
  removePasskeyIntro: ["此后不能再用它登录。其他设备需要重新登录。请也在设备上删除它。", "It no longer logs you in. Your other devices are logged out. Please delete it on its device, too."],
  removePasskey: ["移除通行密钥", "Remove the passkey"],
  passkeysFull: ["最多可有 10 个通行密钥，请先移除一个。", "An account has at most 10 passkeys. Please remove one first."],
  passkeyThere: ["本设备已有此账号的通行密钥。", "This device already has a passkey for this account."],
  passkeyElsewhere: ["此网址不能使用通行密钥。", "Passkeys do not work at this address."],
  passkeyRefused: ["设备没有确认。请重试，或使用其他方式。", "The device did not confirm. Please try again, or use another way."],
  passkeyNotTaken: ["此通行密钥未被接受。请重试，或使用其他方式。", "The passkey was not accepted. Please try again, or use another way."],
  recoveryTitle: ["您的恢复码", "Your recovery codes"],
  recoveryIntro: ["手机丢失时，每个恢复码可以登录一次，以前的恢复码不再有效。请保存在手机以外的地方；离开本页后不再显示。", "If you lose the app, each of these logs you in once. Earlier ones no longer work. Keep them where your phone is not: they are not shown again."],
  copyCodes: ["复制", "Copy"],
  printCodes: ["打印", "Print"],
  saveCodes: ["保存为文件", "Save as file"],
  codesCopied: ["已复制。", "Copied."],
  codesDone: ["已保存，返回账号", "I have saved them"],
  confirmTitle: ["请确认是您本人", "Confirm that it is you"],
  confirmIntro: ["距上次登录已久，请再次验证。", "You logged in a while ago, so please prove again who you are."],
  passkeyIntro: ["此页面需要比密码更强的验证。", "This page asks for more than your password."],
  goAhead: ["继续", "Continue"],
  removeTitle: ["停用二次验证", "Remove the authenticator app"],
  removeIntro: ["此后登录只需密码或短信验证码。其他设备需要重新登录。", "After this, a login needs only your password or a code by SMS. Your other devices are logged out."],
  justNow: ["刚刚", "just now"],
  deviceOn: ["{system} 上的 {browser}", "{browser} on {system}"],
  unknownDevice: ["未知设备", "Unknown device"],

  noteRegistered: ["注册成功，欢迎！", "Welcome! Your account is ready."],
  noteRegisteredLogin: ["注册成功，请登录。", "Your account is ready. Please log in."],
  noteReset: ["密码已重置，请用新密码登录。", "Your password is changed. Please log in with it."],
  notePassword: ["密码已修改，其他设备已退出。", "Password changed. Your other devices are logged out."],
  notePhone: ["手机号已更换。", "Your number is changed."],
  noteEnded: ["已结束该设备的登录。", "That session is ended."],
  noteLoggedOut: ["您已退出登录。", "You are logged out."],
  noteExpired: ["登录已失效，请重新登录。", "Your session has ended. Please log in again."],
  noteOther: ["现在登录的是另一个账号。", "Another account is logged in now."],
  noteApp: ["二次验证已启用。", "From now on, a login needs your authenticator app."],
  noteRemoved: ["二次验证已停用。", "The authenticator app is removed."],
  notePasskey: ["通行密钥已添加。", "The passkey is added."],
  notePasskeyRemoved: ["通行密钥已移除。", "The passkey is removed."],
  noteRecoveryUsed: ["您使用了一个恢复码。", "You have used a recovery code."],
  noteRecoveryFew: ["恢复码快用完了，请生成新的。", "You have few recovery codes left. Please make new ones."],
  noteDeleted: ["账号已删除。", "Your account is deleted."],
};

/// What the service says of itself, for the placeholders of texts.
export const figures = { shortest: 8 };

const kStored = "users.language";
let current;

/// "zh" or "en": the chosen language, else the browser's preference.
export function language() {
  if (current) return current;
  let chosen = null;
  // If storage is blocked, the choice lasts until the page is left.
  try { chosen = localStorage.getItem(kStored); } catch { /* blocked */ }
  if (chosen !== "zh" && chosen !== "en") chosen = /^zh\b/i.test(navigator.language) ? "zh" : "en";
  current = chosen;
  return current;
}

export function chooseLanguage(chosen) {
  current = chosen;
  try { localStorage.setItem(kStored, chosen); } catch { /* blocked */ }
}

/// The language tag for HTML and Intl.
export const locale = () => (language() === "zh" ? "zh-CN" : "en");

/// The visitor's regional variant of that language for dates, such as "en-GB".
const formats = () => navigator.languages.find((name) => name.startsWith(language())) ?? locale();

/// The text of a key, with placeholders filled in.
export function text(key, values = {}) {
  return kTexts[key][language() === "zh" ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? figures[name]);
}

const kUnits = { second: ["秒", "s"], minute: ["分钟", "min"], hour: ["小时", "h"] };

/// "45 s", "3 min", "2 h"; rounded up, so that nobody retries too early.
export function duration(seconds) {
  const [size, unit] = seconds < 120 ? [1, "second"] : seconds < 7200 ? [60, "minute"] : [3600, "hour"];
  return `${Math.ceil(seconds / size)} ${kUnits[unit][language() === "zh" ? 0 : 1]}`;
}

/// "5 minutes ago" for an ISO 8601 time.
export function ago(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 60) return text("justNow");
  const [size, unit] = seconds < 3600 ? [60, "minute"] : seconds < 86400 ? [3600, "hour"] : [86400, "day"];
  return new Intl.RelativeTimeFormat(formats(), { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}

export const fullDate = (time) => new Intl.DateTimeFormat(formats(), { dateStyle: "long" }).format(new Date(time));
export const fullTime = (time) =>
  new Intl.DateTimeFormat(formats(), { dateStyle: "long", timeStyle: "short" }).format(new Date(time));

/// Sets the texts in `root` and below: data-text for an element's content, data-label for its accessible name.
export function applyTexts(root) {
  const each = (name, put) => {
    for (const element of [root, ...root.querySelectorAll(`[data-${name}]`)]) {
      if (element.dataset?.[name]) put(element, text(element.dataset[name]));
    }
  };
  each("text", (element, words) => { element.textContent = words; });
  each("label", (element, words) => { element.setAttribute("aria-label", words); });
}
