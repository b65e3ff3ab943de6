// What does Gmail make of a raw mail? Headers, a tree of parts, texts, attachments.
//
// A part is {headers, mimeType, charset, filename, start, end, parts, encoding}, with
// start and end of its body in the raw mail. All text work is done on one character a
// byte (latin1), so that offsets are those of the bytes.

const DEEPEST = 60;
const ADDRESSES = /^(from|to|cc|bcc|sender|reply-to|resent-(from|to|cc|bcc|sender))$/i;

/** @param raw Buffer @return the root part */
export function parse(raw) {
  return entity(raw.toString("latin1"), 0, raw.length, 0, "text/plain");
}

/** Names and values as they stand in a header block, unfolded, still encoded. */
export function rawHeaders(text) {
  const found = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]/.test(line) && found.length) {
      found[found.length - 1].value += line;
    } else {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).trimEnd();
      if (colon > 0 && !/[^\x21-\x7e]/.test(name)) {
        found.push({ name, value: line.slice(colon + 1) });
      }
    }
  }
  for (const header of found) header.value = header.value.trim();
  return found;
}

/** A header's value as a reader sees it: 8-bit bytes and encoded words are letters. */
export function readable({ name, value }) {
  const text = eightBit(value);
  if (!text.includes("=?")) return text;
  return ADDRESSES.test(name) ? wordsOfNames(text) : words(text);
}

/** The decoded bytes of a part's body. */
export function content(raw, part) {
  const bytes = raw.subarray(part.start, part.end);
  if (part.encoding === "base64") {
    return Buffer.from(
      bytes.toString("latin1").replace(/[^A-Za-z0-9+/]/g, ""),
      "base64",
    );
  }
  if (part.encoding === "quoted-printable")
    return quotedPrintable(bytes.toString("latin1"));
  return bytes;
}

/** A text part's bytes in UTF-8, whatever its charset. */
export function inUtf8(bytes, charset) {
  return Buffer.from(letters(bytes, charset || "utf-8") ?? bytes, "utf8");
}

/** Whether its body is shown as text: a multipart that has no parts, too. */
export function isText(part) {
  const isEmpty = part.mimeType.startsWith("multipart/") && !part.parts;
  return (part.mimeType.startsWith("text/") || isEmpty) && !part.filename;
}

/** What a mail says first, as plain text or as HTML without its tags. */
export function firstText(raw, root) {
  const parts = [...walk(root)].map(({ part }) => part).filter(isText);
  const plain = parts.find((part) => part.mimeType === "text/plain");
  const shown = plain ?? parts.find((part) => part.mimeType === "text/html");
  if (!shown) return "";
  const text = inUtf8(content(raw, shown), shown.charset).toString("utf8");
  return plain ? text : text.replace(/<[^>]*>/g, " ");
}

/** Every part, the root first. */
export function* walk(part, path = "") {
  yield { part, path };
  for (const [index, child] of (part.parts ?? []).entries()) {
    yield* walk(child, path ? `${path}.${index}` : String(index));
  }
}

function entity(text, start, end, depth, usual) {
  const [body, head] = divide(text, start, end);
  const headers = rawHeaders(head);
  const value = (name) =>
    headers.find((h) => h.name.toLowerCase() === name)?.value ?? "";
  const type = parameters(value("content-type"));
  const disposition = parameters(value("content-disposition"));
  const mimeType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type.value)
    ? type.value
    : usual;
  const part = {
    headers,
    mimeType,
    charset: type.charset ?? "",
    filename: disposition.filename ?? type.name ?? "",
    encoding: value("content-transfer-encoding").toLowerCase(),
    disposition: disposition.value,
    start: body,
    end,
    parts: null,
  };
  if (depth < DEEPEST && mimeType.startsWith("multipart/") && type.boundary) {
    const usually = mimeType === "multipart/digest" ? "message/rfc822" : "text/plain";
    const ranges = between(text, body, end, type.boundary);
    if (ranges.length) {
      part.parts = ranges.map(([from, to]) =>
        entity(text, from, to, depth + 1, usually),
      );
    }
  } else if (depth < DEEPEST && mimeType === "message/rfc822" && !isEncoded(part)) {
    part.parts = [entity(text, body, end, depth + 1, "text/plain")];
  }
  return part;
}

function isEncoded(part) {
  return part.encoding === "base64" || part.encoding === "quoted-printable";
}

/** Where the body begins, and the header block. */
function divide(text, start, end) {
  if (text.startsWith("\r\n", start)) return [start + 2, ""];
  if (text[start] === "\n") return [start + 1, ""];
  const blank = /\r?\n\r?\n/g;
  blank.lastIndex = start;
  const found = blank.exec(text);
  if (!found || found.index >= end) return [end, text.slice(start, end)];
  return [Math.min(found.index + found[0].length, end), text.slice(start, found.index)];
}

