/**
 * The form for a new text: recipient, text and length. By default a text goes to the number that wrote last, as on a
 * phone. The recipient never changes while a text is being written.
 */

import { ACCESS_NUMBER } from "./numbers.js";
import { measure } from "./segments.js";
import { name, say } from "./words.js";

export class Composer {
  #to;
  #text;
  #count;
  #suggestions;
  #form;
  #history;
  #send;
  #chosen = false;
  #fixed = null;
  #lastSender = ACCESS_NUMBER;
  /** The position in the history of sent texts, from the newest; 0: the text that is being written. */
  #back = 0;
  #written = "";

  /** @param {HTMLElement} phone @param {{send: (to: string, text: string) => void, history: () => string[]}} use */
  constructor(phone, { send, history }) {
    const part = (one) => phone.querySelector(one);
    this.#form = part(".composer");
    this.#to = part(".to");
    this.#text = part(".text");
    this.#count = part(".count");
    this.#suggestions = part(".to-suggestions");
    this.#send = send;
    this.#history = history;
    this.#to.value = ACCESS_NUMBER;
    this.#form.addEventListener("submit", (event) => this.#onSubmit(event));
    this.#text.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.#text.addEventListener("input", () => {
      this.#back = 0;
      this.#onText();
    });
    this.#to.addEventListener("input", () => {
      this.#chosen = true;
      this.#suggest();
    });
    this.#onText();
  }

  get value() {
    return this.#text.value;
  }

  focus() {
    this.#text.focus();
  }

  /** Put a text into the text field, for the reader to send. */
  write(text, to = null) {
    this.#text.value = text;
    this.#back = 0;
    this.#onText();
    if (to) this.#setRecipient(to);
    this.focus();
  }

  // ---- recipient

  /** Handle the reader's choice of a number. */
  choose(number) {
    this.#chosen = true;
    this.#setRecipient(number);
  }

  /** Handle the filter: if one conversation is shown alone, texts go to its number. null: all are shown. */
  fix(number) {
    this.#fixed = number;
    this.#chosen = false;
    this.#setRecipient(number ?? this.#lastSender);
  }

  /** Handle a received message. */
  heardFrom(number) {
    this.#lastSender = number;
    if (this.#fixed || this.#chosen || this.#text.value.trim() !== "") this.#suggest();
    else this.#setRecipient(number);
  }

  forget() {
    this.#lastSender = ACCESS_NUMBER;
    this.#chosen = false;
    if (!this.#fixed) this.#setRecipient(ACCESS_NUMBER);
  }

  #setRecipient(number) {
    const isNew = this.#to.value.trim() !== number;
    this.#to.value = number;
    this.#suggest();
    if (!isNew) return;
    this.#to.classList.remove("changed");
    void this.#to.offsetWidth; // restarts the animation
    this.#to.classList.add("changed");
  }

  /** Offer the number that wrote last and the access number, unless it is the recipient already. */
  #suggest() {
    const numbers = new Set([this.#lastSender, ACCESS_NUMBER]);
    numbers.delete(this.#to.value.trim());
    const buttons = [...numbers].map((number) => {
      const button = document.createElement("button");
      button.type = "button";
      if (number === ACCESS_NUMBER) button.textContent = number;
      else say(button, "reply_to", { number });
      name(button, { title: "send_to" }, { number });
      button.addEventListener("click", () => {
        this.choose(number);
        this.focus();
      });
      return button;
    });
    this.#suggestions.replaceChildren(...buttons);
  }

  // ---- text

  #onText() {
    const { value } = this.#text;
    this.#count.hidden = value === "";
    if (value !== "") say(this.#count, "count", measure(value));
  }

  #onSubmit(event) {
    event.preventDefault();
    const { value } = this.#text;
    this.focus();
    if (value.trim() === "" || !this.#to.reportValidity()) return;
    const to = this.#to.value.trim();
    this.#text.value = "";
    this.#back = 0;
    this.#chosen = false;
    this.#onText();
    this.#send(to, value);
  }

  /** Enter sends, arrow keys step through the history; neither while an input method is composing. */
  #onKeyDown(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#form.requestSubmit();
    }
    if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowUp" && this.#isOnFirstLine()) this.#leaf(event, +1);
    if (event.key === "ArrowDown" && this.#back > 0) this.#leaf(event, -1);
  }

  #isOnFirstLine() {
    const { value, selectionStart, selectionEnd } = this.#text;
    return selectionStart === selectionEnd && (this.#back > 0 || !value.slice(0, selectionStart).includes("\n"));
  }

  #leaf(event, step) {
    const texts = this.#history();
    const back = this.#back + step;
    if (back > texts.length) return;
    event.preventDefault();
    if (this.#back === 0) this.#written = this.#text.value;
    this.#back = back;
    const text = back === 0 ? this.#written : texts.at(-back);
    this.#text.value = text;
    this.#text.setSelectionRange(text.length, text.length);
    this.#onText();
  }
}
