/**
 * Quick texts: answers to the newest question and listing, and commands. Numbers are collected in the text field;
 * everything else is sent at once.
 */

import { ACCESS_NUMBER } from "./numbers.js";
import { startRoving } from "./roving.js";
import { name, say } from "./words.js";

/**
 * Commands by subject: the subscriber's services, their account, and the rest. `is`: the key of the name; `if`: the
 * keyword that the gateway must support (flows.md 4).
 */
const COMMANDS = [
  { text: "0000", if: "0000", is: "do_list" },
  { text: "1111", if: "1111", is: "do_offers" },
  { text: "KTYYH", if: "KT", is: "do_order" },
  { text: "QXCL", if: "QX", is: "do_stop" },
  { text: "YE", if: "YE", is: "do_balance" },
  { text: "CXYL", if: "CXYL", is: "do_usage" },
  { text: "HF", if: "HF", is: "do_spend" },
  { text: "ZD", if: "ZD", is: "do_bill" },
  { text: "JF", if: "JF", is: "do_points" },
  { text: "CXTS", if: "CXTS", is: "do_tickets" },
  { text: "HELP", if: "HELP", is: "do_help" },
  { text: "帮助", if: "帮助", is: "do_help" },
];

/** The keywords that the gateway wrote into the page. */
const known = new Set(document.body.dataset.keywords.split(" "));
const commands = COMMANDS.filter((one) => known.has(one.if));
const language = (text) => (/\p{Script=Han}/u.test(text) ? "zh-CN" : "en");

export class Chips {
  #answers;
  #answersRow;
  #text;
  #use;
  #shown = "";

  /** @param {HTMLElement} phone @param {{send: (to: string, text: string) => void, pick: (to: string, number: string) => void}} use */
  constructor(phone, use) {
    const row = phone.querySelector(".commands");
    const more = phone.querySelector(".more");
    this.#answers = phone.querySelector(".answers");
    this.#text = phone.querySelector(".text");
    this.#use = use;
    row.append(...commands.map((one) => this.#command(one)));
    // Expanded, the commands are in rows instead of one row that scrolls.
    more.addEventListener("click", () => (more.ariaExpanded = String(more.ariaExpanded !== "true")));
    startRoving(row);
    this.#answersRow = startRoving(this.#answers);
  }

  /** @param {ReturnType<typeof import("./listing.js").answersIn>} answers */
  show(answers) {
    const state = JSON.stringify(answers);
    if (state === this.#shown) return;
    this.#shown = state;
    const { asked, items, words } = answers;
    const origin = items.length ? [{ text: `查${items[0].number}`, to: items[0].to, why: "do_origin" }] : [];
    const hadFocus = this.#answers.contains(document.activeElement);
    const inOrder = items.toSorted((one, other) => one.isDone - other.isDone);
    this.#answers.replaceChildren(
      ...asked.map((one) => this.#answer(one)),
      ...inOrder.map((item) => this.#pick(item)),
      ...[...words, ...origin].map((one) => this.#answer(one)),
    );
    this.#answers.hidden = this.#answers.children.length === 0;
    this.#answers.scrollLeft = 0;
    this.#answersRow.rove();
    if (hadFocus) (this.#answers.querySelector("button") ?? this.#text).focus();
  }

  /** Mark the numbers that are in the text field. @param {string} text */
  mark(text) {
    const numbers = new Set(text.split(/[^\d]+/));
    for (const chip of this.#answers.querySelectorAll(".pick")) chip.ariaPressed = String(numbers.has(chip.dataset.number));
  }

  #pick({ number, name: service, to, isDone }) {
    const chip = this.#chip("pick", () => this.#use.pick(to, number));
    chip.append(textIn("b", number), " ", textIn("span", service, language(service)));
    chip.classList.toggle("done", isDone);
    chip.dataset.number = number;
    chip.ariaPressed = "false";
    name(chip, { title: isDone ? "do_pick_again" : "do_pick" }, { number });
    return chip;
  }

  #answer({ text, to, why = "do_answer" }) {
    const chip = this.#chip("answer", () => this.#use.send(to, text));
    chip.textContent = text;
    chip.lang = language(text);
    name(chip, { title: why }, { to });
    return chip;
  }

  #command({ text, is }) {
    const chip = this.#chip("command", () => this.#use.send(ACCESS_NUMBER, text));
    const words = document.createElement("span");
    say(words, is);
    chip.append(words, " ", textIn("b", text, language(text)));
    chip.dataset.text = text;
    return chip;
  }

  #chip(kind, use) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = kind;
    chip.addEventListener("click", use);
    return chip;
  }
}

function textIn(tag, text, lang) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (lang) element.lang = lang;
  return element;
}
