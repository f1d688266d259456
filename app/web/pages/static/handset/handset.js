/** One phone: a number, its thread and its composer. */

import { Chips } from "./chips.js";
import { now } from "./clock.js";
import { Composer } from "./composer.js";
import { Follower } from "./follow.js";
import { answersIn } from "./listing.js";
import { showFault } from "./network.js";
import { ACCESS_NUMBER, withCountryCode } from "./numbers.js";
import { Outbox } from "./outbox.js";
import { roveToNewest, startPressing } from "./pressing.js";
import { ProblemLine } from "./problem.js";
import { Thread } from "./thread.js";
import { copyOf, name, say, showTime } from "./words.js";

let made = 0;

export class Handset {
  #only = null;
  #thread;
  #composer;
  #chips;
  #outbox;
  #follower;
  #problem;
  #hears;

  /**
   * @param {string} number
   * @param {{heard: () => void, beat: (beat: object) => void, retire: () => void, renumber: () => void}} hears
   */
  constructor(number, hears) {
    this.number = number;
    this.#hears = hears;
    this.element = numbered(copyOf("handset-template"));
    this.#part(".number").textContent = withCountryCode(number);
    showTime(this.#part(".phone-time"), now().toISOString(), "minute");
    name(this.element, { "aria-label": "handset_of" }, { number: withCountryCode(number) });
    name(this.#part(".thread"), { "aria-label": "messages_of" }, { number: withCountryCode(number) });
    name(this.#part(".retire"), { "aria-label": "retire", title: "retire" }, { number: withCountryCode(number) });
    this.#problem = new ProblemLine(this.#part(".problem"));
    showFault(this.#part(".fault"));
    this.#thread = new Thread(this.element);
    this.#outbox = new Outbox(number, {
      sent: (draft) => this.#thread.updateDraft(draft),
      failed: (draft, problem) => this.#onFailed(draft, problem),
      silent: () => this.#follower.suspect(),
    });
    this.#composer = new Composer(this.element, {
      send: (to, text) => this.#send(to, text),
      history: () => this.#thread.sentTexts,
    });
    this.#chips = new Chips(this.element, {
      send: (to, text) => this.#send(to, text),
      pick: (to, picked) => this.#pick(to, picked),
    });
    this.#listen();
    this.refresh();
    this.#follow();
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #listen() {
    this.#part(".retire").addEventListener("click", () => this.#hears.retire());
    this.#part(".renumber").addEventListener("click", () => this.#hears.renumber());
    this.#part(".hurry").addEventListener("click", () => this.#follower.hurry());
    this.#part(".begin").addEventListener("click", () => this.#send(ACCESS_NUMBER, "0000"));
    this.#part(".text").addEventListener("input", () => this.#chips.mark(this.#composer.value));
    startPressing(this.#part(".messages"), this.number);
    this.#part(".messages").addEventListener("click", ({ target }) => {
      const button = target.closest(".reply");
      if (!button) return;
      this.#composer.choose(button.querySelector(".party").textContent);
      this.#composer.focus();
    });
  }

  // ---- for the page

  focus() {
    this.#composer.focus();
  }

  /** Send a command as if it had been typed. */
  say(text) {
    this.#send(ACCESS_NUMBER, text);
  }

  /** Handle becoming visible: update what cannot be measured while hidden. */
  shown() {
    this.#thread.scrollToNewest();
  }

  /** Update what depends on the time: which listing can still be answered. */
  refresh() {
    this.#chips.show(answersIn(this.#thread.messages, now()));
    this.#chips.mark(this.#composer.value);
  }

  /** Update what changes each second. */
  tick() {
    this.#thread.tick();
  }

  check() {
    return this.#follower.check();
  }

  /** Start over after a reset of the gateway. */
  restart() {
    this.#follower.end();
    this.#forget();
    this.#follow();
  }

  end() {
    this.#follower.end();
    this.#outbox.end();
    this.element.remove();
  }

  // ---- receiving

  #follow() {
    this.#follower = new Follower(this.number, this.#thread, {
      state: (state) => this.#showState(state),
      arrived: (message) => this.#arrived(message),
      loaded: () => this.#loaded(),
      emptied: () => this.#forget(),
      problem: (problem) => this.#problem.show(problem),
      outbox: (items) => this.#thread.setOutbox(items),
      beat: (beat) => this.#hears.beat(beat),
    });
  }

  #forget() {
    this.#part(".thread").ariaLive = "off";
    this.#thread.clear();
    this.#showOnly(null);
    this.#composer.forget();
    this.refresh();
  }

  #arrived(message) {
    if (!this.#thread.put(message) || !this.#isLoaded) return;
    this.#learn(message);
    if (message.direction === "mt") this.#hears.heard();
  }

  /** Let screen readers announce messages, except those of the first load. */
  #loaded() {
    this.#thread.showEmptiness();
    if (!this.#isLoaded) this.#thread.received.slice(-1).forEach((message) => this.#learn(message));
    this.#showParties();
    this.refresh();
    roveToNewest(this.#part(".messages"));
    if (!this.#isLoaded) this.#thread.scrollToNewest();
    this.#part(".thread").ariaLive = "polite";
  }

  get #isLoaded() {
    return this.#part(".thread").ariaLive === "polite";
  }

  #learn(message) {
    if (message.direction === "mt") this.#composer.heardFrom(message.from);
    this.#showParties();
    this.refresh();
    roveToNewest(this.#part(".messages"));
  }

  #showState(state) {
    const line = this.#part(".connection");
    line.dataset.state = state;
    say(line, `connection_${state}`);
    this.#part(".away").hidden = state !== "away";
    if (state !== "live") return;
    this.#outbox.resume();
    this.#problem.hide();
  }

  // ---- sending

  #send(to, text) {
    this.#problem.hide();
    if (this.#only && this.#only !== to) this.#showOnly(null);
    this.#thread.putDraft(this.#outbox.send(to, text));
    this.#chips.mark("");
  }

  #onFailed(draft, problem) {
    this.#problem.show(problem);
    this.#thread.updateDraft(draft, () => {
      this.#problem.hide();
      this.#thread.dropDraft(draft);
      this.#composer.write(draft.text, draft.to);
    });
    this.#thread.scrollToNewest();
  }

  /** Add a number of the listing to the text field, or remove it. */
  #pick(to, picked) {
    const numbers = this.#composer.value.match(/^[\d,\s]*$/) ? this.#composer.value.match(/\d+/g) ?? [] : [];
    const others = numbers.filter((number) => number !== picked);
    const wanted = others.length < numbers.length ? others : [...numbers, picked];
    this.#composer.write(wanted.join(","), to);
    this.#chips.mark(this.#composer.value);
  }

  // ---- conversations

  /** Update the list of conversations, each of which can be shown alone. */
  #showParties() {
    const parties = this.#thread.parties;
    const row = this.#part(".parties");
    row.hidden = parties.length < 2;
    if (row.dataset.shown === parties.join(" ")) return;
    row.dataset.shown = parties.join(" ");
    row.replaceChildren(...[null, ...parties].map((party) => this.#partyButton(party)));
  }

  #partyButton(party) {
    const button = document.createElement("button");
    button.type = "button";
    if (party === null) say(button, "all_messages");
    else button.textContent = party;
    button.dataset.party = party ?? "";
    button.ariaPressed = String(party === this.#only);
    button.addEventListener("click", () => this.#showOnly(party));
    return button;
  }

  #showOnly(party) {
    this.#only = party;
    this.#thread.showOnly(party);
    this.#composer.fix(party);
    for (const button of this.#part(".parties").children) button.ariaPressed = String(button.dataset.party === (party ?? ""));
  }
}

/** Make every id inside an element unique, and update the references to it. */
function numbered(element) {
  made += 1;
  for (const attribute of ["id", "for", "aria-describedby", "aria-labelledby", "list"]) {
    for (const one of element.querySelectorAll(`[${attribute}]`)) {
      one.setAttribute(attribute, `${one.getAttribute(attribute)}-${made}`);
    }
  }
  return element;
}
