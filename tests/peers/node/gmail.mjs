// Which call of Gmail's API is this, may it be made, and who answers it? Methods,
// parameters and scopes are those of Google's discovery document. Reading is answered
// out of the emulator's store, writing is the emulator's own.
import { createHmac, randomBytes } from "node:crypto";

import * as fields from "./fields.mjs";
import { refusal } from "./gmail_errors.mjs";
import { labelIds } from "./gmail_message.mjs";
import { READ, label } from "./gmail_reading.mjs";
import { OUTLINE } from "./mailstore.mjs";
import { parse, readable } from "./mime.mjs";
import { ask, json } from "./peer.mjs";

const METADATA = "https://www.googleapis.com/auth/gmail.metadata";

/** Quota units since May 2026; what is not named here costs 1. */
export const COST = {
  "messages.get": 20,
  "threads.get": 40,
  "messages.attachments.get": 20,
  "messages.list": 5,
  "threads.list": 10,
  "history.list": 2,
};

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
    const metadataOnly =
      token.scopes.includes(METADATA) &&
      !method.scopes.some(
        (scope) => scope !== METADATA && token.scopes.includes(scope),
      );
    if (metadataOnly && asked.query.get("q")) {
      return refusal(403, "Metadata scope does not support 'q' parameter", "forbidden");
    }
    if (
      metadataOnly &&
      /^(full|raw)?$/i.test(asked.query.get("format") ?? "") &&
      method.name.endsWith("s.get")
    ) {
      return refusal(403, "Metadata scope doesn't allow format FULL", "forbidden");
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
    const write = method.name === "drafts.send" ? this.#sendDraft : this.#writeNow;
    const done = this.#writes.then(() => write.call(this, asked, method, path, email));
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
    this.store.untold = method.name === "labels.delete" && !this.habits.deletion_told;
    const answer = await ask(this.app, this.base, forwarded, headers);
    this.store.untold = false;
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

  /** The draft goes, and another mail is sent: two ids, unlike the emulator's one. */
  async #sendDraft(asked, method, path, email) {
    const { id } = JSON.parse(asked.body);
    const draft = this.store.gs.drafts.findOneBy("gmail_id", id ?? "");
    const row = draft && this.store.get(email, draft.message_gmail_id);
    if (!row) return refusal(404);
    const mail = JSON.stringify({ raw: row.raw, threadId: row.thread_id });
    const drop = {
      ...asked,
      method: "DELETE",
      path: `/gmail/v1/users/me/drafts/${id}`,
    };
    const send = { ...asked, path: "/gmail/v1/users/me/messages/send", body: mail };
    const write = (step) => {
      const found = this.find(step);
      return this.#writeNow(step, found.method, found.path, email);
    };
    await write(drop);
    return write(send);
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
      raw: OUTLINE.toString("base64url"),
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
