/**
 * The handset page: one simulated phone.
 *
 * The thread of the chosen number is loaded through GET …/messages and followed through GET …/events. Both give the same
 * message objects, so there is one way in for all of them: `show`. A message is known by its id; one that comes again
 * updates its bubble. Everything is written as text, never as markup.
 *
 * @typedef {{id: string, direction: "mo"|"mt", from: string, to: string, text: string, segments: number,
 *   encoding: string, at: string, status: string}} Message
 * @typedef {{to: string, text: string, messageId: string, id: ?string, element: HTMLElement}} Draft  sent, not yet in the thread
 * @typedef {{number: string, ended: boolean, stream: ?EventSource, shown: Map<string, {message: Message, element: HTMLElement}>,
 *   drafts: Set<Draft>, day: string, lastSender: string}} Conversation
 */

const DEFAULT_NUMBER = "13800138000";
const ACCESS_NUMBER = "10086";
const ZONE = "Asia/Shanghai";
const PAGE_SIZE = 200;
const CHECK_EVERY = 10_000;
const ANSWER_WITHIN = 20_000;
const MOVE_WITHIN = 300_000;
const TRY_AGAIN_AFTER = [600, 2_000];

const GOOD = new Set(["delivered", "processed", "handled", "done"]);
const BAD = new Set(["undelivered", "rejected", "expired", "deleted", "failed", "unknown"]);

