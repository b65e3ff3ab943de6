// What does Gmail answer to who only reads? Each method gets (gmail, email, query, path)
// and gives a resource, or an answer that has a status.
import { refusal } from "./gmail_errors.mjs";
import { attachment, base64, labelIds, message, snippet } from "./gmail_message.mjs";
import * as search from "./query.mjs";

export const READ = {
  getProfile(gmail, email) {
    const rows = gmail.store.of(email);
    return {
      emailAddress: email,
      messagesTotal: rows.length,
      threadsTotal: new Set(rows.map((row) => row.thread_id)).size,
      historyId: gmail.store.historyId(),
    };
  },

  "messages.list"(gmail, email, query) {
    const asked = listing(query);
    const unknown = unknownLabel(gmail, email, asked.labelIds);
    if (unknown) return unknown;
    const rows = gmail.store.list(email, asked);
    const page = pageOf(gmail, "messages", query, rows, (row) => [
      row.internal_date,
      row.gmail_id,
    ]);
    if (page.status) return page;
    return {
      ...(page.rows.length && {
        messages: page.rows.map((row) => ({
          id: row.gmail_id,
          threadId: row.thread_id,
        })),
      }),
      ...page.next,
      resultSizeEstimate: Math.min(rows.length, 201),
    };
  },

  "messages.get"(gmail, email, query, path) {
    const row = gmail.store.get(email, path.id);
    return row ? message(gmail, row, query) : refusal(404);
  },

  "messages.attachments.get"(gmail, email, query, path) {
    const row = gmail.store.get(email, path.messageId);
    if (!row) return refusal(404);
    const bytes = attachment(gmail, row, path.id);
    if (!bytes) return refusal(400, "Invalid attachment token");
    return { size: bytes.length, data: base64(bytes) };
  },

  "threads.list"(gmail, email, query) {
    const rows = gmail.store.list(email, listing(query));
    const threads = [
      ...new Map(rows.toReversed().map((row) => [row.thread_id, row])).values(),
    ];
    const page = pageOf(gmail, "threads", query, threads.reverse(), (row) => [
      row.internal_date,
      row.gmail_id,
    ]);
    if (page.status) return page;
    return {
      ...(page.rows.length && {
        threads: page.rows.map((row) => ({
          id: row.thread_id,
          snippet: snippet(gmail.store.raw(row)),
          historyId: row.history_id,
        })),
      }),
      ...page.next,
      resultSizeEstimate: Math.min(threads.length, 201),
    };
  },

  "threads.get"(gmail, email, query, path) {
    const rows = gmail.store.of(email).filter((row) => row.thread_id === path.id);
    if (!rows.length) return refusal(404);
    rows.sort((a, b) => Number(a.internal_date) - Number(b.internal_date));
    return {
      id: path.id,
      historyId: rows
        .map((row) => row.history_id)
        .reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b)),
      messages: rows.map((row) => message(gmail, row, query)),
    };
  },

  "history.list"(gmail, email, query) {
    const start = query.get("startHistoryId");
    if (!start) return refusal(400, "Required parameter: startHistoryId");
    const current = gmail.store.historyId();
    if (BigInt(start) < gmail.store.floor || BigInt(start) > BigInt(current))
      return refusal(404);
    const records = gmail.store
      .history(email, BigInt(start))
      .map(([id, events]) => record(gmail, email, query, id, events))
      .filter((each) => each.messages.length);
    const page = pageOf(gmail, "history", query, records, (each) => [each.id]);
    if (page.status) return page;
    return {
      ...(page.rows.length && { history: page.rows }),
      ...page.next,
      historyId: current,
    };
  },

  "labels.list"(gmail, email) {
    const rows = gmail.store.labels(email);
    return { labels: rows.map((row) => bareLabel(row)) };
  },

  "labels.get"(gmail, email, query, path) {
    return label(gmail, email, path.id);
  },

  "settings.sendAs.list"(gmail, email) {
    return { sendAs: gmail.sendAs(email) };
  },

  "settings.sendAs.get"(gmail, email, query, path) {
    const address = path.sendAsEmail.toLowerCase();
    return (
      gmail.sendAs(email).find((each) => each.sendAsEmail === address) ?? refusal(404)
    );
  },
};

