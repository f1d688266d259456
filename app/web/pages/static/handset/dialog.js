/** The dialog that asks for the number of a phone. The gateway says whether it is one. */

import { checkedNumber, Problem } from "./gateway.js";
import { plainNumber, withCountryCode } from "./numbers.js";
import { suggestions } from "./people.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
let use = () => {};

export function startDialog() {
  $("number-form").addEventListener("submit", (event) => {
    event.preventDefault();
    choose($("number-entry").value);
  });
  $("number-entry").addEventListener("input", () => ($("number-problem").hidden = true));
}

/**
 * Ask for a number.
 *
 * @param {"number_add"|"number_change"} title
 * @param {Set<string>} open  the numbers of the phones on the page, which are not suggested
 * @param {(number: string) => void} chosen
 */
export async function askForNumber(title, open, chosen) {
  use = chosen;
  say($("number-title"), title);
  $("number-problem").hidden = true;
  $("number-entry").value = "";
  $("known-numbers").replaceChildren();
  $("number-dialog").showModal();
  $("number-entry").focus();
  const free = (await suggestions()).filter(({ number }) => !open.has(number));
  $("known-numbers").replaceChildren(...free.map(choiceOf));
  $("known-title").hidden = free.length === 0;
}

async function choose(given) {
  if (!plainNumber(given)) {
    showProblem({ words: "problem_not_mobile", values: { number: given.trim() } });
    return;
  }
  try {
    const number = plainNumber(await checkedNumber(plainNumber(given)));
    $("number-dialog").close();
    use(number);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showProblem(problem);
  }
}

function showProblem({ words, values }) {
  say($("number-problem"), words, values);
  $("number-problem").hidden = false;
  $("number-entry").focus();
}

/** A suggestion: a number, and what can be tried with it. */
function choiceOf({ number, words }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.append(textIn("b", withCountryCode(number)));
  if (words) button.append(textIn("span", words));
  button.addEventListener("click", () => choose(number));
  item.append(button);
  return item;
}

function textIn(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
