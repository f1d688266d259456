/**
 * Quick texts: answers to the newest question and listing, and commands. Numbers are collected in the text field;
 * everything else is sent at once.
 */

import { ACCESS_NUMBER } from "./numbers.js";
import { name } from "./words.js";

/** Commands in the order of use. `if`: the keyword that the gateway must support (flows.md 4). */
const COMMANDS = [
  { text: "0000", if: "0000", why: "do_list" },
  { text: "1111", if: "1111", why: "do_offers" },
  { text: "KTYYH", if: "KT", why: "do_order" },
  { text: "CXYL", if: "CXYL", why: "do_usage" },
  { text: "YE", if: "YE", why: "do_balance" },
  { text: "HF", if: "HF", why: "do_spend" },
  { text: "JF", if: "JF", why: "do_points" },
  { text: "ZD", if: "ZD", why: "do_bill" },
  { text: "CXTS", if: "CXTS", why: "do_tickets" },
  { text: "QXCL", if: "QX", why: "do_stop" },
  { text: "HELP", if: "HELP", why: "do_help" },
  { text: "帮助", if: "帮助", why: "do_help" },
];

/** The keywords that the gateway wrote into the page. */
const known = new Set(document.body.dataset.keywords.split(" "));
const commands = COMMANDS.filter((one) => known.has(one.if));

export class Chips {
  #row;
  #use;
  #shown = "";

  /** @param {HTMLElement} phone @param {{send: (to: string, text: string) => void, pick: (to: string, number: string) => void}} use */
  constructor(phone, use) {
    this.#row = phone.querySelector(".chips");
    this.#use = use;
    this.#row.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.#row.addEventListener("focusin", (event) => this.#rove(event.target.closest("button")));
  }

  /** @param {ReturnType<typeof import("./listing.js").answersIn>} answers */
  show(answers) {
    const { asked, items, words } = answers;
    const answer = (one) => this.#sender({ why: "do_answer", ...one, kind: "answer" });
    const state = JSON.stringify(answers);
    if (state === this.#shown) return;
    this.#shown = state;
    const origin = items.length ? [{ text: `查${items[0].number}`, to: items[0].to, why: "do_origin" }] : [];
    const hadFocus = this.#row.contains(document.activeElement);
    this.#row.replaceChildren(
      ...asked.map(answer),
      ...items.map((item) => this.#pick(item)),
      ...[...words, ...origin].map(answer),
      ...commands.map((one) => this.#sender({ ...one, to: ACCESS_NUMBER })),
    );
    this.#row.scrollLeft = 0;
    this.#rove(this.#row.firstElementChild);
    if (hadFocus) this.#row.firstElementChild.focus();
  }

  /** Mark the numbers that are in the text field. @param {string} text */
  mark(text) {
    const numbers = new Set(text.split(/[^\d]+/));
    for (const chip of this.#row.querySelectorAll(".pick")) chip.ariaPressed = String(numbers.has(chip.dataset.number));
  }

  #pick({ number, name: service, to }) {
    const chip = this.#chip("pick", () => this.#use.pick(to, number));
    const digits = document.createElement("b");
    digits.textContent = number;
    const words = document.createElement("span");
    words.textContent = service;
    words.lang = /\p{Script=Han}/u.test(service) ? "zh-CN" : "en";
    chip.append(digits, " ", words);
    chip.dataset.number = number;
    chip.ariaPressed = "false";
    name(chip, { title: "do_pick" }, { number });
    return chip;
  }

  #sender({ text, to, why, kind = "command" }) {
    const chip = this.#chip(kind, () => this.#use.send(to, text));
    chip.textContent = text;
    if (/\p{Script=Han}/u.test(text)) chip.lang = "zh-CN";
    name(chip, { title: why }, { to });
    return chip;
  }

  #chip(kind, use) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = kind;
    chip.tabIndex = -1;
    chip.addEventListener("click", use);
    return chip;
  }

  // ---- one tab stop, arrow keys move between the chips

  #rove(chip) {
    for (const one of this.#row.children) one.tabIndex = one === chip ? 0 : -1;
  }

  #onKeyDown(event) {
    const chips = [...this.#row.children];
    const here = chips.indexOf(document.activeElement);
    const there = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: chips.length - 1 }[event.key];
    if (here < 0 || there === undefined) return;
    event.preventDefault();
    chips.at(there % chips.length).focus();
  }
}
