/**
 * Parses received texts for possible answers: numbers of a listing, words to reply with. An item of a listing is a number,
 * 、 and a name up to ；, in both languages. This format is guaranteed (flows.md 17); a looser one would find items in
 * "17:09 the balance is CNY0;".
 */

const ITEM = /(?<!\d)(\d{1,2})、([^；]+)；/gu;
const PRICE = /\s*(?:CNY)?\s?\d+(?:\.\d+)?\s?(?:元|\/|\().*$/u;
const WORDS = [/回复[“"]([^”"]{1,6})[”"]/gu, /回复([A-Z]{1,4}|\d{4})(?![\dA-Z])/gu, /[Rr]eply ([A-Z]{1,4}|\d{4})\b/gu, /\b(ALL) stops/gu, /\b(NO) to keep/gu];
const LONGEST_NAME = 9;
/** Stands for all numbers of a listing. */
const EVERYTHING = "all";
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
 * @param {Message[]} messages  oldest first
 * @param {Date} now  the gateway's time
 * @returns {{asked: Reply[], items: Item[], words: Reply[]}}
 *   `asked`: answers to the newest message; `items` and `words`: answers to the listing
 * @typedef {{text: string, to: string}} Reply
 * @typedef {{number: string, name: string, to: string, isDone: boolean}} Item  `isDone`: picked, and answered
 */
export function answersIn(messages, now) {
  const received = messages.filter(({ direction }) => direction === "mt");
  const listing = received.findLast(({ text }) => itemsOf(text).length > 0);
  const isOpen = listing && now - Date.parse(listing.at) <= VALID_FOR;
  const pages = isOpen ? received.filter((one) => belongTogether(one, listing)) : [];
  const newest = received.filter((one) => belongTogether(one, received.at(-1)) && !pages.includes(one));
  const asked = repliesOf(newest);
  const items = pages.flatMap(({ text, from }) => itemsOf(text).map((item) => ({ ...item, to: from })));
  const done = isOpen ? picksAfter(listing, messages) : new Set();
  return {
    asked,
    items: items.map((item) => ({ ...item, isDone: done.has(item.number) || done.has(EVERYTHING) })),
    words: repliesOf(pages).filter(({ text }) => asked.every((one) => one.text !== text)),
  };
}

/** The numbers that were picked from a listing by texts which were answered. */
function picksAfter(listing, messages) {
  const later = messages.slice(messages.indexOf(listing) + 1);
  const answered = new Set(later.map(({ in_reply_to: asked }) => asked));
  const texts = later.filter(({ id, direction, to }) => direction === "mo" && to === listing.from && answered.has(id));
  return new Set(texts.flatMap(({ text }) => picksIn(text)));
}

/** @returns {string[]} the numbers of a pick such as `1,3` or `2-4`, or EVERYTHING; none for any other text */
function picksIn(text) {
  const plain = text.normalize("NFKC").trim();
  if (/^(?:全部|ALL)$/iu.test(plain)) return [EVERYTHING];
  if (!/^[\d,、.\s-]+$/u.test(plain)) return [];
  return [...plain.matchAll(/(\d{1,2})(?:\s*-\s*(\d{1,2}))?/gu)].flatMap(([, first, last]) => {
    const count = Math.max(1, Number(last ?? first) - Number(first) + 1);
    return Array.from({ length: count }, (_, place) => String(Number(first) + place));
  });
}

function repliesOf(messages) {
  const words = new Map(messages.flatMap(({ text, from }) => wordsOf(text).map((word) => [word, from])));
  return [...words].map(([text, to]) => ({ text, to }));
}

/** Messages of one answer, such as the pages of a listing. */
const belongTogether = (one, other) =>
  one === other || (one.from === other.from && one.in_reply_to && one.in_reply_to === other.in_reply_to);