const $ = (/** @type {string} */ id) => document.getElementById(id);
const pause = (/** @type {number} */ ms) => new Promise((resume) => setTimeout(resume, ms));
const inShanghai = (/** @type {Intl.DateTimeFormatOptions} */ options) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hourCycle: "h23", ...options });
const day = inShanghai({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const minute = inShanghai({ hour: "2-digit", minute: "2-digit" });
const second = inShanghai({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const date = inShanghai({ weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** @type {Conversation} */
let conversation;

// ---------------------------------------------------------------------------------------------------------- the gateway

/** What went wrong, in words for the reader. Status 0: no answer at all. */
class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} detail */
  constructor(status, title, detail = "") {
    super(title);
    Object.assign(this, { status, title, detail });
  }

  /** The same call may work later, without a change. */
  get passes() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }

  get advice() {
    if (this.status === 0) return "Check that it is running (make run).";
    if (this.status === 404) return "The simulator is there when the gateway runs as a demo (make run) or has a provider of kind simulator.";
    if (this.status === 413) return "Send a shorter text.";
    if (this.status === 429 || this.status === 503) return "Wait a little, then try again.";
    if (this.status >= 500) return "The gateway’s log tells why.";
    return "Check the number and the text.";
  }
}

/** One call of the simulator's interface; throws a Problem. */
async function call(method, path, body, within = ANSWER_WITHIN) {
  let response, answer;
  try {
    response = await fetch(`/simulator/${path}`, {
      method,
      cache: "no-store",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(within),
    });
    answer = await response.text();
  } catch {
    throw new Problem(0, "The gateway does not answer.");
  }
  try {
    answer = JSON.parse(answer);
  } catch {
    answer = null;
  }
  if (response.ok && answer !== null) return answer;
  if (response.ok) throw new Problem(502, "The gateway’s answer is not JSON.");
  const detail = typeof answer?.detail === "string" ? answer.detail : "";
  throw new Problem(response.status, answer?.title ?? `The gateway answered ${response.status}.`, detail);
}

const handsetPath = (number, rest) => `handsets/${encodeURIComponent(number)}/${rest}`;

/** @param {Problem} problem  @param {?(() => void)} retry */
function showProblem(problem, retry = null) {
  if (!(problem instanceof Problem)) throw problem;
  $("problem-title").textContent = problem.title;
  $("problem-detail").textContent = problem.detail;
  $("problem-advice").textContent = problem.advice;
  $("problem-retry").hidden = !retry;
  $("problem-retry").onclick = retry;
  $("problem").hidden = false;
}

const clearProblem = () => ($("problem").hidden = true);

// ----------------------------------------------------------------------------------------------------------- the thread

/** Starts the conversation of a number afresh, from what the gateway holds. */
function openConversation(number) {
  if (conversation?.number !== number) $("to").value = ACCESS_NUMBER;
  if (conversation) {
    conversation.ended = true;
    conversation.stream?.close();
  }
  conversation = { number, ended: false, stream: null, shown: new Map(), drafts: new Set(), day: "", lastSender: ACCESS_NUMBER };
  $("number").textContent = withCountryCode(number);
  $("messages").replaceChildren();
  $("empty").hidden = true;
  $("newest").hidden = true;
  clearProblem();
  suggestRecipients();
  follow(conversation);
}

/** Keeps the thread up to date until the conversation ends or the gateway refuses for good. */
async function follow(current) {
  for (let failures = 0; !current.ended; failures += 1) {
    showConnection(failures ? "reconnecting" : "connecting");
    try {
      await catchUp(current);
      if (current.ended) return;
      await listen(current, () => (failures = 0));
    } catch (problem) {
      if (current.ended) return;
      showProblem(problem, problem.status === 422 ? null : () => openConversation(current.number));
      if (!problem.passes) return showConnection("stopped");
    }
    await pause(Math.min(1_000 * 2 ** failures, 15_000) * (0.75 + Math.random() / 2));
  }
}

/** Loads what is missing, page by page. */
async function catchUp(current) {
  if (await wasEmptied(current)) return openConversation(current.number);
  const isFirst = current.shown.size === 0;
  for (let after = resumePoint(current); !current.ended; ) {
    const { messages } = await call("GET", messagesPath(current, { after, limit: PAGE_SIZE }));
    if (current.ended || messages.length === 0) break;
    for (const message of messages) isFirst ? show(current, message) : arrive(current, message);
    after = messages.at(-1).id;
  }
  if (current.ended || !isFirst) return;
  $("empty").hidden = current.shown.size + current.drafts.size > 0;
  suggestRecipients();
  scrollToNewest();
}

/** Follows the stream; resolves when it breaks. */
function listen(current, onOpen) {
  const after = resumePoint(current);
  const query = after ? `?${new URLSearchParams({ after })}` : "";
  const stream = new EventSource(`/simulator/${handsetPath(current.number, "events")}${query}`);
  current.stream = stream;
  return new Promise((resolve) => {
    stream.onopen = () => {
      onOpen();
      clearProblem();
      showConnection("live");
    };
    stream.onmessage = (event) => arrive(current, JSON.parse(event.data));
    stream.onerror = () => {
      stream.close();
      resolve();
    };
  });
}

/** Somebody reset the gateway: its thread does not begin with our first message any more. */
async function wasEmptied(current) {
  const [first] = current.shown.keys();
  if (!first) return false;
  const { messages } = await call("GET", messagesPath(current, { limit: 1 }));
  return messages[0]?.id !== first;
}

/** Where to go on: after the last message, or before the first one whose delivery is still open. */
function resumePoint(current) {
  let after;
  for (const [id, { message }] of current.shown) {
    if (message.direction === "mt" && !GOOD.has(message.status) && !BAD.has(message.status)) break;
    after = id;
  }
  return after;
}

function messagesPath(current, { after, limit }) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (after) query.set("after", after);
  return handsetPath(current.number, `messages?${query}`);
}

function showConnection(state) {
  $("connection").dataset.state = state;
  $("connection").textContent = state.endsWith("ing") ? `${state}…` : state;
}

/** A message from the stream: shown, and told to those who listen to the page. */
function arrive(current, message) {
  if (current.ended) return;
  const isNew = !current.shown.has(message.id);
  const wasAtEnd = isAtEnd();
  show(current, message);
  if (!isNew) return;
  $("empty").hidden = true;
  if (wasAtEnd) scrollToNewest();
  else $("newest").hidden = false;
  if (message.direction === "mo") return;
  suggestRecipients();
  $("announcer").textContent = `From ${message.from}: ${message.text}`;
}

/** Puts a message into the thread, or brings its bubble up to date. @param {Conversation} current @param {Message} message */
function show(current, message) {
  const known = current.shown.get(message.id);
  const element = known?.element ?? newBubble(message.direction);
  fill(element, message);
  current.shown.set(message.id, { message, element });
  if (known) return;
  dropDraftOf(current, message);
  const firstDraft = $("messages").querySelector(".draft");
  const today = day.format(new Date(message.at));
  if (today !== current.day) {
    current.day = today;
    $("messages").insertBefore(newDay(message.at, today), firstDraft);
  }
  $("messages").insertBefore(element, firstDraft);
  if (message.direction === "mt") current.lastSender = message.from;
}

function newBubble(direction) {
  const template = $(direction === "mo" ? "sent-template" : "received-template");
  return template.content.firstElementChild.cloneNode(true);
}

function newDay(at, words) {
  const element = $("day-template").content.firstElementChild.cloneNode(true);
  const time = element.querySelector("time");
  time.dateTime = at;
  time.textContent = words;
  return element;
}

/** @param {HTMLElement} element @param {Message} message */
function fill(element, message) {
  const part = (name) => element.querySelector(name);
  const at = new Date(message.at);
  part(".party").textContent = message.direction === "mo" ? message.to : message.from;
  setText(part(".bubble"), message.text);
  part("time").dateTime = message.at;
  part("time").textContent = minute.format(at);
  part("time").title = `${date.format(at)}, ${second.format(at)}`;
  part(".segments").textContent = message.segments === 1 ? "1 segment" : `${message.segments} segments`;
  part(".segments").title = message.encoding === "ucs2" ? "encoded as UCS-2" : "encoded as GSM 7 bit";
  setStatus(element, message.status);
}

function setText(element, text) {
  element.textContent = text;
  if (/\p{Script=Han}/u.test(text)) element.lang = "zh-CN";
}

function setStatus(element, status) {
  const line = element.querySelector(".status");
  const tick = document.createElement("span");
  tick.ariaHidden = "true";
  tick.className = "tick";
  tick.textContent = BAD.has(status) ? "!" : GOOD.has(status) ? "✓✓" : "✓";
  line.dataset.kind = BAD.has(status) ? "bad" : GOOD.has(status) ? "good" : "open";
  line.replaceChildren(tick, String(status).replaceAll("_", " "));
}

const isAtEnd = () => $("thread").scrollHeight - $("thread").scrollTop - $("thread").clientHeight < 80;

function scrollToNewest() {
  $("thread").scrollTop = $("thread").scrollHeight;
  $("newest").hidden = true;
}

// -------------------------------------------------------------------------------------------------------------- sending

/** Sends a text to the number in the To field. It is shown at once and replaced by the thread's own message. */
function send(text) {
  if (!$("to").reportValidity()) return;
  const to = $("to").value.trim();
  const element = newBubble("mo");
  element.classList.add("draft");
  element.querySelector(".party").textContent = to;
  setText(element.querySelector(".bubble"), text);
  const draft = { to, text, messageId: newMessageId(), id: null, element };
  conversation.drafts.add(draft);
  $("messages").append(element);
  $("empty").hidden = true;
  scrollToNewest();
  deliver(conversation, draft);
}

/** Hands a draft to the gateway. Its message id stays the same, so trying again never makes a second message. */
async function deliver(current, draft) {
  draft.element.querySelector(".status").textContent = "sending…";
  try {
    const { id } = await post(current, draft);
    draft.id = id;
    if (current.shown.has(id)) dropDraft(current, draft);
    else setStatus(draft.element, "accepted");
  } catch (problem) {
    if (!current.drafts.has(draft)) return;
    offerAgain(current, draft, problem);
    if (!current.ended) showProblem(problem);
  }
}

async function post(current, { to, text, messageId }) {
  const path = handsetPath(current.number, "messages");
  for (const wait of TRY_AGAIN_AFTER) {
    try {
      return await call("POST", path, { to, text, message_id: messageId });
    } catch (problem) {
      if (!problem.passes) throw problem;
      await pause(wait);
    }
  }
  return call("POST", path, { to, text, message_id: messageId });
}

/** A draft that was not sent can be sent again, or taken back into the text field if it has to change first. */
function offerAgain(current, draft, problem) {
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = problem.passes ? "Try again" : "Edit";
  again.onclick = () => {
    clearProblem();
    if (problem.passes) return deliver(current, draft);
    dropDraft(current, draft);
    compose(draft.text);
  };
  const line = draft.element.querySelector(".status");
  line.dataset.kind = "bad";
  line.replaceChildren("not sent ", again);
  scrollToNewest();
}

function dropDraft(current, draft) {
  draft.element.remove();
  current.drafts.delete(draft);
}

/** The thread now has this message itself: by the id the gateway gave, or by what it says while that answer is on its way. */
function dropDraftOf(current, message) {
  if (message.direction !== "mo") return;
  const drafts = [...current.drafts];
  const draft =
    drafts.find(({ id }) => id === message.id) ??
    drafts.find(({ id, to, text }) => id === null && to === message.to && text === message.text);
  if (draft) dropDraft(current, draft);
}

function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `handset-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function compose(text) {
  $("text").value = text;
  $("text").focus();
}

/** Sets the number that the next text goes to. */
function setRecipient(number) {
  $("to").value = number;
  $("to").classList.remove("changed");
  void $("to").offsetWidth; // lets the highlight run again
  $("to").classList.add("changed");
  suggestRecipients();
}

/** Beside the To field: the number that wrote last, and the access number, unless it is there already. */
function suggestRecipients() {
  const numbers = new Set([conversation.lastSender, ACCESS_NUMBER]);
  numbers.delete($("to").value.trim());
  $("to-suggestions").replaceChildren(...[...numbers].map((number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = number === ACCESS_NUMBER ? number : `Reply to ${number}`;
    button.title = `Send to ${number}`;
    button.onclick = () => {
      setRecipient(number);
      $("text").focus();
    };
    return button;
  }));
}

// ----------------------------------------------------------------------------------------------------------- the number

/** A mobile number without its country code, however it was written. */
const plainNumber = (number) => number.replace(/[^\d+]/g, "").replace(/^(?:\+|00)?86(?=1\d{10}$)/, "");
const withCountryCode = (number) => (/^1\d{10}$/.test(number) ? `+86${number}` : number);
const numberInAddress = () => plainNumber(location.hash) || DEFAULT_NUMBER;

/** The number stands in the fragment of the address: it survives a reload and is never sent to a server's log. */
function chooseNumber(number) {
  $("number-dialog").close();
  location.hash = plainNumber(number);
}

async function openNumberDialog() {
  const numbers = new Set([DEFAULT_NUMBER, conversation.number]);
  const list = () => $("known-numbers").replaceChildren(...[...numbers].map(numberChoice));
  list();
  $("number-entry").value = "";
  $("number-dialog").showModal();
  $("number-entry").focus();
  try {
    const { handsets } = await call("GET", "handsets");
    for (const handset of handsets) numbers.add(plainNumber(handset.msisdn ?? handset));
    list();
  } catch (problem) {
    showProblem(problem);
  }
}

function numberChoice(number) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = withCountryCode(number);
  if (number === conversation.number) button.ariaCurrent = "true";
  button.onclick = () => chooseNumber(number);
  item.append(button);
  return item;
}

// ------------------------------------------------------------------------------------------------------------ the clock

/** @type {{frozen: boolean, now: () => Date}} */
let clock = { frozen: false, now: () => new Date() };

function setClock({ now, frozen }) {
  const read = Date.parse(now);
  const since = performance.now();
  clock = { frozen, now: () => new Date(frozen ? read : read + performance.now() - since) };
  $("clock").hidden = false;
  $("clock-frozen").hidden = !frozen;
  showTime();
}

function showTime() {
  const now = clock.now();
  const words = `${date.format(now)}, ${(clock.frozen ? minute : second).format(now)}`;
  if ($("clock-now").textContent !== words) $("clock-now").textContent = words;
  $("phone-time").textContent = minute.format(now);
}

/** The clock exists in demo and test only. */
async function readClock() {
  try {
    setClock(await call("GET", "clock"));
  } catch (problem) {
    if (problem.status === 404) $("clock").hidden = true;
  }
}

/** Runs one change of the whole gateway, with the buttons off meanwhile. */
async function change(path, body) {
  const buttons = $("clock").querySelectorAll("button");
  $("clock").ariaBusy = "true";
  for (const button of buttons) button.disabled = true;
  try {
    await call("POST", path, body, MOVE_WITHIN);
    clearProblem();
    await readClock();
    $("announcer").textContent = `Gateway time ${$("clock-now").textContent}`;
    return true;
  } catch (problem) {
    showProblem(problem);
    return false;
  } finally {
    $("clock").ariaBusy = "false";
    for (const button of buttons) button.disabled = false;
  }
}

async function resetToDemo() {
  $("reset-dialog").close();
  if (await change("reset", { fixture: "demo" })) openConversation(conversation.number);
}

/** Now and then: the gateway's time, and whether it was reset from elsewhere. */
async function check() {
  if (document.hidden) return;
  if (!$("clock").hidden) await readClock();
  const current = conversation;
  const emptied = await wasEmptied(current).catch(() => false);
  if (emptied && !current.ended) openConversation(current.number);
}

// ------------------------------------------------------------------------------------------------------------- the page

function onClick({ target }) {
  const button = target.closest("button");
  if (!button) return;
  const { send: text, to, fill: draft, advance } = button.dataset;
  if (to) setRecipient(to);
  if (text) send(text);
  if (draft) compose(draft);
  if (advance) change("clock/advance", { seconds: Number(advance) });
  if (button.matches(".reply")) {
    setRecipient(button.querySelector(".party").textContent);
    $("text").focus();
  }
  if ("close" in button.dataset) button.closest("dialog").close();
}

function onSubmit(event) {
  event.preventDefault();
  const text = $("text").value;
  $("text").focus();
  if (text.trim() === "" || !$("to").reportValidity()) return;
  $("text").value = "";
  send(text);
}

/** Enter sends, but not while an input method is choosing characters. */
function onKeyDown(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  $("composer").requestSubmit();
}

function start() {
  document.addEventListener("click", onClick);
  $("composer").addEventListener("submit", onSubmit);
  $("text").addEventListener("keydown", onKeyDown);
  $("to").addEventListener("input", suggestRecipients);
  $("problem-close").addEventListener("click", clearProblem);
  $("newest").addEventListener("click", scrollToNewest);
  $("number-open").addEventListener("click", openNumberDialog);
  $("number-form").addEventListener("submit", (event) => {
    event.preventDefault();
    chooseNumber($("number-entry").value);
  });
  $("reset-open").addEventListener("click", () => $("reset-dialog").showModal());
  $("reset-confirm").addEventListener("click", resetToDemo);
  window.addEventListener("hashchange", () => openConversation(numberInAddress()));
  keepNewestInView();
  setInterval(showTime, 1_000);
  setInterval(check, CHECK_EVERY);
  openConversation(numberInAddress());
  readClock();
}

/** When the keyboard or an error line takes room away, the newest message stays in view if it was. */
function keepNewestInView() {
  const thread = $("thread");
  const measure = () => `${thread.clientWidth} ${thread.clientHeight}`;
  let size = measure();
  let wasAtEnd = true;
  thread.addEventListener("scroll", () => {
    if (measure() !== size) return; // moved by the change of size, not by the reader
    wasAtEnd = isAtEnd();
    if (wasAtEnd) $("newest").hidden = true;
  });
  new ResizeObserver(() => {
    size = measure();
    if (wasAtEnd) scrollToNewest();
  }).observe(thread);
}

start();
