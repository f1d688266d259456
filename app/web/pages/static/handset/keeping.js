/** What this browser remembers of the page: numbers and preferences, never texts. */

const PREFIX = "smsgw.handset.";

/** What was kept, or null; also null where storage is forbidden. */
export function kept(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // A browser that keeps nothing still works; it only forgets.
  }
}
