/**
 * The types of value a setting can have. Each reads a string (a flag, a variable) as well as what
 * YAML and programs give, and knows the words for what it expects.
 *
 * @module
 */
import { quoted } from "../../errors.ts";
import { identifierProblem, isMqttText } from "../../protocol/identifiers.ts";
import { isIPv6 } from "./ip_address.ts";
import { isUuid, UUID_AS_PREFIX } from "./reservation.ts";
import { templateProblem } from "../programs/template_problem.ts";
import { refuse, scalarText, type ValueType } from "./value_type.ts";

export * from "./numbers.ts";
export { type Parsed, type Problem, refuse, type ValueType } from "./value_type.ts";

/** Yes or no. */
export const boolean: ValueType<boolean> = {
  parse(value) {
    const word = scalarText(value).trim().toLowerCase();
    if (["true", "yes", "on", "1"].includes(word)) return { value: true };
    if (["false", "no", "off", "0"].includes(word)) return { value: false };
    return refuse("true or false", value);
  },
  format: String,
  words: ["true", "false"],
};

/** One of a few words. */
export function oneOf<T extends string>(...words: readonly T[]): ValueType<T> {
  return {
    parse(value) {
      const word = words.find((word) => word === value);
      return word === undefined ? refuse(words.join(" or "), value) : { value: word };
    },
    format: String,
    words,
  };
}

/** One line of text. */
export const text: ValueType<string> = textType({
  problem: (value) => problemIf(!/^\P{Cc}+$/u.test(value), "one line of text", value),
});

/** What may stand in a topic and a URL. */
export const identifier: ValueType<string> = textType({
  problem(value) {
    const problem = identifierProblem(value);
    return problem && `${problem}, got ${quoted(value)}`;
  },
});

/** What stands in front of topics, as it is. */
export const environmentName: ValueType<string> = textType({
  problem: (value) =>
    isUuid(value) ? UUID_AS_PREFIX : problemIf(
      /[+#]/.test(value) || !isMqttText(value),
      "a name without +, # and control characters",
      value,
    ),
});

/** What a client subscribes to. */
export const topicFilter: ValueType<string> = textType({
  problem(value) {
    const levels = value.split("/");
    const isRight = value !== "" && value.length <= 1_000 && isMqttText(value) &&
      levels.every((level, index) =>
        level === "+" || !/[+#]/.test(level) || (level === "#" && index === levels.length - 1)
      );
    return problemIf(!isRight, "a topic to subscribe to, such as $queue/gpu", value);
  },
});

/** The path of a file or folder. */
export const path: ValueType<string> = textType({
  problem: (value) => problemIf(value === "" || value.includes("\0"), "a path", value),
});

/** Patterns of paths: a list, or in one text with commas between them; none are `all`. */
export const globs: ValueType<readonly string[]> = {
  parse(value) {
    if (value === "all") return { value: [] };
    const patterns = typeof value === "string" ? value.split(",") : value;
    const isRight = Array.isArray(patterns) &&
      patterns.every((pattern) => typeof pattern === "string" && !/\p{Cc}/u.test(pattern));
    if (!isRight) return refuse('patterns of paths, such as ["*_chkpt/**", "metrics.json"]', value);
    return { value: patterns.map((pattern) => pattern.trim()).filter((pattern) => pattern !== "") };
  },
  format: (patterns) => patterns.length === 0 ? "all" : patterns.join(","),
};

/** A shell command of one or more lines. */
export const shellCommand: ValueType<string> = textType({
  problem: commandProblem,
});

/** A shell command in which `{body}` and `{body_file}` stand for a command's params. */
export const template: ValueType<string> = textType({
  problem: (value) => commandProblem(value) ?? templateProblem(value),
});

function commandProblem(value: string): string | undefined {
  return problemIf(value.trim() === "" || value.includes("\0"), "a shell command", value);
}

/** A host name or an address, without anything around it. */
export const hostName: ValueType<string> = textType({
  clean: (value) => value.trim().replace(/^\[(.*)\]$/, "$1"),
  problem: (value) =>
    problemIf(
      !/^[\p{L}\p{N}]([\p{L}\p{N}._-]{0,252}[\p{L}\p{N}.])?$/u.test(value) && !isIPv6(value),
      "a host name or address, without mqtt:// and port",
      value,
    ),
});

/** The address of an HTTP server. Paths are put behind it, so it ends without a slash. */
export const httpUrl: ValueType<string> = textType({
  clean: (value) => value.trim().replace(/\/+$/, ""),
  problem(value) {
    const url = URL.parse(value);
    const right = url && /^https?:$/.test(url.protocol) && !/[?#@\s\\]/.test(value);
    // What stands before an @ is a password, so a wrong URL is not repeated.
    const got = value.includes("@") ? "one with a user name" : quoted(value);
    return right ? undefined : `must be an http:// or https:// URL, got ${got}`;
  },
});

/** A token, as it can travel in an HTTP header. Never shown. */
export const token: ValueType<string> = textType({
  clean: (value) => value.trim(),
  problem: (value) =>
    /^[\x21-\x7e]+$/.test(value) ? undefined : "must be a single word of ASCII characters",
  secret: true,
});

/** A password. Never shown. */
export const password: ValueType<string> = textType({
  problem: (value) => value === "" ? "must not be empty" : undefined,
  secret: true,
});

interface TextRules {
  /** Takes away what cannot matter. */
  clean?(value: string): string;
  /** What is wrong with the clean value. */
  problem(value: string): string | undefined;
  secret?: true;
}

function textType({ clean = (value) => value, problem, secret }: TextRules): ValueType<string> {
  return {
    parse(value) {
      if (typeof value !== "string") {
        const expected = "text (put it in quotes)";
        return secret ? { problem: `must be ${expected}` } : refuse(expected, value);
      }
      const cleaned = clean(value);
      const wrong = problem(cleaned);
      return wrong === undefined ? { value: cleaned } : { problem: wrong };
    },
    format: (value) => secret ? "***" : value,
    secret,
  };
}

function problemIf(wrong: boolean, expected: string, value: string): string | undefined {
  return wrong ? refuse(expected, value).problem : undefined;
}
