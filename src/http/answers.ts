/**
 * The answers of the HTTP server.
 *
 * @module
 */
import type { RefusalCode } from "../commands/accept.ts";

/** Why there is no other answer. */
export type ErrorCode =
  | RefusalCode
  | "already_ended"
  | "forbidden"
  | "internal"
  | "method_not_allowed"
  | "not_available"
  | "not_ended"
  | "not_found"
  | "not_kept"
  | "not_now"
  | "not_registered"
  | "stopping"
  | "too_large"
  | "unauthorized";

/** On every answer: nothing is kept, framed, guessed at or run that this server did not send. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** An answer of some type. */
export function answer(
  body: BodyInit | null,
  type: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...HEADERS, "content-type": type, ...headers } });
}

/** An answer of plain text. */
export function textAnswer(text: string, status = 200): Response {
  return answer(text, "text/plain; charset=utf-8", status);
}

/** Says why there is no other answer: in a word for programs, in a sentence for people. */
export function errorAnswer(
  status: number,
  code: ErrorCode,
  error: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  return jsonAnswer({ error, code }, status, headers);
}

/** An answer of JSON. */
export function jsonAnswer(
  value: unknown,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return answer(`${JSON.stringify(value)}\n`, "application/json", status, headers);
}
