/**
 * What the answer of a server means for a command. Pure.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import type { Span } from "./member_finder.ts";
import type { Preset } from "./preset.ts";

/** An answer, as far as it has arrived. */
interface AnswerParts {
  /** The HTTP status. */
  readonly status: number;
  /** The header of that name, in lower case. */
  header(name: string): string | undefined;
  /** The members of the body, if it is a JSON object. */
  readonly members: ReadonlyMap<string, Span>;
  /** How many bytes the body has. */
  readonly size: number;
  /** The bytes of the body between two positions. */
  read(start: number, end: number): Uint8Array;
}

/** What an answer means. */
export type Verdict =
  /** The command succeeded; what is between these positions of the body is its output. */
  | ({ readonly type: "ok" } & Span)
  | { readonly type: "failed"; readonly error: string }
  /** The server had no room for it, and did nothing. It may be sent again. */
  | { readonly type: "busy" };

/** How much of a body an error shows. */
const SHOWN = 2_000;

/** Longer members do not describe a failure. */
const LONGEST_WORDS = 64 * 1024;

/** How a server says that it refused a request before it did anything. */
const NO_ROOM =
  /\b(no|all)( (free|available|more))? (slots?|workers?|capacity)|\bslots?\b.*\b(in use|taken|full)|\bbusy\b|overload|too many|at capacity|queue (is )?full|already running|\bloading\b|starting|not ready|not finished|(try|retry) (again|later)/i;

/** Decides what an answer means. */
export function verdictOn(
  answer: AnswerParts,
  preset: Preset,
  unwrap: string | undefined = preset.unwrap,
): Verdict {
  const { status, members, size } = answer;
  if (status >= 300 && status < 400) return failed(redirected(answer));
  if (status < 200 || status >= 400) {
    if (isBusy(answer, preset)) return { type: "busy" };
    return failed(`The server answered ${status}${colon(wordsOf(answer))}`);
  }
  const encoding = encodingOf(answer);
  if (encoding !== undefined) {
    return failed(`The server's answer is compressed (${quoted(encoding)}), which it must not be`);
  }
  const word = memberOf(answer, "status");
  const lower = typeof word === "string" ? word.toLowerCase() : "";
  if (preset.failures.includes(lower) || (preset.failsByError && hasError(answer))) {
    const what = lower === "" ? "an error" : `the status ${quoted(word)}`;
    return failed(wordsOf(answer, ["error", "detail", "message"]) ?? `The server answered ${what}`);
  }
  if (status === 202 || preset.unfinished.includes(lower)) {
    const what = lower === "" ? String(status) : quoted(word);
    return failed(`The server answered ${what} before it was done: it must answer when it is`);
  }
  if (unwrap === undefined) return { type: "ok", start: 0, end: size };
  const span = members.get(unwrap);
  if (span !== undefined) return { type: "ok", ...span };
  return failed(
    `The server's answer has no member ${quoted(unwrap)}, which its output is taken from` +
      colon(beginning(answer)),
  );
}

/** Whether a server says that it refused the request before it did anything. */
function isBusy(answer: AnswerParts, preset: Preset): boolean {
  const { status } = answer;
  if (preset.busy.includes(status)) return true;
  if (![409, 429, 503].includes(status)) return false;
  return answer.header("retry-after") !== undefined || NO_ROOM.test(wordsOf(answer) ?? "");
}

function redirected(answer: AnswerParts): string {
  const location = answer.header("location");
  return `The server answered ${answer.status}` +
    (location === undefined ? "" : `, a redirect to ${quoted(location)}`) +
    ". Redirects are not followed: set url to where it takes commands";
}

function hasError(answer: AnswerParts): boolean {
  const error = memberOf(answer, "error");
  return error !== undefined && error !== null && error !== "" && error !== false;
}

/** What a body says about a failure: a member, or the beginning of its text. */
function wordsOf(
  answer: AnswerParts,
  names: readonly string[] = ["error", "detail", "message"],
): string | undefined {
  for (const name of names) {
    const words = textOf(memberOf(answer, name));
    if (words !== undefined) return cut(words);
  }
  return beginning(answer);
}

/** The words in a member: OpenAI's `error` has them in its `message`, FastAPI's `detail` in a list. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  if (typeof value !== "object") return String(value);
  if ("message" in value && typeof value.message === "string") return value.message;
  return JSON.stringify(value);
}

function memberOf({ members, read }: AnswerParts, name: string): unknown {
  const span = members.get(name);
  if (span === undefined) return undefined;
  const { start, end } = span;
  if (end - start > LONGEST_WORDS) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(read(start, end)));
  } catch {
    return undefined;
  }
}

/** How a body is compressed, which was not asked for; `undefined`: it is not. */
function encodingOf({ header }: AnswerParts): string | undefined {
  const encoding = header("content-encoding")?.trim() ?? "";
  return /^(identity)?$/i.test(encoding) ? undefined : encoding;
}

function beginning(answer: AnswerParts): string | undefined {
  if (encodingOf(answer) !== undefined) return undefined;
  const { size, read } = answer;
  const text = new TextDecoder().decode(read(0, Math.min(size, 2 * SHOWN))).trim();
  return text === "" ? undefined : cut(text);
}

function cut(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN).toWellFormed()}…`;
}

function colon(words: string | undefined): string {
  return words === undefined ? "" : `: ${words}`;
}

function failed(error: string): Verdict {
  return { type: "failed", error };
}