function between(text, start, end, boundary) {
  const ranges = [];
  const mark = `--${boundary}`;
  let open = -1;
  for (let at = text.indexOf(mark, start); at >= 0 && at < end;) {
    const after = at + mark.length;
    const isLine = at === start || text[at - 1] === "\n";
    const rest = /^(--)?[ \t]*(\r?\n|$)/.exec(
      text.slice(after, Math.min(after + 80, end)),
    );
    if (isLine && rest) {
      if (open >= 0) ranges.push([open, Math.max(open, lineEnd(text, at))]);
      if (rest[1]) return ranges;
      open = after + rest[0].length;
    }
    at = text.indexOf(mark, after);
  }
  if (open >= 0) ranges.push([open, end]);
  return ranges;
}

function lineEnd(text, at) {
  return text[at - 2] === "\r" ? at - 2 : at - 1;
}

/** A structured header (RFC 2045, 2231): its value, and its parameters by name. */
function parameters(header) {
  const found = { value: header.split(";")[0].trim().toLowerCase() };
  const pieces = {};
  const each = /;\s*([^\s=;]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/g;
  for (const [, name, given] of header.matchAll(each)) {
    const value = given.startsWith('"')
      ? given
          .slice(1, given.length > 1 && given.endsWith('"') ? -1 : undefined)
          .replace(/\\(.)/g, "$1")
      : given.trim();
    const [, base, index, star] =
      /^([^*]+)(?:\*(\d+))?(\*)?$/.exec(name.toLowerCase()) ?? [];
    if (base && (index || star)) {
      (pieces[base] ??= []).push({
        index: Number(index ?? 0),
        star: Boolean(star),
        value,
      });
    } else if (!(name.toLowerCase() in found)) {
      found[name.toLowerCase()] = readable({ name: "", value });
    }
  }
  for (const [name, parts] of Object.entries(pieces)) found[name] = joined(parts);
  return found;
}

function joined(parts) {
  parts.sort((a, b) => a.index - b.index);
  let charset = "";
  let bytes = "";
  for (const part of parts) {
    let { value } = part;
    if (part.star && part.index === 0 && value.split("'").length > 2) {
      charset = value.split("'")[0];
      value = value.split("'").slice(2).join("'");
    }
    bytes += part.star
      ? value.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
          String.fromCharCode(parseInt(hex, 16)),
        )
      : value;
  }
  return decode(Buffer.from(bytes, "latin1"), charset || "utf-8");
}

function eightBit(value) {
  // eslint-disable-next-line no-control-regex
  return /[\x80-\xff]/.test(value)
    ? decode(Buffer.from(value, "latin1"), "utf-8")
    : value;
}

function decode(bytes, charset) {
  return letters(bytes, charset, true) ?? letters(bytes, "windows-1252");
}

const CP1252 =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
  "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

/** null: nobody knows the charset, or the bytes are none of its */
function letters(bytes, charset, fatal = false) {
  try {
    const decoder = new TextDecoder(charset, { fatal });
    if (decoder.encoding !== "windows-1252") return decoder.decode(bytes);
    // Node 22's own takes it for ISO 8859-1
    const text = bytes.toString("latin1");
    return text.replace(/[\x80-\x9f]/g, (sign) => CP1252[sign.charCodeAt(0) - 0x80]);
  } catch {
    return null;
  }
}

const WORD = /=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi;

/** RFC 2047; neighbours of one charset are joined before they are decoded. */
function words(text) {
  return text.replace(
    /=\?[^?\s]+\?[bq]\?[^?\s]*\?=(\s+=\?[^?\s]+\?[bq]\?[^?\s]*\?=)*/gi,
    (run) => {
      const groups = [];
      for (const [, charset, kind, data] of run.matchAll(WORD)) {
        const bytes =
          kind.toLowerCase() === "b"
            ? Buffer.from(data, "base64")
            : quotedPrintable(data.replace(/_/g, " "), false);
        const last = groups.at(-1);
        if (last?.charset === charset.toLowerCase()) last.bytes.push(bytes);
        else groups.push({ charset: charset.toLowerCase(), bytes: [bytes] });
      }
      return groups.map((g) => decode(Buffer.concat(g.bytes), g.charset)).join("");
    },
  );
}

/** In an address list a decoded name is quoted when it holds what separates addresses. */
function wordsOfNames(text) {
  return text.replace(
    /=\?[^?\s]+\?[bq]\?[^?\s]*\?=(\s+=\?[^?\s]+\?[bq]\?[^?\s]*\?=)*/gi,
    (run, _, at) => {
      const name = words(run);
      const isQuoted = (text.slice(0, at).match(/"/g) ?? []).length % 2 === 1;
      if (isQuoted || !/[()<>[\]:;@\\,."]/.test(name)) return name;
      return `"${name.replace(/(["\\])/g, "\\$1")}"`;
    },
  );
}

function quotedPrintable(text, soft = true) {
  const joinedLines = soft ? text.replace(/=[ \t]*\r?\n/g, "") : text;
  const plain = joinedLines.replace(/=([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(plain, "latin1");
}
