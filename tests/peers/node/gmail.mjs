// What does Gmail answer? Reading is answered here, out of the emulator's store; writing
// is the emulator's. Methods, parameters and scopes are those of Google's discovery
// document, errors have the shapes of https://developers.google.com/workspace/gmail/api
import { createHmac, randomBytes } from "node:crypto";

import * as fields from "./fields.mjs";
import { outline } from "./mailstore.mjs";
import { content, inUtf8, parse, readable, walk } from "./mime.mjs";
import { ask, json } from "./peer.mjs";
import * as search from "./query.mjs";

/** Quota units since May 2026; what is not named here costs 1. */
export const COST = {
  "messages.get": 20,
  "threads.get": 40,
  "messages.attachments.get": 20,
  "messages.list": 5,
  "threads.list": 10,
  "history.list": 2,
};

const STATUS = {
  400: ["INVALID_ARGUMENT", "invalidArgument"],
  401: ["UNAUTHENTICATED", "authError"],
  403: ["PERMISSION_DENIED", "forbidden"],
  404: ["NOT_FOUND", "notFound"],
  409: ["ABORTED", "aborted"],
  412: ["FAILED_PRECONDITION", "conditionNotMet"],
  429: ["RESOURCE_EXHAUSTED", "rateLimitExceeded"],
  500: ["INTERNAL", "backendError"],
  502: ["UNAVAILABLE", "backendError"],
  503: ["UNAVAILABLE", "backendError"],
  504: ["DEADLINE_EXCEEDED", "backendError"],
};
const USAGE = /quota|limit|accessNotConfigured|concurrent/i;
const LARGE = 64 * 1024;

/** An error in Google's shape. */
export function refusal(status, message = "", reason = "", more = {}) {
  const [name, usual] = STATUS[status] ?? ["UNKNOWN", "backendError"];
  const said = message || SENTENCES[reason || usual] || reason || name;
  const why = reason || usual;
  const inner = {
    message: said,
    domain: USAGE.test(why) ? "usageLimits" : "global",
    reason: why,
  };
  return json(status, {
    error: {
      code: status,
      message: said,
      errors: [{ ...inner, ...more }],
      status: name,
    },
  });
}

const SENTENCES = {
  notFound: "Requested entity was not found.",
  rateLimitExceeded:
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.",
  userRateLimitExceeded: "User-rate limit exceeded.",
  dailyLimitExceeded: "Daily Limit Exceeded",
  accessNotConfigured:
    "Gmail API has not been used in project 1 before or it is disabled. Enable it, then retry.",
  domainPolicy: "The domain administrators have disabled Gmail apps.",
  failedPrecondition: "Mail service not enabled",
  authError:
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie " +
    "or other valid authentication credential.",
};

export function unauthorized() {
  const answer = refusal(401, "", "", {
    location: "Authorization",
    locationType: "header",
  });
  answer.headers["www-authenticate"] =
    'Bearer realm="https://accounts.google.com/", error="invalid_token"';
  return answer;
}

export class Gmail {
  #methods = [];
  #pageKey = randomBytes(16);
  #writes = Promise.resolve();
  #calls = 0;

  /** @param parts {app, base, store, tokenMap, discovery, habits, closed: Set of addresses} */
  constructor(parts) {
    Object.assign(this, parts);
    this.schemas = this.discovery.schemas;
    this.#collect(this.discovery.resources.users);
  }

