/**
 * The HTTP server of a node on this computer, as its state folder says.
 *
 * @module
 */
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { lockHolder } from "../state/lock.ts";
import { parseState, readStateFile } from "../state/state_file.ts";

/** A node that answers does so at once. */
const PATIENCE_MS = 10_000;

/** The HTTP server of a node that runs. */
export class NodeHttp implements Disposable {
  readonly #token: string;
  readonly #client: Deno.HttpClient | undefined;

  private constructor(
    /** Where it is found: a URL, or `unix:` and a path. */
    readonly url: string,
    token: string,
  ) {
    this.#token = token;
    const path = /^unix:(.*)/s.exec(url)?.[1];
    this.#client = path === undefined
      ? undefined
      : Deno.createHttpClient({ proxy: { transport: "unix", path } });
  }

  /**
   * Finds it; `undefined`: no node runs with this state folder.
   *
   * @throws {ConfigError} if the node has none
   */
  static find(stateFolder: string): NodeHttp | undefined {
    if (lockHolder(stateFolder) === undefined) return undefined;
    const text = readStateFile(`${stateFolder}/http.json`);
    const token = readStateFile(`${stateFolder}/http_token`)?.trim();
    const url = text === undefined ? undefined : parseState(text).url;
    if (typeof url === "string" && token !== undefined) return new NodeHttp(url, token);
    throw new ConfigError(
      `The node with the state folder ${quoted(stateFolder)} does not answer over HTTP`,
      { hint: "Start it with --http auto, or put http: auto into its cyberwave.yml" },
    );
  }

  /**
   * Asks for a path; with a body, posts that as JSON.
   *
   * @throws {ConfigError} if the server cannot be reached
   */
  async ask(path: string, body?: unknown): Promise<Response> {
    const base = this.#client === undefined ? this.url : "http://localhost";
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    try {
      return await fetch(base + path, {
        ...body !== undefined && { method: "POST", body: JSON.stringify(body) },
        ...{ headers, client: this.#client, signal: AbortSignal.timeout(PATIENCE_MS) },
      });
    } catch (error) {
      throw new ConfigError(`The node does not answer at ${this.url}: ${messageOf(error)}`);
    }
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#client?.close();
  }
}

/**
 * A link that opens the page of this node, once.
 *
 * @throws {ConfigError} if there is no page, or no browser could open it
 */
export async function pageLink(node: NodeHttp): Promise<string> {
  const response = await node.ask("/api/v1/links", {});
  const { url, error } = await response.json();
  if (response.ok) return url;
  throw new ConfigError(`Cannot make a link to the page: ${error}`, {
    hint: "Start the node with --http auto",
  });
}
