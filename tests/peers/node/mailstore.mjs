// What lies in the mailboxes: the emulator's own store, with ids as Gmail gives them.
//
// The emulator makes ids like msg_x7Y and history ids of 21 digits, which fit no uint64
// and are in no order within a millisecond. They are replaced on their way in.
import { firstText, parse, rawHeaders, readable, walk } from "./mime.mjs";

const NEVER_LISTED = ["TRASH", "SPAM"];

export class MailStore {
  #last;
  #historyIds = new Map();
  #summaries = new Map();
  #threads = new Map();
  #raw = null;
  /** What happens now is not told by the history. */
  untold = false;

  /** @param kept {message, history, floor}: the last ids given; changed in place */
  constructor(gs, kept) {
    this.gs = gs;
    this.#last = kept;
    const { messages, history } = gs;
    const insertMessage = messages.insert.bind(messages);
    messages.insert = (row) => insertMessage(this.#corrected(row));
    const update = messages.update.bind(messages);
    messages.update = (id, row) =>
      update(
        id,
        row.history_id ? { ...row, history_id: this.#historyId(row.history_id) } : row,
      );
    const insertEvent = history.insert.bind(history);
    history.insert = (row) => {
      if (this.untold) return;
      const message = messages.findOneBy("gmail_id", row.message_gmail_id);
      const labels = message?.label_ids ?? row.label_ids;
      insertEvent({
        ...row,
        gmail_id: this.#historyId(row.gmail_id),
        labels_then: labels,
      });
    };
  }

  /** The raw mail that the next row stands for; the emulator gets an outline. */
  expect(raw) {
    this.#raw = raw;
  }

  #corrected(row) {
    const now = BigInt(Date.now()) << 20n;
    const last = BigInt(this.#last.message) + 1n;
    const id = (now > last ? now : last).toString();
    this.#last.message = id;
    const gmailId = BigInt(id).toString(16);
    const raw = this.#raw ?? Buffer.from(row.raw, "base64url");
    this.#raw = null;
    const isNew = row.thread_id.startsWith("thr_");
    const { own, thread } = this.threadOf(row.user_email, raw);
    const threadId = isNew ? (thread ?? gmailId) : row.thread_id;
    this.#threadsOf(row.user_email).set(own, threadId);
    return {
      ...row,
      gmail_id: gmailId,
      thread_id: threadId,
      history_id: this.#historyId(row.history_id),
      raw: raw.toString("base64url"),
    };
  }

  #historyId(theirs) {
    if (theirs.length < 18) return theirs;
    if (!this.#historyIds.has(theirs)) {
      this.#historyIds.clear();
      const next =
        BigInt(this.#last.history) + 1n + BigInt(Math.floor(Math.random() * 30));
      this.#last.history = next.toString();
      this.#historyIds.set(theirs, this.#last.history);
    }
    return this.#historyIds.get(theirs);
  }

  /** The thread of the mails that this one answers, or of itself when it is new. */
  threadOf(email, raw) {
    const headers = rawHeaders(headerBlock(raw).toString("latin1"));
    const ids = (name) =>
      headers
        .filter((header) => header.name.toLowerCase() === name)
        .flatMap((header) => header.value.match(/<[^<>\s]+>/g) ?? []);
    const known = this.#threadsOf(email);
    const answered = [...ids("in-reply-to"), ...ids("references").reverse()];
    const own = ids("message-id")[0];
    return { own, thread: answered.map((id) => known.get(id)).find(Boolean) };
  }

  /** Message-ID -> thread of all mail of a mailbox. */
  #threadsOf(email) {
    if (!this.#threads.has(email)) {
      const known = new Map();
      this.#threads.set(email, known);
      for (const row of this.of(email)) {
        known.set(this.threadOf(email, this.raw(row)).own, row.thread_id);
      }
    }
    return this.#threads.get(email);
  }

  /** History up to now is no longer told. */
  expireHistory() {
    this.#last.history = (BigInt(this.#last.history) + 1n).toString();
    this.#last.floor = this.#last.history;
  }

  get floor() {
    return BigInt(this.#last.floor);
  }

  historyId() {
    return this.#last.history;
  }

  of(email) {
    return this.gs.messages.findBy("user_email", email);
  }

  get(email, id) {
    const row = this.gs.messages.findOneBy("gmail_id", id);
    return row?.user_email === email ? row : null;
  }

  raw(row) {
    return Buffer.from(row.raw, "base64url");
  }

  labels(email) {
    return this.gs.labels.findBy("user_email", email);
  }

  /** What a search looks at. */
  summary(row) {
    let known = this.#summaries.get(row.gmail_id);
    if (!known || known.raw !== row.raw) {
      known = { raw: row.raw, ...this.#summarise(row) };
      this.#summaries.set(row.gmail_id, known);
    }
    return {
      ...known,
      date: Math.floor(Number(row.internal_date) / 1000),
      labels: row.label_ids,
      labelNames: () =>
        this.labels(row.user_email)
          .filter((label) => row.label_ids.includes(label.gmail_id))
          .map((label) => label.name),
    };
  }

  #summarise(row) {
    const raw = this.raw(row);
    const root = parse(raw);
    const value = (name) =>
      root.headers
        .filter((header) => header.name.toLowerCase() === name)
        .map(readable)
        .join(", ");
    let text = null;
    return {
      from: value("from"),
      to: value("to"),
      cc: value("cc"),
      bcc: value("bcc"),
      subject: value("subject"),
      list: value("list-id"),
      deliveredTo: value("delivered-to"),
      messageId: value("message-id"),
      filenames: [...walk(root)].map(({ part }) => part.filename).filter(Boolean),
      size: raw.length,
      text: () => (text ??= firstText(raw, root)),
    };
  }

  /** Rows a list shows, newest first. @param wanted {query, labelIds, includeSpamTrash} */
  list(email, { query, labelIds, includeSpamTrash }) {
    const namesTrash =
      query?.namesTrash || labelIds.some((id) => NEVER_LISTED.includes(id));
    const rows = this.of(email).filter(
      (row) =>
        (includeSpamTrash ||
          namesTrash ||
          !NEVER_LISTED.some((id) => row.label_ids.includes(id))) &&
        labelIds.every((id) => row.label_ids.includes(id)) &&
        (!query || query.matches(this.summary(row))),
    );
    return rows.sort(newestFirst);
  }

  /** Events after `start`, oldest first, those of one change together. */
  history(email, start) {
    const changes = new Map();
    for (const event of this.gs.history.findBy("user_email", email)) {
      if (BigInt(event.gmail_id) <= start) continue;
      if (!changes.has(event.gmail_id)) changes.set(event.gmail_id, []);
      changes.get(event.gmail_id).push(event);
    }
    return [...changes].sort(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1));
  }

  /** The header block, as it came. */
  headerBlock(row) {
    return headerBlock(this.raw(row));
  }
}

/** What the emulator needs to see of a mail. */
export const OUTLINE = Buffer.from("From: a\r\nTo: b\r\n\r\n");

function headerBlock(raw) {
  const found = /\r?\n\r?\n/.exec(raw.subarray(0, 2 ** 20).toString("latin1"));
  return found ? raw.subarray(0, found.index) : raw.subarray(0, 2 ** 20);
}

function newestFirst(a, b) {
  return (
    Number(b.internal_date) - Number(a.internal_date) ||
    (a.gmail_id < b.gmail_id ? 1 : -1)
  );
}
