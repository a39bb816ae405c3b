// Where to go after login: the part of the address after "next=".
import { call, kOk } from "./api.js";

/// Returns the address in `search` (location.search), or null if it is neither a path of this site nor an address of a host
/// that logs in here. nginx does not encode the requested address: all of the rest belongs to it, including ? and &. If it
/// is encoded, as %2F shows, it ends where a query value ends.
export async function nextAddress(search) {
  const at = search.search(/[?&]next=/);
  if (at < 0) return null;
  let next = search.slice(at + "?next=".length);
  if (/^(https%3a)?%2f/i.test(next)) {
    try {
      next = decodeURIComponent(next.split("&", 1)[0]).replace(/ /g, "%20");
    } catch {
      return null;
    }
  }
  // Browsers read // and /\ as the start of another host's address, and skip control characters.
  const isPath = /^\/(?![/\\])/.test(next);
  if (!(isPath || next.startsWith("https://")) || /[\u0000-\u0020\u007f]/.test(next)) return null;
  let url;
  try {
    url = new URL(next, location.origin);
  } catch {
    return null;
  }
  if (url.origin === location.origin) return url.href;
  if (url.username || url.password) return null;
  const reply = await call("GET", `static/_back?host=${encodeURIComponent(url.hostname)}`);
  return reply.code === kOk ? url.href : null;
}
