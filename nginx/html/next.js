// Where to go after login: the rest of the address after "next=".

/// The address in `search` (location.search) if it is a path of this site; nothing where it is anything else. The rest is
/// taken as it is, with its own ? and &: nginx does not encode what was asked for.
export function nextAddress(search) {
  const at = search.search(/[?&]next=/);
  if (at < 0) return null;
  const next = search.slice(at + "?next=".length);
  // Browsers read // and /\ as the start of another host's address, and skip control characters.
  if (!/^\/(?![/\\])/.test(next) || /[\u0000-\u0020\u007f]/.test(next)) return null;
  const url = new URL(next, location.origin);
  return url.origin === location.origin ? url.href : null;
}
