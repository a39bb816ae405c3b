// Where to go after login: the rest of the address after "next=".

/// The address in `search` (location.search) if it is a path of this site; nothing where it is anything else. nginx does not
/// encode what was asked for, so a rest that begins with / is taken as it is, with its own ? and &. One that begins with %2F
/// somebody has encoded, and it ends where a query's value does.
export function nextAddress(search) {
  const at = search.search(/[?&]next=/);
  if (at < 0) return null;
  let next = search.slice(at + "?next=".length);
  if (/^%2f/i.test(next)) {
    try {
      next = decodeURIComponent(next.split("&", 1)[0]).replace(/ /g, "%20");
    } catch {
      return null;
    }
  }
  // Browsers read // and /\ as the start of another host's address, and skip control characters.
  if (!/^\/(?![/\\])/.test(next) || /[\u0000-\u0020\u007f]/.test(next)) return null;
  const url = new URL(next, location.origin);
  return url.origin === location.origin ? url.href : null;
}
