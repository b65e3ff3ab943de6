// What is the same in each peer: it listens on loopback, logs what it is asked, breaks
// when told to, obeys the test that started it, and keeps what it holds in a file.
//
// A request is {method, path, query, headers, body, line}; an answer is {status,
// headers, body} and, when the connection is to break, `cut`: bytes sent before it does.
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

export const options = JSON.parse(process.env.PEER_OPTIONS || "{}");

/** The failures that a test asked for. */
export class Faults {
  #wanted = [];

  /** @param fault {match, status, reason, times, skip, retry_after, body, close} */
  add(fault) {
    this.#wanted.push({ times: 1, skip: 0, ...fault, match: new RegExp(fault.match) });
  }

  clear() {
    this.#wanted = [];
  }

  /** The one that is due for this request line, counted as done. */
  take(line) {
    for (const fault of this.#wanted) {
      if (fault.times > 0 && fault.match.test(line)) {
        if (fault.skip > 0) {
          fault.skip--;
        } else {
          fault.times--;
          return fault;
        }
      }
    }
    return null;
  }
}

/** What a fault answers. @param shape (status, reason) -> the server's own error */
export function broken(fault, shape) {
  const answer =
    fault.body == null
      ? shape(fault.status, fault.reason)
      : json(fault.status, null, { body: fault.body });
  if (fault.retry_after != null) {
    answer.headers = { ...answer.headers, "retry-after": String(fault.retry_after) };
  }
  if (fault.close) {
    answer.cut = fault.body == null ? 0 : Math.floor(size(answer.body) / 2);
  }
  return answer;
}

export function json(status, value, more = {}) {
  return {
    status,
    headers: { "content-type": "application/json; charset=UTF-8" },
    body: value == null ? "" : JSON.stringify(value),
    ...more,
  };
}

/** A request as the emulator's own `app.fetch` takes it, and its answer as ours. */
export async function ask(
  app,
  base,
  { method, path, query, headers, body },
  more = {},
) {
  const type = headers["content-type"];
  const bare = { ...(type && { "content-type": type }), ...more };
  const text = query?.toString();
  const given = await app.fetch(
    new Request(base + path + (text ? `?${text}` : ""), {
      method,
      headers: bare,
      body: method === "GET" || method === "HEAD" ? undefined : body,
    }),
  );
  const kept = Object.fromEntries(
    [...given.headers].filter(([name]) => !/^(x-ratelimit|access-control)/.test(name)),
  );
  return {
    status: given.status,
    headers: kept,
    body: Buffer.from(await given.arrayBuffer()),
  };
}

/** The emulator's consent page with a link that says no. @param back URL */
export function cancellable(html, back) {
  const link = `<p style="text-align:center"><a id="cancel" class="user-meta" href="${escaped(back.href)}">Cancel</a></p>`;
  return html.replace(/(\s*<\/div>){2}\s*<div class="powered-by">/, `${link}$&`);
}

export function escaped(text) {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}

export function request(method, target, headers, body) {
  const url = new URL(target, "http://peer");
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    headers,
    body,
    line: `${method} ${url.pathname}${url.search}`,
  };
}

/** A file that holds what `dump` gives, written soon after each change. */
export class Keeper {
  #path;
  #dump;
  #timer = null;

  constructor(path, dump) {
    this.#path = path;
    this.#dump = dump;
    process.on("exit", () => this.#timer && this.#write());
  }

  /** @return what was kept, or null */
  read() {
    if (!this.#path) return null;
    try {
      return JSON.parse(readFileSync(this.#path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return null;
      throw error;
    }
  }

  changed() {
    if (this.#path && !this.#timer) {
      this.#timer = setTimeout(() => this.#write(), 300);
    }
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = null;
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.#dump()), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

/**
 * Listen, then say where on the first line of the standard output, as JSON.
 *
 * @param ports for each name {port, tls: {key, cert} or null}
 * @param build called with {name: base URL}; gives {handle(request, name), control}
 */
export async function listen(ports, build) {
  let peer = null;
  const opened = {};
  const bases = {};
  for (const [name, { port, tls }] of Object.entries(ports)) {
    const answer = (message, response) =>
      receive(peer, name, message, response).catch((error) => {
        process.stderr.write(`${message.method} ${message.url}\n${error.stack}\n`);
        response.destroy();
      });
    const server = tls ? createTlsServer(tls, answer) : createServer(answer);
    server.keepAliveTimeout = 60_000;
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port || 0, "127.0.0.1", resolve);
    });
    opened[name] = server.address().port;
    bases[name] = `${tls ? "https" : "http"}://localhost:${opened[name]}`;
  }
  peer = await build(bases);
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
  // whoever started us holds the other end
  process.stdin.on("end", () => process.exit(0)).resume();
  process.stdout.write(`${JSON.stringify(opened)}\n`);
}

async function receive(peer, name, message, response) {
  const chunks = [];
  try {
    for await (const chunk of message) chunks.push(chunk);
  } catch {
    return; // the client went away
  }
  const asked = request(
    message.method,
    message.url,
    message.headers,
    Buffer.concat(chunks),
  );
  let answer;
  try {
    if (asked.path === "/_peer") answer = await obey(peer, asked);
    else answer = await peer.handle(asked, name);
  } catch (error) {
    process.stderr.write(`${asked.line}\n${error.stack}\n`);
    answer = json(500, { peer_error: String(error) });
  }
  send(answer, asked, response);
}

async function obey(peer, asked) {
  if (asked.headers["x-peer-key"] !== options.key) return json(403, {});
  const { op, ...rest } = JSON.parse(asked.body);
  const command = peer.control[op];
  if (!command) return json(404, { peer_error: `no command ${op}` });
  return json(200, { result: (await command(rest)) ?? null });
}

function send(answer, asked, response) {
  let body = Buffer.isBuffer(answer.body)
    ? answer.body
    : Buffer.from(answer.body ?? "");
  const headers = { ...answer.headers };
  if (/\bgzip\b/.test(asked.headers["accept-encoding"] ?? "") && body.length > 1024) {
    body = gzipSync(body, { level: 1 });
    headers["content-encoding"] = "gzip";
    headers.vary = "Accept-Encoding";
  }
  if (answer.status !== 204) headers["content-length"] = body.length;
  if (answer.cut == null) {
    response.writeHead(answer.status, headers).end(body);
  } else if (answer.cut === 0) {
    response.destroy();
  } else {
    response.writeHead(answer.status, headers);
    response.write(body.subarray(0, Math.min(answer.cut, body.length - 1)), () =>
      response.destroy(),
    );
  }
}

function size(body) {
  return Buffer.isBuffer(body) ? body.length : Buffer.byteLength(body ?? "");
}
