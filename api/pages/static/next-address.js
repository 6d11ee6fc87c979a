/** Where to go after signing in or choosing a password. */

/**
 * Whole and of this site, since `next` comes from the address bar. A path alone is not enough: `/.//evil.example/` is of this
 * site, and its path `//evil.example/` by itself is not.
 * @returns {string | null} null when the address names no place of this site to go on to
 */
export function nextAddress() {
  const wished = new URL(location.href).searchParams.get("next");
  if (!wished) return null;
  try {
    const wish = new URL(wished, `${location.origin}/`);
    return wish.origin === location.origin ? `${location.origin}${wish.pathname}${wish.search}` : null;
  } catch {
    // No address at all.
    return null;
  }
}

/** @returns {string} the first page */
export function homeAddress() {
  return `${location.origin}/`;
}
