// How does Gmail say no?
// https://developers.google.com/workspace/gmail/api/guides/handle-errors
import { json } from "./peer.mjs";

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
/** What a project or user ran out of; as seen live, a plain 429 is not among them. */
const USAGE = /userRateLimit|dailyLimit|quota|accessNotConfigured|concurrent/i;
/** An error in Google's shape. */
export function refusal(status, message = "", reason = "", more = {}) {
  const [name, usual] = STATUS[status] ?? ["UNKNOWN", "backendError"];
  const said = message || SENTENCES[reason || usual] || reason || name;
  const why = reason || usual;
  const isUsage = USAGE.test(why) || (status === 403 && why === "rateLimitExceeded");
  const inner = {
    message: said,
    domain: isUsage ? "usageLimits" : "global",
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
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.",
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