function listing(query) {
  return {
    query: query.get("q") ? search.parse(query.get("q")) : null,
    labelIds: query.getAll("labelIds"),
    includeSpamTrash: /^(true|1)$/.test(query.get("includeSpamTrash") ?? ""),
  };
}

/** What a list by a label that is not there gives; null: there is no such label in it. */
function unknownLabel(gmail, email, ids) {
  const known = new Set(gmail.store.labels(email).map((row) => row.gmail_id));
  const unknown = ids.find((id) => !known.has(id));
  const status = gmail.habits.unknown_label;
  if (!unknown || status === 200) return null;
  return refusal(status, status === 400 ? `Invalid label: ${unknown}` : "");
}

/** A page goes on behind the last entry of the one before, wherever that is by now; with
 * `offset_pages` at its old number, so that what moved up there is passed over. */
function pageOf(gmail, what, query, rows, placeOf) {
  const asked = JSON.stringify([
    what,
    query.get("q"),
    query.getAll("labelIds"),
    query.get("startHistoryId"),
  ]);
  const size = Math.min(Number(query.get("maxResults") ?? 100) || 100, 500);
  let from = 0;
  if (query.get("pageToken")) {
    const place = gmail.place(asked, query.get("pageToken"));
    if (!place) return refusal(400, "Invalid pageToken");
    const isBehind = what === "history" ? later : older;
    from = gmail.habits.offset_pages
      ? place.offset
      : rows.findIndex((row) => isBehind(placeOf(row), place.last));
    if (from < 0) from = rows.length;
  }
  const page = rows.slice(from, from + size);
  const isMore = from + size < rows.length;
  const place = isMore && { last: placeOf(page.at(-1)), offset: from + size };
  return {
    rows: page,
    next: isMore ? { nextPageToken: gmail.pageToken(asked, place) } : {},
  };
}

function later([id], [place]) {
  return BigInt(id) > BigInt(place);
}

function older([date, id], [placeDate, placeId]) {
  return Number(date) < Number(placeDate) || (date === placeDate && id < placeId);
}

const KINDS = {
  messageAdded: "messagesAdded",
  messageDeleted: "messagesDeleted",
  labelAdded: "labelsAdded",
  labelRemoved: "labelsRemoved",
};

function record(gmail, email, query, id, events) {
  const types = query.getAll("historyTypes");
  const labelId = query.get("labelId");
  const made = { id, messages: [] };
  for (const event of events) {
    if (types.length && !types.includes(event.change_type)) continue;
    if (
      labelId &&
      !event.labels_then.includes(labelId) &&
      !event.label_ids.includes(labelId)
    )
      continue;
    const now = gmail.store.get(email, event.message_gmail_id);
    const told = { then: event.labels_then, now: now?.label_ids ?? [], none: [] }[
      gmail.habits.history_labels
    ];
    const brief = { id: event.message_gmail_id, threadId: event.thread_id };
    if (!made.messages.some((each) => each.id === brief.id)) made.messages.push(brief);
    const entry = { message: { ...brief, ...labelIds(told) } };
    if (event.change_type.startsWith("label")) entry.labelIds = event.label_ids;
    (made[KINDS[event.change_type]] ??= []).push(entry);
  }
  return made;
}

function bareLabel(row) {
  return {
    id: row.gmail_id,
    name: row.name,
    ...(row.message_list_visibility && {
      messageListVisibility: row.message_list_visibility,
    }),
    ...(row.label_list_visibility && {
      labelListVisibility: row.label_list_visibility,
    }),
    type: row.type,
  };
}

export function label(gmail, email, id) {
  const row = gmail.store.labels(email).find((each) => each.gmail_id === id);
  if (!row) return refusal(404);
  const rows = gmail.store.of(email).filter((each) => each.label_ids.includes(id));
  const unread = rows.filter((each) => each.label_ids.includes("UNREAD"));
  const threads = (of) => new Set(of.map((each) => each.thread_id)).size;
  return {
    ...bareLabel(row),
    messagesTotal: rows.length,
    messagesUnread: unread.length,
    threadsTotal: threads(rows),
    threadsUnread: threads(unread),
  };
}
