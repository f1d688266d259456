/**
 * The messages of one handset on the screen. A message that comes again, by its id, updates its bubble. Everything is
 * inserted as text, never as markup.
 *
 * @typedef {{id: string, direction: "mo"|"mt", from: string, to: string, text: string, segments: number,
 *   encoding: "gsm7"|"ucs2", at: string, status: string, provider: string, provider_kind?: string,
 *   in_reply_to?: string}} Message
 */

import { fillBubble, fillDraft, newBubble, newPause, partyOf } from "./bubble.js";
import { Ghosts } from "./ghosts.js";
import { dayOf } from "./times.js";

const FINAL = new Set(["delivered", "undelivered", "rejected", "expired", "deleted", "failed", "superseded"]);
const NEAR = 80;
/** After so long without a message the time is shown. */
const PAUSE = 15 * 60_000;

export class Thread {
  /** @type {Map<string, {message: Message, element: HTMLElement}>} */
  #shown = new Map();
  /** @type {Map<Draft, HTMLElement>} */
  #drafts = new Map();
  #only = null;
  #lastAt = "";
  #lastParty = "";
  #ghosts;
  #list;
  #scroller;
  #newest;
  #empty;

  /** @param {HTMLElement} phone */
  constructor(phone) {
    this.#list = phone.querySelector(".messages");
    this.#scroller = phone.querySelector(".thread");
    this.#newest = phone.querySelector(".newest");
    this.#empty = phone.querySelector(".empty");
    this.#ghosts = new Ghosts(this.#list);
    this.#newest.addEventListener("click", () => this.scrollToNewest());
    this.#keepNewestInView();
  }

  // ---- contents

  get firstId() {
    return this.#shown.keys().next().value ?? null;
  }

  /** The id to continue after: the last message, or the one before the first whose status may still change. */
  get resumePoint() {
    let after;
    for (const [id, { message }] of this.#shown) {
      if (message.direction === "mt" && !FINAL.has(message.status)) break;
      after = id;
    }
    return after;
  }

  get isEmpty() {
    return this.#shown.size + this.#drafts.size === 0 && this.#ghosts.isEmpty;
  }

  get messages() {
    return [...this.#shown.values()].map(({ message }) => message);
  }

  get received() {
    return this.messages.filter(({ direction }) => direction === "mt");
  }

  /** The sent texts, oldest first, as the gateway stores them (passwords masked). */
  get sentTexts() {
    return this.messages.filter(({ direction }) => direction === "mo").map(({ text }) => text);
  }

  /** The service numbers of this thread, in the order of their first message. */
  get parties() {
    return [...new Set(this.messages.map(partyOf))];
  }

  // ---- messages

  /** Add a message or update its bubble; return true if it is new. */
  put(message) {
    const known = this.#shown.get(message.id);
    const element = known?.element ?? newBubble(message.direction);
    fillBubble(element, message);
    this.#shown.set(message.id, { message, element });
    if (known) return false;
    this.#dropDraftOf(message);
    const wasAtEnd = this.#isAtEnd();
    this.#append(message, element);
    this.#ghosts.place(this.#only);
    this.showEmptiness();
    if (wasAtEnd) this.scrollToNewest();
    else if (this.#belongs(message)) this.#newest.hidden = false;
    return true;
  }

  clear() {
    this.#shown.clear();
    this.#ghosts.set([]);
    this.#layOut();
  }

  showEmptiness() {
    this.#empty.hidden = !this.isEmpty;
  }

  /** Show only the messages with one number, or all (null). */
  showOnly(party) {
    this.#only = party;
    this.#layOut();
    this.scrollToNewest();
  }

  /** Show what is on its way, and say so in the bubbles that arrived although their answer was lost. */
  setOutbox(items) {
    const wasAtEnd = this.#isAtEnd();
    this.#ghosts.set(items);
    this.#ghosts.place(this.#only);
    this.showEmptiness();
    if (wasAtEnd) this.scrollToNewest();
  }

  /** Update what changes with time: how long until the next attempt. */
  tick() {
    this.#ghosts.tick();
  }

  #layOut() {
    this.#lastAt = "";
    this.#lastParty = "";
    this.#list.replaceChildren();
    for (const { message, element } of this.#shown.values()) this.#append(message, element);
    this.#list.append(...this.#drafts.values());
    this.#ghosts.place(this.#only);
  }

  #belongs(message) {
    return this.#only === null || partyOf(message) === this.#only;
  }

  #append(message, element) {
    if (!this.#belongs(message)) return;
    const firstDraft = this.#list.querySelector(".draft");
    const pause = pauseBefore(message.at, this.#lastAt);
    if (pause) {
      this.#list.insertBefore(newPause(message.at, pause), firstDraft);
      this.#lastParty = "";
    }
    const party = `${message.direction} ${partyOf(message)}`;
    element.classList.toggle("follows", party === this.#lastParty);
    this.#lastAt = message.at;
    this.#lastParty = party;
    this.#list.insertBefore(element, firstDraft);
  }

  // ---- unsent texts

  /** Show a text that is being sent, until the gateway's message replaces it. */
  putDraft(draft) {
    const element = newBubble("mo");
    element.classList.add("draft");
    fillDraft(element, draft);
    this.#drafts.set(draft, element);
    this.#list.append(element);
    this.showEmptiness();
    this.scrollToNewest();
  }

  /** @param {?(() => void)} edit  puts the text back into the composer, if it cannot be sent as it is */
  updateDraft(draft, edit = null) {
    const element = this.#drafts.get(draft);
    if (!element) return;
    if (this.#shown.has(draft.id)) this.dropDraft(draft);
    else fillDraft(element, draft, edit);
  }

  dropDraft(draft) {
    this.#drafts.get(draft)?.remove();
    this.#drafts.delete(draft);
  }

  /** Find the draft of a message by its id, or by its text until the gateway has answered with the id. */
  #dropDraftOf(message) {
    if (message.direction !== "mo") return;
    const drafts = [...this.#drafts.keys()];
    const draft =
      drafts.find(({ id }) => id === message.id) ??
      drafts.find(({ id, state, to, text }) => !id && state !== "failed" && to === message.to && text === message.text);
    if (draft) this.dropDraft(draft);
  }

  // ---- scrolling

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  scrollToNewest() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#newest.hidden = true;
  }

  /** Keep the newest message in view when the keyboard or an error line makes the thread smaller. */
  #keepNewestInView() {
    const measure = () => `${this.#scroller.clientWidth} ${this.#scroller.clientHeight}`;
    let size = measure();
    let wasAtEnd = true;
    this.#scroller.addEventListener("scroll", () => {
      if (measure() !== size) return; // scrolled by the resize, not by the reader
      wasAtEnd = this.#isAtEnd();
      if (wasAtEnd) this.#newest.hidden = true;
    });
    new ResizeObserver(() => {
      size = measure();
      if (wasAtEnd) this.scrollToNewest();
    }).observe(this.#scroller);
  }
}

/** What the line before a message shows: a new day, the time after a while without messages, or nothing. */
function pauseBefore(at, lastAt) {
  if (!lastAt || dayOf(at) !== dayOf(lastAt)) return "day";
  return Date.parse(at) - Date.parse(lastAt) >= PAUSE ? "minute" : null;
}
