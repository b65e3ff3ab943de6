// Many calls in one: Google's multipart/mixed batches.
// https://developers.google.com/workspace/gmail/api/guides/batch
import { STATUS_CODES } from "node:http";

import { request } from "./peer.mjs";

export const MOST = 100;

/** @return the calls {id, request}, or null when the body is no batch */
export function calls(asked) {
  const type = asked.headers["content-type"] ?? "";
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (!/^multipart\/mixed/i.test(type) || !boundary) return null;
  const parts = asked.body.toString("latin1").split(`--${boundary}`).slice(1);
  if (!parts.at(-1)?.startsWith("--")) return null;
  return parts.slice(0, -1).map((part) => call(part, asked));
}

function call(part, outer) {
  const [about, first, ...rest] = part.replace(/^\r?\n/, "").split(/\r?\n\r?\n/);
  const [line, ...lines] = (first ?? "").split(/\r?\n/);
  const [method, target] = line.split(" ");
  const headers = { authorization: outer.headers.authorization };
  for (const each of lines) {
    const colon = each.indexOf(":");
    if (colon > 0)
      headers[each.slice(0, colon).toLowerCase()] = each.slice(colon + 1).trim();
  }
  const body = Buffer.from(rest.join("\r\n\r\n").replace(/\r?\n$/, ""), "latin1");
  return {
    id: /^content-id:\s*<?([^\r\n>]+)>?/im.exec(about)?.[1] ?? "",
    request: target ? request(method, target, headers, body) : null,
  };
}

/** One answer out of many, in another order than they were asked in. */
export function answer(answers) {
  const boundary = `batch_${Math.random().toString(36).slice(2)}`;
  const parts = answers.reverse().map(({ id, answer: inner }) => {
    const body = Buffer.isBuffer(inner.body)
      ? inner.body.toString("utf8")
      : (inner.body ?? "");
    const headers = Object.entries({
      ...inner.headers,
      "content-length": Buffer.byteLength(body),
    });
    return [
      `--${boundary}`,
      "Content-Type: application/http",
      `Content-ID: <response-${id}>`,
      "",
      `HTTP/1.1 ${inner.status} ${STATUS_CODES[inner.status] ?? ""}`,
      ...headers.map(
        ([name, value]) =>
          `${name.replace(/\b[a-z]/g, (c) => c.toUpperCase())}: ${value}`,
      ),
      "",
      body,
      "",
    ].join("\r\n");
  });
  return {
    status: 200,
    headers: { "content-type": `multipart/mixed; boundary=${boundary}` },
    body: `${parts.join("")}--${boundary}--\r\n`,
  };
}
