/**
 * Parses received texts for possible answers: numbers of a listing, words to reply with. An item of a listing is digits,
 * one of 、.， or a blank, and a name up to ；. This format is guaranteed (flows.md 17).
 */

const ITEM = /(?<![\d,，.-])(\d{1,2})[、.，\s]\s*([^；;]+)[；;]/gu;
const PRICE = /\s*(?:CNY)?\s?\d+(?:\.\d+)?\s?(?:元|\/|\().*$/u;
const WORDS = [/回复[“"]([^”"]{1,6})[”"]/gu, /回复([A-Z]{1,4}|\d{4})(?![\dA-Z])/gu, /[Rr]eply ([A-Z]{1,4}|\d{4})\b/gu, /\b(ALL) stops/gu, /\b(NO) to keep/gu];
const LONGEST_NAME = 9;
/** How long a listing can be answered by default. The gateway's settings may differ. */
const VALID_FOR = 2 * 3_600_000;

/** @returns {{number: string, name: string}[]} */
export function itemsOf(text) {
  return [...text.matchAll(ITEM)].map(([, number, rest]) => ({ number, name: shorten(rest.replace(PRICE, "")) }));
}

/** Remove the service provider in brackets. */
function shorten(name) {
  const letters = [...name.replace(/\(.*\)$/u, "")];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME).join("")}…` : letters.join("");
}

/** @returns {string[]} the words that a text asks to reply with, in their order */
export function wordsOf(text) {
  const found = WORDS.flatMap((pattern) => [...text.matchAll(pattern)]).sort((one, other) => one.index - other.index);
  return found.map(([, word]) => word);
}

/**
 * The possible answers to the newest message and the newest listing of a thread.
 *
 * @param {Message[]} received  oldest first
 * @param {Date} now  the gateway's time
 * @returns {{asked: Reply[], items: {number: string, name: string, to: string}[], words: Reply[]}}
 *   `asked`: answers to the newest message; `items` and `words`: answers to the listing
 * @typedef {{text: string, to: string}} Reply
 */
export function answersIn(received, now) {
  const listing = received.findLast(({ text }) => itemsOf(text).length > 0);
  const isOpen = listing && now - Date.parse(listing.at) <= VALID_FOR;
  const pages = isOpen ? received.filter((one) => belongTogether(one, listing)) : [];
  const newest = received.filter((one) => belongTogether(one, received.at(-1)) && !pages.includes(one));
  const asked = repliesOf(newest);
  return {
    asked,
    items: pages.flatMap(({ text, from }) => itemsOf(text).map((item) => ({ ...item, to: from }))),
    words: repliesOf(pages).filter(({ text }) => asked.every((one) => one.text !== text)),
  };
}

function repliesOf(messages) {
  const words = new Map(messages.flatMap(({ text, from }) => wordsOf(text).map((word) => [word, from])));
  return [...words].map(([text, to]) => ({ text, to }));
}

/** Messages of one answer, such as the pages of a listing. */
const belongTogether = (one, other) =>
  one === other || (one.from === other.from && one.in_reply_to && one.in_reply_to === other.in_reply_to);
