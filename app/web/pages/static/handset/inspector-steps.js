/**
 * The steps of the inspector's timeline, made from an answer of the gateway. Everything is inserted as text.
 *
 * @typedef {object} Inspection  see GET /simulator/handsets/{msisdn}/messages/{message_id} in the API reference
 */

import { hasWords, say, showTime } from "./words.js";

/** @param {Inspection} found @returns {HTMLElement[]} */
export function stepsOf(found) {
  const { received, taken } = found;
  return [
    received ? receivedStep(found) : causeStep(found),
    received && readStep(found),
    taken && takenStep(found),
    changesStep(found),
    evidenceStep(found),
    found.questions.length > 0 && questionsStep(found),
    repliesStep(found),
    eventsStep(found),
    timersStep(found),
  ].filter(Boolean);
}

// ---- elements

/** Make an element with children; `t` and `values` are the key and the values of its words. */
function make(tag, { t, values, className, lang, key } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (lang) element.lang = lang;
  if (key) element.dataset.key = key;
  if (t) say(element, t, values);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function step(title, found, shows, ...children) {
  const links = found.links.filter((link) => link.shows === shows);
  return make("li", { className: `step step-${title}` }, make("h3", { t: `step_${title}` }), ...children, linksTo(links));
}

function linksTo(links) {
  if (!links.length) return null;
  const items = links.map(({ path, reference }) => {
    const link = make("a", { key: `link ${path}` }, make("span", { className: "sr-only", t: "inspector_call" }), ` ${path}`);
    link.href = reference;
    link.target = "_blank";
    link.rel = "noopener";
    return make("li", {}, "GET ", link);
  });
  return make("ul", { className: "calls" }, ...items);
}

const line = (...children) => make("p", {}, ...children);
const words = (t, values) => make("span", { t, values });
const muted = (t, values) => make("p", { className: "muted", t, values });
/** A text of the gateway that comes in both languages. */
const both = (tag, { en, zh }, className) => make(tag, { t: "both", values: { en, zh }, className });
const code = (text) => make("code", {}, text);

function time(at) {
  const element = make("time");
  showTime(element, at, "moment");
  return element;
}

/** A word of the gateway in the reader's language, or as it is. */
function term(kind, word) {
  const key = `${kind}_${word.replace(/\W+/g, "_")}`;
  return hasWords(key) ? words(key) : make("span", {}, word);
}

function quote(text) {
  return make("blockquote", { lang: /\p{Script=Han}/u.test(text) ? "zh-CN" : undefined }, text);
}

function folded(key, summary, ...children) {
  return make("details", { key }, make("summary", { key: `${key} summary` }, summary), ...children);
}

// ---- the text

function receivedStep(found) {
  const { received } = found;
  return step(
    "received",
    found,
    "received",
    line(time(received.at), " · ", words("received_by", { to: received.to, provider: received.provider })),
    quote(received.text),
    received.text.includes("******") && muted("received_masked"),
    received.sent_at !== received.at && line(words("received_stamped"), " ", time(received.sent_at)),
    received.part && muted("received_part", { part: received.part, parts: received.parts }),
    received.missing && muted("received_missing", { missing: received.missing }),
    received.due_at && line(words("received_waits"), " ", time(received.due_at)),
    received.trace && folded("trace", words("received_trace", { tries: received.tries }), make("pre", {}, received.trace)),
  );
}

function causeStep(found) {
  const [kind, name] = (found.who ?? "").split(":");
  const key = { timer: "cause_timer", api: "cause_call", agent: "cause_agent" }[kind] ?? "cause_itself";
  return step("cause", found, "received", line(words(key, { name })));
}

function readStep(found) {
  const isSame = found.read_as === found.received.text;
  return step("read", found, null, line(code(found.read_as || "∅"), " ", isSame && words("read_same")));
}

function takenStep(found) {
  const { taken, verdict } = found;
  const keyword = taken.keyword && [code(taken.keyword), taken.argument && ` + ${taken.argument}`];
  return step(
    "taken",
    found,
    null,
    line(make("span", { className: "badge" }, term("route", taken.by)), " ", ...(keyword || [])),
    both("p", taken.why, "why"),
    verdict && line(words("taken_verdict"), " ", both("b", verdict)),
    taken.question && folded("asked", words("taken_question", { from: taken.question.from }), ...questionLines(taken.question)),
    taken.function && folded("function", words("taken_function"), make("p", {}, code(taken.function))),
  );
}

function questionLines(question) {
  return [
    line(term("question", question.kind), " · ", time(question.asked_at)),
    line(words("question_until"), " ", time(question.expires_at)),
    question.closed_as && line(term("closed", question.closed_as), question.closed_at && " · ", question.closed_at && time(question.closed_at)),
    quote(question.text),
  ];
}

// ---- what came of it

function changesStep(found) {
  if (!found.changes.length) return step("changes", found, "changes", muted("changes_none"));
  const items = found.changes.map((change) =>
    make(
      "li",
      {},
      make("b", {}, term("what", change.what), change.service && ` ${change.service}`),
      change.service_code && make("span", { className: "muted" }, ` ${change.service_code}`),
      ": ",
      change.before === null ? null : term("state", change.before),
      change.before === null ? null : " → ",
      change.after === null ? words("state_made") : term("state", change.after),
    ),
  );
  return step("changes", found, "changes", make("ul", {}, ...items));
}

function evidenceStep(found) {
  if (!found.evidence.length) return step("evidence", found, "evidence", muted("evidence_none"));
  const items = found.evidence.map((record) =>
    make(
      "li",
      {},
      folded(
        `evidence ${record.seq}`,
        make("span", {}, words("evidence_record", { seq: record.seq }), " ", code(record.kind), " · ", time(record.at)),
        record.payload ? make("pre", {}, JSON.stringify(record.payload, null, 1)) : muted("evidence_erased"),
        make("p", { className: "muted hash" }, record.hash),
      ),
    ),
  );
  return step("evidence", found, "evidence", make("ul", {}, ...items));
}

function questionsStep(found) {
  const items = found.questions.map((question) => {
    const summary = make("span", {}, term("question", question.kind), " · ", words("question_from", { from: question.from }));
    return make("li", {}, folded(`question ${question.id}`, summary, ...questionLines(question)));
  });
  return step("questions", found, "questions", make("ul", {}, ...items));
}

function repliesStep(found) {
  if (!found.replies.length) return step("replies", found, "replies", muted("replies_none"));
  return step("replies", found, "replies", make("ul", {}, ...found.replies.map((reply) => replyItem(reply, found.id))));
}

function replyItem(reply, selected) {
  return make(
    "li",
    { className: reply.id === selected ? "selected" : "" },
    line(make("b", {}, reply.from), " · ", term("class", reply.class), " · ", words("segments", { count: reply.segments, encoding: reply.encoding })),
    quote(reply.text),
    make(
      "ol",
      { className: "attempts" },
      make("li", {}, words("reply_made"), " ", time(reply.at)),
      ...reply.failed_attempts.map(({ number, result, error_code: cause, at }) =>
        make("li", { className: "bad" }, words("reply_attempt", { number }), " ", term("result", result), cause && ` (${cause})`, " · ", time(at)),
      ),
      reply.handed_over_at &&
        make("li", {}, words("reply_taken", { provider: reply.provider }), " ", code(reply.provider_message_id ?? ""), " · ", time(reply.handed_over_at)),
      reply.next_attempt_at && make("li", { className: "waits" }, words("reply_next"), " ", time(reply.next_attempt_at)),
      ...reply.reports.map((report) =>
        make("li", {}, words("reply_report"), " ", term("status", report.status), report.error_code && ` (${report.error_code})`, " · ", time(report.at)),
      ),
    ),
    line(words("reply_status"), " ", make("b", {}, term("status", reply.status))),
  );
}

function eventsStep(found) {
  if (!found.events.length) return step("events", found, "events", muted("events_none"));
  const items = found.events.map((event) =>
    make(
      "li",
      {},
      folded(
        `event ${event.id}`,
        make("span", {}, code(event.type), " → ", event.receiver, " · ", term("event", event.status)),
        event.attempts > 0 && line(words("event_attempts", { count: event.attempts })),
        event.error && line(event.error),
        event.acknowledged_at && line(time(event.acknowledged_at)),
        make("pre", {}, JSON.stringify(event.data, null, 1)),
      ),
    ),
  );
  return step("events", found, "events", make("ul", {}, ...items));
}

function timersStep(found) {
  if (!found.timers.length) return step("timers", found, null, muted("timers_none"));
  const items = found.timers.map((timer) => make("li", {}, time(timer.due_at), ": ", both("span", timer)));
  return step("timers", found, null, make("ul", {}, ...items));
}
