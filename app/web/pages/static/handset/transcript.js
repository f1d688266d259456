/**
 * A thread as a transcript, in the form that tests/commands/transcript.py plays: `>` from the subscriber, `<` to them, `@`
 * the time. A bug report is a text.
 *
 * Line breaks are written as `↵`, ticket numbers, which are drawn at random, as `…`. Masked passwords stay masked, and a
 * replay stops there and says so.
 */

import { call, handsetPath, Problem } from "./gateway.js";
import { plainNumber, withCountryCode } from "./numbers.js";
import { say } from "./words.js";

const PAGE_SIZE = 500;
const MASK = "******";
const TICKET_NUMBER = /(?<![A-Za-z0-9])[2-9A-HJ-NP-Z]{8}(?![A-Za-z0-9])/g;
const LINE_BREAK = /\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]/g;
const $ = (id) => document.getElementById(id);
let number = "";

export function startTranscript() {
  $("shelf").addEventListener("click", ({ target }) => {
    const button = target.closest(".transcript");
    if (button) open(button.closest(".phone").querySelector(".number").textContent);
  });
  $("transcript-copy").addEventListener("click", copy);
  $("transcript-download").addEventListener("click", download);
}

async function open(of) {
  number = withCountryCode(of);
  say($("transcript-title"), "transcript_of", { number });
  write("");
  $("transcript-dialog").showModal();
  try {
    const messages = await threadOf(plainNumber(of));
    if (messages.length) write(transcriptOf(number, messages));
    else tell("transcript_empty");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    tell("transcript_away");
  }
}

async function threadOf(handset) {
  const found = [];
  for (let after; ; after = found.at(-1).id) {
    const { messages } = await call("GET", handsetPath(handset, "messages", { after, limit: PAGE_SIZE }));
    found.push(...messages);
    if (messages.length < PAGE_SIZE) return found;
  }
}

// ---- the text

/** @param {string} of @param {Message[]} messages  oldest first */
export function transcriptOf(of, messages) {
  const sent = new Set(messages.filter(({ direction }) => direction === "mo").map(({ id }) => id));
  const repliesTo = Map.groupBy(messages.filter(({ in_reply_to: id }) => sent.has(id)), ({ in_reply_to: id }) => id);
  const lines = [
    `# ${of.replace(/^(.{5}).*(.{4})$/, "$1****$2")}, times in Shanghai. Play it with tests/commands/transcript.py,`,
    "# with the services that the customer had before it.",
  ];
  let now = "";
  for (const message of messages) {
    if (sent.has(message.in_reply_to)) continue; // under its text
    const at = message.at.replace("T", " ").replace(/\+08:00$/, "");
    if (at > now) lines.push(`@ ${at}`);
    if (at > now) now = at;
    if (message.direction === "mt") lines.push("# nobody asked for this one", received(message));
    else lines.push(...textLines(message), ...(repliesTo.get(message.id) ?? []).map(received));
  }
  return `${lines.join("\n")}\n`;
}

function textLines({ to, text }) {
  const line = `> [${to.replace(/\D/g, "")}] ${oneLine(text)}`.trimEnd();
  return text.includes(MASK) ? ["# the password is masked: write one in place of ******", line] : [line];
}

const received = ({ from, text }) => `< [${from}] ${oneLine(text).replace(TICKET_NUMBER, "…")}`;
const oneLine = (text) => text.replace(LINE_BREAK, "↵");

// ---- the dialog

function write(text) {
  $("transcript-text").value = text;
  $("transcript-masked").hidden = !text.includes(MASK);
  for (const id of ["transcript-copy", "transcript-download"]) $(id).disabled = text === "";
  tell(null);
}

function tell(key) {
  if (key) say($("transcript-state"), key);
  else {
    delete $("transcript-state").dataset.t;
    $("transcript-state").textContent = "";
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("transcript-text").value);
    tell("transcript_copied");
  } catch {
    // Only pages from this machine or by HTTPS may write to the clipboard.
    $("transcript-text").select();
    tell("transcript_select");
  }
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([$("transcript-text").value], { type: "text/plain;charset=utf-8" }));
  link.download = `transcript-${number.slice(-4)}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell("transcript_downloaded");
}
