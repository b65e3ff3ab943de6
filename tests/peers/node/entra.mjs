// Microsoft Entra: authority, discovery and tokens over https, as MSAL insists, and the
// page that a browser shows over plain http. Over the Microsoft part of npm's `emulate`.
//
// PEER_OPTIONS: {key, port, page_port, file, users, client_id, client_secret,
// redirect_uris, certificate, private_key (paths), token_life}
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "@emulators/core";

import {
  Faults,
  Keeper,
  ask,
  broken,
  cancellable,
  json,
  listen,
  options,
} from "./peer.mjs";

// The package exports its command line only; this is the file it takes the plugin from
const inside = new URL("./", import.meta.resolve("emulate"));
const [, file] = /import\("(.+?)"\);\s+return \{ plugin: mod\.microsoftPlugin/.exec(
  readFileSync(new URL("api.js", inside), "utf8"),
);
const { getMicrosoftStore, microsoftPlugin, seedFromConfig } = await import(
  new URL(file, inside)
);

const CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad";
const PERSONAL = /@(outlook|hotmail|live|msn)\.[a-z.]+$/;

/** Error -> HTTP status, number and text of Entra's own. */
const ERRORS = {
  unknown_client: [
    400,
    "unauthorized_client",
    700016,
    "Application with this identifier was not found in the directory.",
  ],
  wrong_secret: [
    401,
    "invalid_client",
    7000215,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
  ],
  wrong_redirect: [
    400,
    "invalid_client",
    500112,
    "The reply address does not match the reply address provided when requesting Authorization code.",
  ],
  used_code: [
    400,
    "invalid_grant",
    54005,
    "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
  ],
  bad_code: [
    400,
    "invalid_grant",
    70000,
    "The provided value for the input parameter 'code' is not valid.",
  ],
  wrong_verifier: [
    400,
    "invalid_grant",
    501481,
    "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
  ],
  bad_refresh: [400, "invalid_grant", 70000, "Provided grant is invalid or malformed."],
  revoked: [
    400,
    "invalid_grant",
    50173,
    "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
  ],
  invalid_tenant: [
    400,
    "invalid_tenant",
    90002,
    "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  ],
  interaction_required: [
    400,
    "interaction_required",
    50076,
    "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.",
  ],
  invalid_grant: [
    400,
    "invalid_grant",
    700082,
    "The refresh token has expired due to inactivity.",
  ],
  consent_required: [
    400,
    "invalid_grant",
    65001,
    "The user or administrator has not consented to use the application.",
  ],
  temporarily_unavailable: [
    503,
    "temporarily_unavailable",
    90006,
    "The server is temporarily too busy to handle the request.",
  ],
  throttled: [
    429,
    "temporarily_unavailable",
    90055,
    "The tenant is throttled due to too many requests.",
  ],
};

function refusal(kind, status = null, suberror = "") {
  const [usual, error, number, text] = ERRORS[kind] ?? [
    status ?? 400,
    kind,
    90000,
    "The request failed.",
  ];
  return json(status ?? usual, {
    error,
    error_description: `AADSTS${number}: ${text} Trace ID: 00000000-0000-0000-0000-000000000000`,
    error_codes: [number],
    timestamp: new Date().toISOString().replace("T", " "),
    trace_id: "00000000-0000-0000-0000-000000000000",
    correlation_id: "00000000-0000-0000-0000-000000000000",
    ...(suberror && { suberror }),
  });
}

class Entra {
  #log = [];
  #calls = 0;
  faults = new Faults();

  constructor({ https, http }) {
    this.https = https;
    this.http = http;
    const { app, store, tokenMap } = createServer(microsoftPlugin, {
      baseUrl: https,
      tokens: {},
    });
    Object.assign(this, { app, emulator: store, tokenMap });
    const keeper = new Keeper(options.file, () => ({
      kept: this.kept,
      store: store.snapshot(),
    }));
    const before = keeper.read();
    if (before) store.restore(before.store);
    this.kept = before?.kept ?? { access: {}, parents: {}, revoked: {}, used: {} };
    this.changed = () => keeper.changed();
    this.ms = getMicrosoftStore(store);
    this.#seed();
    this.changed();
  }

  #seed() {
    const { client_id, client_secret, redirect_uris, users } = options;
    const known = this.ms.oauthClients.findOneBy("client_id", client_id);
    if (known) {
      const both = [...new Set([...known.redirect_uris, ...redirect_uris])];
      this.ms.oauthClients.update(known.id, { client_secret, redirect_uris: both });
    }
    const client = { client_id, client_secret, name: "Mail Mirror", redirect_uris };
    seedFromConfig(this.emulator, this.https, { oauth_clients: [client] });
    for (const email of users) this.addUser(email);
  }

  addUser(email) {
    const name = email.split("@")[0].replace(/^./, (letter) => letter.toUpperCase());
    seedFromConfig(this.emulator, this.https, {
      users: [{ email, name, tenant_id: tenantOf(email) }],
    });
    const user = this.ms.users.findOneBy("email", email);
    this.ms.users.update(user.id, { oid: uuid(email) });
  }

  get #codes() {
    return this.#map("microsoft.oauth.pendingCodes");
  }

  get #refresh() {
    return this.#map("microsoft.oauth.refreshTokens");
  }

  #map(name) {
    if (!this.emulator.getData(name)) this.emulator.setData(name, new Map());
    return this.emulator.getData(name);
  }

  // --- requests ------------------------------------------------------------------------------

  async handle(asked) {
    this.#log.push(asked.line);
    const fault = this.faults.take(asked.line);
    if (fault) {
      const shape = (status, reason) =>
        refusal(reason || "server_error", status, fault.suberror);
      return broken(fault, shape);
    }
    const [, tenant, rest] =
      /^\/([^/]+)(\/(?:oauth2\/|v2\.0\/).*)$/.exec(asked.path) ?? [];
    if (!tenant || tenant === "oauth2") return this.#forward(asked);
    if (!this.#isTenant(tenant)) return refusal("invalid_tenant");
    if (rest === "/v2.0/.well-known/openid-configuration")
      return this.#discovery(asked, tenant);
    if (rest === "/oauth2/v2.0/authorize")
      return this.#page({ ...asked, path: rest }, tenant);
    if (rest === "/oauth2/v2.0/token") return this.#token({ ...asked, path: rest });
    return this.#forward({ ...asked, path: rest });
  }

  #isTenant(tenant) {
    const known = ["common", "organizations", "consumers"];
    return (
      known.includes(tenant) ||
      this.ms.users.all().some((user) => user.tenant_id === tenant)
    );
  }

  /** The emulator lets all who bring no token together call 5,000 times an hour. */
  #forward(asked) {
    const pass = `pass-${Math.floor(this.#calls++ / 4000)}`;
    this.tokenMap.set(pass, { login: "peer", id: 0, scopes: [] });
    return ask(this.app, this.https, asked, { authorization: `Bearer ${pass}` });
  }

  async #discovery(asked, tenant) {
    const answer = await this.#forward(asked);
    const told = JSON.parse(answer.body);
    const issuer = ["common", "organizations"].includes(tenant) ? "{tenantid}" : tenant;
    return json(200, {
      ...told,
      issuer: `${this.https}/${issuer === "consumers" ? CONSUMERS : issuer}/v2.0`,
      authorization_endpoint: `${this.http}/${tenant}/oauth2/v2.0/authorize`,
      token_endpoint: `${this.https}/${tenant}/oauth2/v2.0/token`,
    });
  }

  /** Accounts of the wrong kind are not offered; a person may press Cancel. */
  async #page(asked, tenant) {
    const answer = await this.#forward(asked);
    if (answer.status !== 200) return answer;
    const cancel = new URL(asked.query.get("redirect_uri"));
    cancel.searchParams.set("error", "access_denied");
    cancel.searchParams.set("error_subcode", "cancel");
    cancel.searchParams.set(
      "error_description",
      "AADSTS65004: User declined to consent to access the app.",
    );
    if (asked.query.get("state"))
      cancel.searchParams.set("state", asked.query.get("state"));
    const html = answer.body
      .toString("utf8")
      .replace(/<form class="user-form"[\s\S]*?<\/form>/g, (form) => {
        const email = /name="email" value="([^"]*)"/.exec(form)?.[1] ?? "";
        return isWelcome(tenant, tenantOf(email)) ? form : "";
      });
    return { ...answer, body: cancellable(html, cancel) };
  }

  async #token(asked) {
    const form = new URLSearchParams(asked.body.toString("utf8"));
    const code = form.get("code");
    const former = form.get("refresh_token");
    const wrong = this.#refused(form);
    if (wrong) return wrong;
    const pending = this.#codes.get(code);
    const granted = this.#refresh.get(former);
    const answer = await this.#forward(asked);
    const given = JSON.parse(answer.body);
    if (answer.status !== 200) return this.#explained(given, form, pending);
    if (form.get("grant_type") === "client_credentials") return answer;
    if (code) this.kept.used[code] = true;
    const email = (pending ?? granted).email;
    const scope = (given.scope ?? "")
      .split(/\s+/)
      .filter((each) => each && each !== "offline_access");
    const life = options.token_life ?? 3600;
    this.tokenMap.delete(given.access_token);
    this.kept.access[given.access_token] = {
      email,
      scope,
      expires: Date.now() + life * 1000,
    };
    this.#rotate(given, granted && former, granted);
    const user = this.ms.users.findOneBy("email", email);
    const told = {
      ...given,
      scope: scope.join(" "),
      expires_in: life - 1,
      ext_expires_in: life - 1,
    };
    if (form.get("client_info")) {
      const info = JSON.stringify({ uid: user.oid, utid: user.tenant_id });
      told.client_info = Buffer.from(info).toString("base64url");
    }
    if (pending && !pending.scope.split(" ").includes("offline_access")) {
      this.#refresh.delete(told.refresh_token);
      delete told.refresh_token;
    }
    this.changed();
    return json(200, told);
  }

  #refused(form) {
    const client = this.ms.oauthClients.findOneBy("client_id", form.get("client_id"));
    if (!client) return refusal("unknown_client");
    if (client.client_secret !== form.get("client_secret"))
      return refusal("wrong_secret");
    const pending = this.#codes.get(form.get("code"));
    if (pending && pending.clientId !== client.client_id) return refusal("bad_code");
    return null;
  }

  /** The emulator's refusal in Entra's words. */
  #explained(given, form, pending) {
    const said = given.error_description ?? "";
    if (/redirect_uri/.test(said)) return refusal("wrong_redirect");
    if (/PKCE/.test(said)) return refusal("wrong_verifier");
    if (form.get("grant_type") === "refresh_token") {
      return refusal(
        this.kept.revoked[form.get("refresh_token")] ? "revoked" : "bad_refresh",
      );
    }
    if (this.kept.used[form.get("code")]) return refusal("used_code");
    return pending || /code/.test(said)
      ? refusal("bad_code")
      : refusal(given.error, 400);
  }

  /** A refresh token lives on until the one that was given for it is used. */
  #rotate(given, former, granted) {
    if (!former) return;
    for (const elder of this.kept.parents[former] ?? []) {
      this.#refresh.delete(elder);
      this.kept.revoked[elder] = true;
    }
    delete this.kept.parents[former];
    this.#refresh.set(former, granted);
    this.kept.parents[given.refresh_token] = [former];
  }

  who(token) {
    const found = this.kept.access[token];
    return found && Date.now() < found.expires ? found.email : null;
  }

  // --- what the test says ----------------------------------------------------------------------

  control = {
    fault: (fault) => this.faults.add(fault),
    clear_faults: () => this.faults.clear(),
    whoami: ({ token }) => this.who(token),
    scopes: ({ token }) => (this.who(token) ? this.kept.access[token].scope : null),
    revoke: ({ email, access }) => {
      for (const [token, found] of [...this.#refresh]) {
        if (found.email === email) {
          this.#refresh.delete(token);
          this.kept.revoked[token] = true;
        }
      }
      if (access) this.control.expire_tokens({ email });
      this.changed();
    },
    expire_tokens: ({ email }) => {
      for (const found of Object.values(this.kept.access)) {
        if (found.email === email) found.expires = 0;
      }
      this.changed();
    },
    add_user: ({ email }) => {
      this.addUser(email);
      this.changed();
    },
    add_redirect: ({ uri }) => {
      const client = this.ms.oauthClients.findOneBy("client_id", options.client_id);
      this.ms.oauthClients.update(client.id, {
        redirect_uris: [...client.redirect_uris, uri],
      });
      this.changed();
    },
    log: () => this.#log,
    clear_log: () => {
      this.#log = [];
    },
  };
}

function tenantOf(email) {
  return PERSONAL.test(email) ? CONSUMERS : uuid(email.split("@")[1] ?? "");
}

function isWelcome(tenant, own) {
  if (tenant === "common") return true;
  if (tenant === "consumers") return own === CONSUMERS;
  return tenant === "organizations" ? own !== CONSUMERS : own === tenant;
}

/** The same for the same text, for ever. */
function uuid(text) {
  const hex = createHash("sha256").update(text).digest("hex");
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, "$1-$2-4$3-a$4-$5");
}

const tls = {
  key: readFileSync(options.private_key),
  cert: readFileSync(options.certificate),
};
const ports = {
  https: { port: options.port, tls },
  http: { port: options.page_port, tls: null },
};

await listen(ports, (bases) => {
  const entra = new Entra(bases);
  return { handle: (asked) => entra.handle(asked), control: entra.control };
});
