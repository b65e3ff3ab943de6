// How does Gmail show a mail? As a Message resource in one of four formats.
import { randomBytes } from "node:crypto";

import { content, firstText, inUtf8, isText, parse, readable, walk } from "./mime.mjs";

/** What nobody knows for sure of the real Gmail, see google.py. */
export const HABITS = {
  history_labels: "then",
  utf8_bodies: true,
  decoded_headers: true,
  large_text: 64 * 1024,
  offset_pages: false,
  deletion_told: true,
  unknown_label: 400,
};

export function message(gmail, row, query) {
  const format = (query.get("format") ?? "full").toLowerCase();
  const raw = gmail.store.raw(row);
  const root = parse(raw);
  const made = {
    id: row.gmail_id,
    threadId: row.thread_id,
    ...labelIds(row.label_ids),
    snippet: snippet(raw, root),
    historyId: row.history_id,
    internalDate: row.internal_date,
    sizeEstimate: raw.length,
  };
  if (format === "minimal") return made;
  if (format === "raw") return { ...made, raw: base64(raw) };
  if (format === "metadata") {
    const wanted = query.getAll("metadataHeaders").map((name) => name.toLowerCase());
    const headers = shownHeaders(gmail, root).filter(
      (header) => !wanted.length || wanted.includes(header.name.toLowerCase()),
    );
    return { ...made, payload: { mimeType: root.mimeType, headers } };
  }
  return { ...made, payload: payload(gmail, row, raw, root, "") };
}

export function labelIds(ids) {
  return ids.length ? { labelIds: ids } : {};
}

/** The first words of a mail. */
export function snippet(raw, root = parse(raw)) {
  const words = firstText(raw, root).replace(/\s+/g, " ").trim().slice(0, 200);
  return words.replace(/[&<>"']/g, (sign) => SIGNS[sign]);
}

const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** The bytes of an attachment or of a large text; null when the token fits no part. */
export function attachment(gmail, row, id) {
  const where = attachmentPath(row, id);
  const raw = gmail.store.raw(row);
  const found = [...walk(parse(raw))].find((each) => each.path === where);
  return found ? partBytes(gmail, raw, found.part) : null;
}

/** Web-safe and padded, as Google's "byte" is. */
export function base64(bytes) {
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function shownHeaders(gmail, part) {
  if (!gmail.habits.decoded_headers) return part.headers;
  return part.headers.map((header) => ({ name: header.name, value: readable(header) }));
}

function payload(gmail, row, raw, part, path) {
  const made = {
    partId: path,
    mimeType: part.mimeType,
    filename: part.filename || (part.mimeType === "message/rfc822" ? "noname.eml" : ""),
    headers: shownHeaders(gmail, part),
    body: { size: 0 },
  };
  if (part.parts) {
    made.parts = part.parts.map((child, index) =>
      payload(gmail, row, raw, child, path ? `${path}.${index}` : String(index)),
    );
  }
  if (!part.parts || part.mimeType === "message/rfc822") {
    const bytes = partBytes(gmail, raw, part);
    made.body = { size: bytes.length };
    if (!isText(part) || bytes.length > gmail.habits.large_text)
      made.body.attachmentId = attachmentId(row, path);
    else if (bytes.length) made.body.data = base64(bytes);
  }
  return made;
}

/** Gmail gives texts in UTF-8, and the Content-Type as it was. */
function partBytes(gmail, raw, part) {
  const bytes = content(raw, part);
  return isText(part) && gmail.habits.utf8_bodies ? inUtf8(bytes, part.charset) : bytes;
}

/** Another one at each asking, as with Gmail; good for as long as the mail is there. */
function attachmentId(row, path) {
  const nonce = randomBytes(48).toString("base64url");
  return `ANGjdJ${Buffer.from(`${row.gmail_id}:${path}:${nonce}`).toString("base64url")}`;
}

function attachmentPath(row, id) {
  const [owner, path, nonce] = Buffer.from(id.replace(/^ANGjdJ/, ""), "base64url")
    .toString()
    .split(":");
  return owner === row.gmail_id && nonce ? path : null;
}
