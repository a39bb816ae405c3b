// Where to go after login: the part of the address after "next=".

/// Returns the address in `search` (location.search), or null if it is not a path of this site. nginx does not encode the
/// requested address: if it begins with /, all of the rest belongs to it, including ? and &. If it begins with %2F, it is
/// encoded and ends where a query value ends.
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
