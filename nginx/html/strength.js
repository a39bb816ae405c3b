// A rough, local estimate of a password's strength: only a hint while typing. The service decides.
import { figures } from "./texts.js";

const kBits = [30, 50]; // below the first: easy to guess; below the second: fair
const kCommon = /^(?:.{0,2}(?:password|passw0rd|qwerty|iloveyou|welcome|admin|letmein|abc123|a123456|woaini|5201314|1q2w3e).{0,4})$/i;

/// Number of characters that do not just continue "aaa", "123" or "cba".
function surprising(characters) {
  let count = 0;
  let lastStep = NaN;
  for (let i = 0; i < characters.length; ++i) {
    const step = i > 0 ? characters[i].codePointAt(0) - characters[i - 1].codePointAt(0) : NaN;
    if (!(Math.abs(step) <= 1 && step === lastStep)) ++count;
    lastStep = step;
  }
  return Math.min(count, new Set(characters).size * 2);
}

/// 0 too short, 1 easy to guess, 2 fair, 3 good.
export function strength(password, phone) {
  const characters = [...password];
  if (characters.length < figures.shortest) return 0;
  const digits = phone.replace(/\D/g, "");
  if (kCommon.test(password) || (digits.length >= 7 && password.includes(digits.slice(-7)))) return 1;
  const kinds = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[^a-zA-Z0-9]/, 33]];
  const alphabet = kinds.reduce((sum, [kind, size]) => sum + (kind.test(password) ? size : 0), 0);
  const bits = surprising(characters) * Math.log2(alphabet);
  return 1 + kBits.filter((least) => bits >= least).length;
}
