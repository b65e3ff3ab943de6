// Google: Gmail's API and OAuth on one port, over @emulators/google.
//
// PEER_OPTIONS: {key, port, file, users, client_id, client_secret, redirect_uris,
// discovery (path of gmail.v1.json), token_life, units_per_minute, habits}
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "@emulators/core";
import { getGoogleStore, googlePlugin, seedFromConfig } from "@emulators/google";

import * as batch from "./batch.mjs";
import { COST, Gmail } from "./gmail.mjs";
import { refusal, unauthorized } from "./gmail_errors.mjs";
import { HABITS } from "./gmail_message.mjs";
import { Tokens, oauthError } from "./google_oauth.mjs";
import { MailStore } from "./mailstore.mjs";
import { Faults, Keeper, broken, listen, options, request } from "./peer.mjs";

const LONGEST_URL = 16 * 1024;

class Google {
  #log = [];
  #spent = [];
  #refusals = 0;
  faults = new Faults();

  constructor(base) {
    const { app, store, tokenMap } = createServer(googlePlugin, {
      baseUrl: base,
      tokens: {},
    });
    const discovery = JSON.parse(readFileSync(options.discovery, "utf8"));
    const keeper = new Keeper(options.file, () => ({
      kept: this.kept,
      store: store.snapshot(),
    }));
    const before = keeper.read();
    this.kept = before?.kept ?? {
      last: { message: "0", history: "1000", floor: "1000" },
      access: {},
      granted: {},
      aliases: {},
      closed: [],
    };
    if (before) store.restore(before.store);
    const gs = getGoogleStore(store);
    this.gs = gs;
    const changed = () => keeper.changed();
    this.changed = changed;
    this.#seed(store, base);
    this.store = new MailStore(gs, this.kept.last);
    const closed = new Set(this.kept.closed);
    const habits = { ...HABITS, ...options.habits };
    const sendAs = (email) => this.#sendAs(email);
    const common = { app, base, tokenMap, changed };
    this.gmail = new Gmail({
      ...common,
      store: this.store,
      discovery,
      habits,
      closed,
      sendAs,
    });
    this.tokens = new Tokens({
      ...common,
      emulator: store,
      kept: this.kept,
      options,
      scopes: discovery.auth.oauth2.scopes,
    });
    changed();
  }