  #collect(resource) {
    for (const method of Object.values(resource.methods ?? {})) {
      const name = method.id.replace(/^gmail\.users\./, "");
      const pattern = method.path.replace(/\{\+?(\w+)\}/g, "(?<$1>[^/]+)");
      const prefix = method.supportsMediaUpload ? "/(?:upload/)?" : "/";
      this.#methods.push({
        ...method,
        name,
        regex: new RegExp(`^${prefix}${pattern}$`),
      });
    }
    for (const inner of Object.values(resource.resources ?? {})) this.#collect(inner);
  }

  /** The method a request asks for, with the values in its path. */
  find(asked) {
    for (const method of this.#methods) {
      const found = method.httpMethod === asked.method && method.regex.exec(asked.path);
      if (found) {
        const path = Object.entries(found.groups ?? {});
        return {
          method,
          path: Object.fromEntries(path.map(([k, v]) => [k, decodeURIComponent(v)])),
        };
      }
    }
    return null;
  }

  /** @param token {email, scopes} of a good access token */
  async answer(asked, found, token) {
    const { method, path } = found;
    const wrong = this.#refused(asked, method, path, token);
    if (wrong) return wrong;
    let mask = null;
    if (asked.query.get("fields") && method.response) {
      try {
        mask = fields.parse(
          asked.query.get("fields"),
          this.schemas,
          method.response.$ref,
        );
      } catch (error) {
        if (!(error instanceof fields.InvalidField)) throw error;
        const where = { location: "fields", locationType: "parameter" };
        return refusal(400, error.message, "invalidParameter", where);
      }
    }
    const make = READ[method.name];
    const answer = make
      ? make(this, token.email, asked.query, path)
      : await this.#write(asked, method, path, token.email);
    if (answer.status) return answer;
    return json(200, mask ? fields.select(answer, mask) : answer);
  }

  #refused(asked, method, path, token) {
    for (const name of asked.query.keys()) {
      if (
        !method.parameters?.[name] &&
        !this.discovery.parameters[name] &&
        name !== "uploadType"
      ) {
        return refusal(400, `Invalid JSON payload received. Unknown name "${name}"`);
      }
    }
    for (const [name, parameter] of Object.entries(method.parameters ?? {})) {
      for (const value of parameter.location === "query"
        ? asked.query.getAll(name)
        : []) {
        if (!isValid(value, parameter)) {
          return refusal(
            400,
            `Invalid value at '${name}' (${parameter.format ?? parameter.type}), "${value}"`,
          );
        }
      }
    }
    if (!method.scopes.some((scope) => token.scopes.includes(scope))) {
      return refusal(
        403,
        "Request had insufficient authentication scopes.",
        "insufficientPermissions",
      );
    }
    if (path.userId !== "me" && path.userId.toLowerCase() !== token.email) {
      return refusal(403, `Delegation denied for ${token.email}`, "forbidden");
    }
    if (this.closed.has(token.email))
      return refusal(400, "Mail service not enabled", "failedPrecondition");
    if (path.id && /^(messages|threads)\./.test(method.name) && !path.messageId) {
      if (!/^[0-9a-f]{1,16}$/.test(path.id)) return refusal(400, "Invalid id value");
    }
    return null;
  }

  // --- writing: one at a time, by the emulator -----------------------------------------

  #write(asked, method, path, email) {
    const done = this.#writes.then(() => this.#writeNow(asked, method, path, email));
    this.#writes = done.catch(() => {});
    return done;
  }

  async #writeNow(asked, method, path, email) {
    const given = { ...asked, body: this.#body(asked, method.name) };
    const headers = {
      "content-type": "application/json",
      authorization: this.#pass(email),
    };
    const forwarded = {
      ...given,
      path: given.path.replace(/\/users\/[^/]+/, "/users/me"),
    };
    const answer = await ask(this.app, this.base, forwarded, headers);
    this.changed();
    if (answer.status === 204 || answer.body.length === 0)
      return { ...answer, status: 204, body: "" };
    if (answer.status !== 200) return answer;
    const made = JSON.parse(answer.body);
    const row = this.store.get(email, made.id ?? "");
    if (method.response?.$ref === "Message" && row) {
      return { id: row.gmail_id, threadId: row.thread_id, ...labelIds(row.label_ids) };
    }
    if (method.response?.$ref === "Label") return label(this, email, made.id);
    return made;
  }

  /** A token the emulator takes; it lets each have 5,000 calls an hour. */
  #pass(email) {
    const token = `peer-${email}-${Math.floor(this.#calls++ / 4000)}`;
    this.tokenMap.set(token, { login: email, id: 1, scopes: [] });
    return `Bearer ${token}`;
  }

  /** A mail that is put in goes to the emulator as an outline, to the store whole. */
  #body(asked, name) {
    if (!/^messages\.(insert|import|send)$/.test(name)) return asked.body;
    let mail = {};
    try {
      mail = JSON.parse(asked.body);
    } catch {
      return asked.body;
    }
    if (typeof mail.raw !== "string") return asked.body;
    const raw = Buffer.from(mail.raw, "base64url");
    this.store.expect(raw);
    const usual = name === "messages.import" ? "dateHeader" : "receivedTime";
    const source = asked.query.get("internalDateSource") ?? usual;
    const date = readable(
      parse(raw).headers.find((h) => h.name.toLowerCase() === "date") ?? {
        name: "",
        value: "",
      },
    );
    const written = source === "dateHeader" && Date.parse(date);
    return JSON.stringify({
      raw: outline(raw).toString("base64url"),
      threadId: mail.threadId,
      labelIds: mail.labelIds,
      internalDate: mail.internalDate ?? String(written || Date.now()),
    });
  }

  // --- pages -----------------------------------------------------------------------------

  pageToken(what, place) {
    const text = Buffer.from(JSON.stringify([what, place])).toString("base64url");
    return `${text}${this.#sign(text)}`;
  }

  /** @return the place a token stands for; undefined: no such token was given */
  place(what, token) {
    const text = token.slice(0, -22);
    if (this.#sign(text) !== token.slice(-22)) return undefined;
    const [kind, place] = JSON.parse(Buffer.from(text, "base64url"));
    return kind === what ? place : undefined;
  }

  #sign(text) {
    return createHmac("sha256", this.#pageKey)
      .update(text)
      .digest("base64url")
      .slice(0, 22);
  }

  expirePages() {
    this.#pageKey = randomBytes(16);
  }
}

