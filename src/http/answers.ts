/**
 * The answers of the HTTP server.
 *
 * @module
 */
import type { RefusalCode } from "../commands/accept.ts";

/** The codes of errors. */
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

/**
 * Headers of every answer: no caching, no framing, no guessing of types, no code from elsewhere.
 */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** An answer of this type. */
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

/** An error: a code for programs and a sentence for people. */
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