  #seed(store, base) {
    const { client_id, client_secret, redirect_uris, users } = options;
    const known = this.gs.oauthClients.findOneBy("client_id", client_id);
    if (known) {
      const both = [...new Set([...known.redirect_uris, ...redirect_uris])];
      this.gs.oauthClients.update(known.id, { client_secret, redirect_uris: both });
    }
    const client = { client_id, client_secret, name: "Mail Mirror", redirect_uris };
    seedFromConfig(store, base, { oauth_clients: [client], users: [] });
    for (const email of users) this.addUser(email, store, base);
    this.emulator = { store, base };
  }

  addUser(email, store = this.emulator.store, base = this.emulator.base) {
    seedFromConfig(store, base, { users: [{ email, name: name(email) }] });
    const user = this.gs.users.findOneBy("email", email);
    const digits = BigInt(
      `0x${createHash("sha256").update(email).digest("hex").slice(0, 17)}`,
    );
    this.gs.users.update(user.id, {
      uid: `1${digits.toString().padStart(20, "0").slice(-20)}`,
    });
    if (
      !this.gs.labels
        .findBy("user_email", email)
        .some((label) => label.gmail_id === "CHAT")
    ) {
      this.gs.labels.insert({
        gmail_id: "CHAT",
        user_email: email,
        name: "CHAT",
        type: "system",
        message_list_visibility: "hide",
        label_list_visibility: "labelHide",
        color_background: null,
        color_text: null,
      });
    }
  }

  #sendAs(email) {
    const own = {
      sendAsEmail: email,
      displayName: name(email),
      replyToAddress: "",
      signature: "",
      isPrimary: true,
      isDefault: true,
    };
    const others = (this.kept.aliases[email] ?? []).map(({ address, status }) => ({
      sendAsEmail: address,
      displayName: name(email),
      replyToAddress: "",
      signature: "",
      treatAsAlias: true,
      verificationStatus: status,
    }));
    return [own, ...others];
  }

  // --- requests ----------------------------------------------------------------------------

  async handle(given) {
    if (given.line.length > LONGEST_URL) {
      return {
        status: 414,
        headers: { "content-type": "text/html" },
        body: "<title>Error 414 (Request-URI Too Large)</title>",
      };
    }
    const asked = overridden(given);
    if (asked.method === "POST" && /^\/batch(\/gmail\/v1)?$/.test(asked.path))
      return this.#batch(asked);
    return this.#one(asked);
  }

  async #batch(asked) {
    const failed = this.#noted(asked);
    if (failed) return failed;
    const calls = batch.calls(asked);
    if (!calls || calls.some((call) => !call.request))
      return refusal(400, "Failed to parse batch request");
    if (calls.length > batch.MOST) {
      return refusal(
        400,
        `The batch request exceeds the maximum allowed size of ${batch.MOST}.`,
      );
    }
    const answers = [];
    for (const { id, request: inner } of calls) {
      const answer = await this.#one(inner);
      if (answer.cut != null) return answer;
      answers.push({ id, answer });
    }
    return batch.answer(answers);
  }

  async #one(asked) {
    const token = this.tokens.who(asked.headers.authorization);
    const failed = token?.owner ? null : this.#noted(asked);
    if (failed) return failed;
    if (!/^\/(upload\/)?gmail\/v1\//.test(asked.path)) return this.tokens.handle(asked);
    const found = this.gmail.find(asked);
    if (!found) return refusal(404, "Not Found");
    if (!token) return unauthorized();
    const late = token.owner ? null : this.#overQuota(token.email, found.method.name);
    return late ?? this.gmail.answer(asked, found, token);
  }

  /** Into the log; the failure that a test asked for, if one is due. */
  #noted(asked) {
    this.#log.push(asked.line);
    const fault = this.faults.take(asked.line);
    if (!fault) return null;
    const isApi = /^\/(upload\/)?gmail\/|^\/batch/.test(asked.path);
    return broken(fault, (status, reason) =>
      isApi
        ? refusal(status, "", reason)
        : oauthError(status, reason || "server_error", reason || "Bad Request"),
    );
  }

  #overQuota(email, method) {
    const cost = COST[method] ?? 1;
    const now = Date.now();
    const most = options.units_per_minute;
    if (most) {
      this.#spent = this.#spent.filter((each) => each.at > now - 60_000);
      const spent = this.#spent.filter((each) => each.email === email);
      if (spent.reduce((sum, each) => sum + each.cost, 0) + cost > most) {
        // live, both are seen, and only one of them says how long to wait
        if (this.#refusals++ % 2) return refusal(403, "", "rateLimitExceeded");
        const answer = refusal(429, "", "userRateLimitExceeded");
        const wait = Math.ceil((spent[0].at + 60_000 - now) / 1000);
        answer.headers["retry-after"] = String(wait);
        return answer;
      }
      this.#spent.push({ email, cost, at: now });
    }
    this.units[email] = (this.units[email] ?? 0) + cost;
    return null;
  }

  units = {};

  // --- what the test says ----------------------------------------------------------------------

  control = {
    fault: (fault) => this.faults.add(fault),
    clear_faults: () => this.faults.clear(),
    expire_history: () => {
      this.store.expireHistory();
      this.changed();
    },
    expire_pages: () => this.gmail.expirePages(),
    expire_tokens: ({ email }) => this.tokens.expire(email),
    revoke: ({ email }) => this.tokens.revoke(email),
    owner_token: ({ email }) => this.tokens.ownerToken(email),
    log: () => this.#log,
    clear_log: () => {
      this.#log = [];
      this.units = {};
    },
    units: ({ email }) => this.units[email] ?? 0,
    limit: ({ units_per_minute }) => {
      options.units_per_minute = units_per_minute;
      this.#spent = [];
    },
    add_user: ({ email }) => {
      this.addUser(email);
      this.changed();
    },
    add_redirect: ({ uri }) => {
      const client = this.gs.oauthClients.findOneBy("client_id", options.client_id);
      this.gs.oauthClients.update(client.id, {
        redirect_uris: [...client.redirect_uris, uri],
      });
      this.changed();
    },
    aliases: ({ email, aliases }) => {
      this.kept.aliases[email] = aliases;
      this.changed();
    },
    close_mailbox: ({ email, closed }) => {
      if (closed) this.gmail.closed.add(email);
      else this.gmail.closed.delete(email);
      this.kept.closed = [...this.gmail.closed];
      this.changed();
    },
    habits: (habits) => Object.assign(this.gmail.habits, habits),
    mails: ({ email }) =>
      this.store.of(email).map((row) => ({
        id: row.gmail_id,
        thread: row.thread_id,
        labels: row.label_ids,
        history: row.history_id,
        date: row.internal_date,
      })),
    header_blocks: ({ email, ids }) =>
      Object.fromEntries(
        ids.map((id) => [
          id,
          this.store.headerBlock(this.store.get(email, id)).toString("base64"),
        ]),
      ),
  };
}

/** A GET too long for a URL comes as a POST that says so. */
function overridden(asked) {
  if (asked.method !== "POST" || asked.headers["x-http-method-override"] !== "GET")
    return asked;
  const target = `${asked.path}?${asked.body.toString("utf8")}`;
  return request("GET", target, asked.headers, Buffer.alloc(0));
}

function name(email) {
  return email.split("@")[0].replace(/^./, (letter) => letter.toUpperCase());
}

await listen({ http: { port: options.port, tls: null } }, ({ http }) => {
  const google = new Google(http);
  return { handle: (asked) => google.handle(asked), control: google.control };
});
