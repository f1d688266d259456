/** Numbers and preferences in the browser's local storage; never texts. */

const PREFIX = "smsgw.handset.";

/** Return a stored value; null if there is none or storage is forbidden. */
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
    // Without storage the page works, but forgets preferences.
  }
}
