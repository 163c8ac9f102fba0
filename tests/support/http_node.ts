/** A node on HTTP, and somebody who has its token. */
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { ask, type RawAnswer, type RawRequest } from "./http_client.ts";
import { type LocalNode, type NodeOptions, World } from "./world.ts";

/** A node on HTTP with a world of its own. */
export class HttpNode implements AsyncDisposable {
  private constructor(
    readonly world: World<EmbeddedBroker>,
    readonly local: LocalNode,
    readonly url: string,
    readonly token: string,
  ) {}

  /** Starts one. */
  static async start(config: CloudNodeConfig, options?: NodeOptions): Promise<HttpNode> {
    const world = await World.start();
    const local = await world.runNode({ http: "127.0.0.1:0", ...config }, options);
    const read = (name: string) => Deno.readTextFile(`${world.stateFolder}/${name}`);
    const { url } = JSON.parse(await read("http.json"));
    return new HttpNode(world, local, url, (await read("http_token")).trim());
  }

  /** Asks for a path with the token. */
  ask(path: string, request: RawRequest = {}): Promise<RawAnswer> {
    const headers = { authorization: `Bearer ${this.token}`, ...request.headers };
    return ask(this.url, path, { ...request, headers });
  }

  /** The JSON at a path. */
  async json(path: string) {
    return JSON.parse((await this.ask(path)).body);
  }

  /** Posts JSON. */
  post(path: string, body: string, headers: Record<string, string> = {}): Promise<RawAnswer> {
    const type = { "content-type": "application/json" };
    return this.ask(path, { method: "POST", body, headers: { ...type, ...headers } });
  }

  async [Symbol.asyncDispose]() {
    await this.local[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}
