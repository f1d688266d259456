/** The lines of a thread for what is on its way: each follows the text that it answers, or stands at the end. */

import { fillGhost, fillNote, isWorthALine, newGhost } from "./ghost.js";

export class Ghosts {
  #list;
  /** @type {Waiting[]} */
  #items = [];
  /** @type {Map<string, HTMLElement>} */
  #lines = new Map();
  /** @type {Set<HTMLElement>} the notes that are shown */
  #notes = new Set();

  /** @param {HTMLElement} list  the messages of the thread */
  constructor(list) {
    this.#list = list;
  }

  get isEmpty() {
    return this.#lines.size === 0;
  }

  /** @param {Waiting[]} items  oldest first */
  set(items) {
    this.#items = items.filter(isWorthALine);
    const wanted = new Set(this.#items.filter(({ shown }) => !shown).map(({ id }) => id));
    for (const [id, line] of this.#lines) {
      if (wanted.has(id)) continue;
      line.remove();
      this.#lines.delete(id);
    }
    for (const id of wanted) if (!this.#lines.has(id)) this.#lines.set(id, newGhost());
    this.tick();
  }

  /** Fill the lines and notes anew. */
  tick() {
    const noted = new Set();
    for (const item of this.#items) {
      if (!item.shown) {
        fillGhost(this.#lines.get(item.id), item);
        continue;
      }
      const note = this.#messageOf(item.id)?.querySelector(".note");
      if (!note) continue;
      fillNote(note, item);
      note.hidden = false;
      noted.add(note);
    }
    for (const note of this.#notes) if (!noted.has(note)) note.hidden = true;
    this.#notes = noted;
  }

  #messageOf(id) {
    return id ? this.#list.querySelector(`[data-id="${CSS.escape(id)}"]`) : null;
  }

  /** Put every line into its place, moving none that is there. @param {?string} only  the one number that is shown */
  place(only) {
    const lastOf = new Map();
    for (const item of this.#items) {
      const line = this.#lines.get(item.id);
      if (!line) continue;
      if (only !== null && item.from !== only) {
        line.remove();
        continue;
      }
      const asked = this.#messageOf(item.in_reply_to);
      const before = lastOf.get(asked) ?? asked;
      if (before) {
        if (before.nextElementSibling !== line) before.after(line);
      } else {
        const draft = this.#list.querySelector(".draft");
        if (line.parentElement !== this.#list || line.nextElementSibling !== draft) this.#list.insertBefore(line, draft);
      }
      lastOf.set(asked, line);
    }
    this.tick();
  }
}
