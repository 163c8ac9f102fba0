/**
 * An answer of the backend, over REST or MQTT, and what can be read from it. Nothing in it is
 * trusted: names go into topics and URLs, texts into messages.
 *
 * @module
 */
import { AuthenticationError, BackendError, quoted } from "../errors.ts";
import { redact } from "../log.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import type { Instance, PlatformWorkload, SignedUpload } from "./backend.ts";

/** What the backend answered to one call. */
export class Answer {
  /**
   * Keeps the answer `text` to `call`. `status` is an HTTP status, also where MQTT carried it.
   * `retryAfterMs` is how long the backend asks to wait, where it says so.
   */
  constructor(
    readonly call: string,
    readonly status: number,
    readonly text: string,
    readonly retryAfterMs?: number,
  ) {}

  /** The message in the answer, or else its whole text. */
  get message(): string {
    const json = this.#json() ?? {};
    const { message, detail, error } = json as Record<string, unknown>;
    const said = [message, detail, error].find((words) => typeof words === "string");
    return said as string | undefined ?? this.text;
  }

  /** Whether the backend no longer has the instance of the call. */
  get isGone(): boolean {
    if (this.status === 404) return true;
    // The backend has no code of its own for an instance that it has terminated.
    return (this.status === 400 || this.#isRefusal) && /terminat/i.test(this.message);
  }

  /** The result of the call. Throws a {@linkcode BackendError} unless it succeeded. */
  result(): Record<string, unknown> {
    if (this.status >= 300) throw this.error(`answered ${this.status}`);
    const json = this.text === "" ? {} : this.#json();
    if (typeof json !== "object" || json === null) {
      throw this.error(`answered ${this.status} with something that is not JSON`);
    }
    if (this.#isRefusal) throw this.error("was not successful");
    return json as Record<string, unknown>;
  }

  /** Throws an {@linkcode AuthenticationError} if the token, known as `tokenName`, is rejected. */
  refuseRejection(tokenName: string): void {
    if (this.status !== 401 && this.status !== 403) return;
    const { message } = this.error(`answered ${this.status}`);
    throw new AuthenticationError(`The backend rejected the ${tokenName}: ${message}`, {
      hint: 'Check the token, or get a new one with "cyberwave-cli login"',
    });
  }

  /** An error about this answer, with the words of the backend. */
  error(problem: string): BackendError {
    // It may repeat what it was sent.
    const message = redact(withoutQueries(this.message));
    const words = message === "" ? "" : `: ${quoted(message)}`;
    const { status, retryAfterMs } = this;
    return new BackendError(`${this.call} ${problem}${words}`, { status, retryAfterMs });
  }

  /** The instance that was named. */
  instance(): Instance {
    const { uuid, slug } = this.result();
    for (const [name, value] of Object.entries({ uuid, slug })) {
      const problem = identifierProblem(value);
      if (problem === undefined) continue;
      throw this.#oddity(`the ${name} ${quoted(value ?? null)}, which ${problem}`);
    }
    return { uuid, slug } as Instance;
  }

  /** The workload that was described; `undefined` when there is none. */
  workload(): PlatformWorkload | undefined {
    if (this.status === 404) return undefined;
    const { status, instance_uuid } = this.result();
    if (typeof status !== "string") {
      throw this.#oddity(`the status ${quoted(status ?? null)}, which must be a string`);
    }
    return {
      status,
      instanceUuid: typeof instance_uuid === "string" ? instance_uuid : undefined,
    };
  }

  /** Where a file is to be put. */
  signedUpload(): SignedUpload {
    const { signed_url, filename } = this.result();
    const url = typeof signed_url === "string" ? URL.parse(signed_url) : null;
    // Not shown: whoever has it may write there.
    if (!/^https?:$/.test(url?.protocol ?? "")) throw this.#oddity("no URL to put a file at");
    if (typeof filename !== "string") throw this.#oddity("no name of the file");
    return { signedUrl: signed_url as string, filename };
  }

  get #isRefusal(): boolean {
    const json = this.#json();
    return typeof json === "object" && json !== null && "success" in json && json.success === false;
  }

  #oddity(what: string): BackendError {
    return new BackendError(`${this.call} answered with ${redact(what)}`, { status: this.status });
  }

  #json(): unknown {
    try {
      return JSON.parse(this.text);
    } catch {
      return undefined;
    }
  }
}

/** `text` without the queries of its URLs: that of a signed URL lets anybody write there. */
function withoutQueries(text: string): string {
  return text.replace(/\?[^\s"'<>?]*=[^\s"'<>]*/g, "?…");
}

/** How messages call the token. `source` is where it came from, if that is known. */
export function tokenName(source: string | undefined): string {
  return source === undefined ? "API token" : `API token from ${source}`;
}

/** `id` as it may stand in a URL or topic. Throws a {@linkcode BackendError} where it may not. */
export function checkedId(id: string): string {
  const problem = identifierProblem(id);
  if (problem === undefined) return id;
  throw new BackendError(`Cannot ask the backend about ${quoted(id)}: an id ${problem}`, {
    status: 400,
  });
}