function isValid(value, parameter) {
  if (parameter.enum)
    return parameter.enum.some((each) => each.toLowerCase() === value.toLowerCase());
  if (parameter.type === "integer" || /int(32|64)$/.test(parameter.format ?? ""))
    return /^\d{1,20}$/.test(value);
  if (parameter.type === "boolean") return /^(true|false|0|1)$/.test(value);
  return true;
}

// --- reading: (gmail, email, query, path) -> resource, or an answer with a status ------------

const READ = {
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
    const where = attachmentPath(row, path.id);
    const raw = gmail.store.raw(row);
    const found =
      where !== null && [...walk(parse(raw))].find((each) => each.path === where);
    if (!found) return refusal(400, "Invalid attachment token");
    const bytes = partBytes(gmail, raw, found.part);
    return { size: bytes.length, data: bytes.toString("base64url") };
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
          snippet: gmail.store.snippet(row),
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

/** A page goes on behind the last entry of the one before, wherever that is by now. */
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
    from = rows.findIndex((row) => isBehind(placeOf(row), place));
    if (from < 0) from = rows.length;
  }
  const page = rows.slice(from, from + size);
  const isMore = from + size < rows.length;
  return {
    rows: page,
    next: isMore ? { nextPageToken: gmail.pageToken(asked, placeOf(page.at(-1))) } : {},
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

function labelIds(ids) {
  return ids.length ? { labelIds: ids } : {};
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

function label(gmail, email, id) {
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

function message(gmail, row, query) {
  const format = (query.get("format") ?? "full").toLowerCase();
  const raw = gmail.store.raw(row);
  const made = {
    id: row.gmail_id,
    threadId: row.thread_id,
    ...labelIds(row.label_ids),
    snippet: gmail.store.snippet(row),
    historyId: row.history_id,
    internalDate: row.internal_date,
    sizeEstimate: raw.length,
  };
  if (format === "minimal") return made;
  if (format === "raw") return { ...made, raw: raw.toString("base64url") };
  if (format === "metadata") {
    const wanted = query.getAll("metadataHeaders").map((name) => name.toLowerCase());
    const root = parse(raw);
    const headers = shownHeaders(gmail, root).filter(
      (header) => !wanted.length || wanted.includes(header.name.toLowerCase()),
    );
    return { ...made, payload: { mimeType: root.mimeType, headers } };
  }
  return { ...made, payload: payload(gmail, row, raw, parse(raw), "") };
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
    const isText = part.mimeType.startsWith("text/") && !part.filename;
    made.body = { size: bytes.length };
    if (!isText || bytes.length > gmail.habits.large_text)
      made.body.attachmentId = attachmentId(row, path);
    else if (bytes.length) made.body.data = bytes.toString("base64url");
  }
  return made;
}

/** Gmail gives texts in UTF-8, and the Content-Type as it was. */
function partBytes(gmail, raw, part) {
  const bytes = content(raw, part);
  const isText = part.mimeType.startsWith("text/") && !part.filename;
  return isText && gmail.habits.utf8_bodies ? inUtf8(bytes, part.charset) : bytes;
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

export const HABITS = {
  history_labels: "then",
  utf8_bodies: true,
  decoded_headers: true,
  large_text: LARGE,
};
