/** Sends commands to a node over its unix socket, which comes and goes with the node. */

/** How long the node is waited for: it may be killed meanwhile. */
const PATIENCE_MS = 10_000;

/** Somebody who sends commands over HTTP. */
export class HttpSender implements Disposable {
  readonly #client: Deno.HttpClient;
  readonly #leaving = new AbortController();

  /** Sends to the node that listens at `path`, if there is one. */
  constructor(path: string) {
    this.#client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  }

  /** The reply to a command, as the node has stored it; `undefined`: there was none in time. */
  async send(message: Record<string, unknown>): Promise<string | undefined> {
    try {
      const response = await fetch("http://localhost/api/v1/commands", {
        method: "POST",
        headers: { "content-type": "application/json", prefer: "wait=2" },
        body: JSON.stringify(message),
        client: this.#client,
        signal: AbortSignal.any([this.#leaving.signal, AbortSignal.timeout(PATIENCE_MS)]),
      });
      return /"reply":(\{.*\})\}\s*$/s.exec(await response.text())?.[1];
    } catch {
      return undefined;
    }
  }

  /** Waits for nothing more. */
  [Symbol.dispose](): void {
    this.#leaving.abort();
    this.#client.close();
  }
}
