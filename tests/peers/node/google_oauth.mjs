// Who may read which mailbox? The emulator's consent page and tokens, corrected where
// Google is stricter: tokens that end, grants that are revoked whole, a refresh token
// only for who asks for one, codes bound to their client and redirect URI.
import { ask, cancellable, escaped, json } from "./peer.mjs";

const IDENTITY =
  /^(openid|email|profile|https:\/\/www\.googleapis\.com\/auth\/userinfo\..*)$/;

export class Tokens {
  #calls = 0;
  #wishes = new Map();

  /** @param kept {access: {token: {email, client, scopes, expires}}, granted: {key: true}}: kept over restarts */
  constructor({ app, base, emulator, tokenMap, kept, options, scopes, changed }) {
    Object.assign(this, {
      app,
      base,
      emulator,
      tokenMap,
      kept,
      options,
      scopes,
      changed,
    });
  }

  get #refresh() {
    return this.#map("google.oauth.refreshTokens");
  }

  get #codes() {
    return this.#map("google.oauth.pendingCodes");
  }

  #map(name) {
    if (!this.emulator.getData(name)) this.emulator.setData(name, new Map());
    return this.emulator.getData(name);
  }

  /** @return {email, scopes} of an Authorization header's token, or null */
  who(authorization) {
    const [, token] = /^Bearer\s+(\S+)$/i.exec(authorization ?? "") ?? [];
    const found = token && this.kept.access[token];
    if (!found || (found.expires && Date.now() >= found.expires)) return null;
    return found;
  }

  /** The mailbox's owner at work in a program of their own: a token without end. */
  ownerToken(email) {
    const token = `owner-${email}`;
    const scopes = [
      "https://mail.google.com/",
      "https://www.googleapis.com/auth/gmail.settings.basic",
    ];
    this.kept.access[token] = { email, client: "", scopes, owner: true };
    return token;
  }

  expire(email) {
    for (const found of Object.values(this.kept.access)) {
      if (found.email === email && !found.owner) found.expires = 1;
    }
    this.changed();
  }

  /** The owner withdraws consent at Google, from this client or from all. */
  revoke(email, client = null) {
    for (const [token, found] of Object.entries(this.kept.access)) {
      const isOf =
        found.email === email && (client === null || found.client === client);
      if (isOf && !found.owner) delete this.kept.access[token];
    }
    for (const [token, found] of [...this.#refresh]) {
      if (found.email === email && (client === null || found.clientId === client))
        this.#refresh.delete(token);
    }
    for (const key of Object.keys(this.kept.granted)) {
      if (
        key.endsWith(` ${email}`) &&
        (client === null || key.startsWith(`${client} `))
      )
        delete this.kept.granted[key];
    }
    this.changed();
  }

  async handle(asked) {
    if (asked.method === "GET" && asked.path === "/o/oauth2/v2/auth")
      return this.#page(asked);
    if (asked.method === "POST" && asked.path === "/o/oauth2/v2/auth/callback")
      return this.#consent(asked);
    if (asked.method === "POST" && asked.path === "/oauth2/token")
      return this.#token(asked);
    if (asked.method === "POST" && asked.path === "/oauth2/revoke")
      return this.#revoke(asked);
    if (asked.path === "/oauth2/v2/userinfo") return this.#userinfo(asked);
    return this.#forward(asked);
  }

  /** The emulator lets each token, and all who have none together, call 5,000 times an hour. */
  #forward(asked, email = "peer") {
    const pass = `pass-${email}-${Math.floor(this.#calls++ / 4000)}`;
    this.tokenMap.set(pass, { login: email, id: 1, scopes: [] });
    return ask(this.app, this.base, asked, { authorization: `Bearer ${pass}` });
  }

  // --- what the browser sees ---------------------------------------------------------------

  async #page(asked) {
    const answer = await this.#forward(asked);
    if (answer.status !== 200) return answer;
    const { query } = asked;
    const hidden = ["access_type", "prompt"].map(
      (name) =>
        `<input type="hidden" name="${name}" value="${escaped(query.get(name) ?? "")}"/>`,
    );
    const boxes = (query.get("scope") ?? "")
      .split(/\s+/)
      .filter((scope) => scope && !IDENTITY.test(scope))
      .map((scope) => box(scope, this.scopes[scope]?.description ?? scope));
    const cancel = new URL(query.get("redirect_uri"));
    cancel.searchParams.set("error", "access_denied");
    if (query.get("state")) cancel.searchParams.set("state", query.get("state"));
    const html = answer.body
      .toString("utf8")
      .replace(/<form class="user-form"[^>]*>/g, `$&${hidden.join("")}`)
      .replace(/<\/form>/g, `${boxes.join("")}</form>`);
    return { ...answer, body: cancellable(html, cancel) };
  }

  async #consent(asked) {
    const form = new URLSearchParams(asked.body.toString("utf8"));
    const ticked = form.getAll("grant");
    const wanted = (form.get("scope") ?? "").split(/\s+/).filter(Boolean);
    form.set(
      "scope",
      wanted
        .filter((scope) => IDENTITY.test(scope) || ticked.includes(scope))
        .join(" "),
    );
    const answer = await this.#forward({
      ...asked,
      body: Buffer.from(form.toString()),
    });
    const code =
      answer.headers.location &&
      new URL(answer.headers.location).searchParams.get("code");
    if (code) {
      this.#wishes.set(code, {
        offline: form.get("access_type") === "offline",
        prompt: form.get("prompt") ?? "",
      });
    }
    return answer;
  }

  // --- what the client asks ------------------------------------------------------------------

  async #token(asked) {
    const form = new URLSearchParams(asked.body.toString("utf8"));
    const code = form.get("code");
    const pending = this.#codes.get(code);
    if (form.get("grant_type") === "authorization_code" && pending) {
      const known = await this.#forward({
        ...asked,
        body: Buffer.from(clientOnly(form)),
      });
      if (known.status === 401) return known;
      if (pending.clientId !== form.get("client_id"))
        return oauthError(400, "invalid_grant", "Bad Request");
      if (pending.redirectUri !== form.get("redirect_uri"))
        return oauthError(400, "redirect_uri_mismatch", "Bad Request");
    }
    const answer = await this.#forward(asked);
    if (answer.status !== 200) return answer;
    const given = JSON.parse(answer.body);
    const email = this.tokenMap.get(given.access_token).login;
    const client = form.get("client_id");
    const life = this.options.token_life ?? 3600;
    this.tokenMap.delete(given.access_token);
    const scopes = given.scope.split(/\s+/).filter(Boolean);
    this.kept.access[given.access_token] = {
      email,
      client,
      scopes,
      expires: Date.now() + life * 1000,
    };
    given.expires_in = life - 1;
    if (given.refresh_token && !this.#isForKeeps(code, client, email)) {
      this.#refresh.delete(given.refresh_token);
      delete given.refresh_token;
    }
    this.changed();
    return json(200, given);
  }

  /** Google gives a refresh token for offline access only, and once unless consent is asked for again. */
  #isForKeeps(code, client, email) {
    const { offline, prompt } = this.#wishes.get(code) ?? {};
    const key = `${client} ${email}`;
    const isNew = !this.kept.granted[key] || prompt?.split(" ").includes("consent");
    if (offline) this.kept.granted[key] = true;
    return Boolean(offline && isNew);
  }

  #revoke(asked) {
    const token =
      new URLSearchParams(asked.body.toString("utf8")).get("token") ??
      asked.query.get("token");
    const refresh = this.#refresh.get(token);
    const access = this.kept.access[token];
    if (refresh) this.revoke(refresh.email, refresh.clientId);
    else if (access && !access.owner) this.revoke(access.email, access.client);
    else return oauthError(400, "invalid_token", "Token expired or revoked");
    return json(200, {});
  }

  #userinfo(asked) {
    const token = this.who(asked.headers.authorization);
    if (!token) return oauthError(401, "invalid_request", "Invalid Credentials");
    return this.#forward(asked, token.email);
  }
}

export function oauthError(status, error, description) {
  return json(status, { error, error_description: description });
}

/** The same client asking for nothing, to see whether it is let in. */
function clientOnly(form) {
  const bare = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: "none",
  });
  for (const name of ["client_id", "client_secret"])
    bare.set(name, form.get(name) ?? "");
  return bare.toString();
}

function box(scope, description) {
  return (
    `<label class="user-meta" style="display:block;margin:6px 12px"><input type="checkbox" name="grant" ` +
    `value="${escaped(scope)}" checked/> ${escaped(description)}</label>`
  );
}
