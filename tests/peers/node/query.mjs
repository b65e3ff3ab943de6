// Which mails does a search find? The language of Gmail's search box, as far as a
// program uses it: operators, -not, {any of}, OR, (groups), "phrases".
// https://support.google.com/mail/answer/7190
//
// Words match whole words, never parts of one: from:example.com finds bob@example.com,
// from:ann@example.com does not find joann@example.com.

/**
 * @param text the value of `q`
 * @return {matches: mail => bool, namesTrash: bool}; a mail is {from, to, cc, bcc,
 *   subject, messageId, date (seconds), size, labels (ids), labelNames, text (function),
 *   filenames, list, deliveredTo}
 */
export function parse(text) {
  const reader = { tokens: [...tokens(text)], at: 0 };
  const found = all(reader);
  return { matches: found, namesTrash: /\bin:(trash|spam|anywhere)\b/i.test(text) };
}

function* tokens(text) {
  const each =
    /\s*([(){}]|-(?=[^\s])|"[^"]*"|(?:[^\s"(){}:]+:)(?="|[^\s]|\()|[^\s"(){}]+)/g;
  for (const [, token] of text.matchAll(each)) yield token;
}

function all(reader, closing = null) {
  const terms = [];
  while (reader.at < reader.tokens.length && reader.tokens[reader.at] !== closing) {
    if (reader.tokens[reader.at] === "AND") reader.at++;
    else terms.push(either(reader, closing));
  }
  reader.at++;
  return (mail) => terms.every((term) => term(mail));
}

/** OR binds tighter than the AND between neighbours. */
function either(reader, closing) {
  const terms = [term(reader)];
  while (["OR", "|"].includes(reader.tokens[reader.at])) {
    reader.at++;
    if (reader.at < reader.tokens.length && reader.tokens[reader.at] !== closing) {
      terms.push(term(reader));
    }
  }
  return terms.length === 1 ? terms[0] : (mail) => terms.some((each) => each(mail));
}

function term(reader, operator = "") {
  const token = reader.tokens[reader.at++];
  if (token === undefined) return () => true;
  if (token === "-") {
    const inner = term(reader, operator);
    return (mail) => !inner(mail);
  }
  if (token === "(") return group(reader, operator, ")", "every");
  if (token === "{") return group(reader, operator, "}", "some");
  if (!operator && /^[A-Za-z][\w-]*:$/.test(token)) {
    return term(reader, token.slice(0, -1).toLowerCase());
  }
  return predicate(operator, token.replace(/^"|"$/g, ""));
}

function group(reader, operator, closing, how) {
  if (how === "every" && !operator) return all(reader, closing);
  const terms = [];
  while (reader.at < reader.tokens.length && reader.tokens[reader.at] !== closing) {
    if (["OR", "|"].includes(reader.tokens[reader.at])) {
      how = "some";
      reader.at++;
    } else {
      terms.push(term(reader, operator));
    }
  }
  reader.at++;
  return (mail) => terms[how]((each) => each(mail));
}

const OPERATORS = {
  "": (value) => (mail) =>
    [mail.from, mail.to, mail.cc, mail.bcc, mail.subject].some((t) =>
      holds(t, value),
    ) || holds(mail.text(), value),
  from: (value) => (mail) => holds(mail.from, value),
  to: (value) => (mail) => holds(mail.to, value),
  cc: (value) => (mail) => holds(mail.cc, value),
  bcc: (value) => (mail) => holds(mail.bcc, value),
  deliveredto: (value) => (mail) => holds(mail.deliveredTo, value),
  list: (value) => (mail) => holds(mail.list, value),
  subject: (value) => (mail) => holds(mail.subject, value),
  filename: (value) => (mail) => mail.filenames.some((name) => holds(name, value)),
  rfc822msgid: (value) => (mail) => bare(mail.messageId) === bare(value),
  after: (value) => (mail) => mail.date > moment(value),
  newer: (value) => (mail) => mail.date > moment(value),
  before: (value) => (mail) => mail.date < moment(value),
  older: (value) => (mail) => mail.date < moment(value),
  newer_than: (value) => (mail) => mail.date > ago(value),
  older_than: (value) => (mail) => mail.date < ago(value),
  larger: (value) => (mail) => mail.size > bytes(value),
  size: (value) => (mail) => mail.size > bytes(value),
  smaller: (value) => (mail) => mail.size < bytes(value),
  has: (value) => (mail) => value === "attachment" && mail.filenames.length > 0,
  in: place,
  label: place,
  category: (value) => (mail) =>
    mail.labels.includes(`CATEGORY_${value.toUpperCase()}`),
  is: (value) => (mail) =>
    value === "read"
      ? !mail.labels.includes("UNREAD")
      : mail.labels.includes(value === "chat" ? "CHAT" : value.toUpperCase()),
};

function predicate(operator, value) {
  const make = OPERATORS[operator];
  return make ? make(value) : () => false;
}

const PLACES = { drafts: "DRAFT", chats: "CHAT" };

function place(value) {
  const wanted = value.toLowerCase();
  if (wanted === "anywhere" || wanted === "all") return () => true;
  const id = PLACES[wanted] ?? wanted.toUpperCase();
  const asLabel = (name) => name.toLowerCase().replace(/[ /&]/g, "-");
  return (mail) =>
    mail.labels.includes(id) ||
    mail.labelNames().some((name) => asLabel(name) === asLabel(value));
}

/** Whether the words of `value` stand in `text`, one after another. */
function holds(text, value) {
  const wanted = split(value);
  const there = split(text);
  return there.some((_, at) =>
    wanted.every((word, index) => there[at + index] === word),
  );
}

function split(text) {
  return (
    text
      .toLowerCase()
      .normalize("NFKC")
      .match(/[\p{L}\p{N}\p{M}_]+/gu) ?? []
  );
}

function bare(messageId) {
  return messageId.replace(/[<>\s]/g, "").toLowerCase();
}

/** Seconds since 1970: given so, or the midnight with which a date begins. */
function moment(value) {
  if (/^\d{5,}$/.test(value)) return Number(value);
  const [year, month, day] = value.split(/[/-]/).map(Number);
  const date = Date.UTC(year, (month || 1) - 1, day || 1) / 1000;
  return Number.isFinite(date) ? date : NaN;
}

function ago(value) {
  const [, count, unit] = /^(\d+)([dmy])$/.exec(value) ?? [];
  return Date.now() / 1000 - Number(count) * { d: 1, m: 30, y: 365 }[unit] * 86400;
}

function bytes(value) {
  const [, count, unit] = /^(\d+)([km]?)b?$/i.exec(value) ?? [];
  return Number(count) * { "": 1, k: 1024, m: 1024 ** 2 }[(unit ?? "").toLowerCase()];
}
