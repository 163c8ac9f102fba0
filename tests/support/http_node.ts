/** A node on HTTP, and somebody who has its token. */
import { DatabaseSync } from "node:sqlite";
import type { CloudNodeConfig } from "../../src/config/node_config.ts";
import type { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { ask, type RawAnswer, type RawRequest } from "./http_client.ts";
import type { Mosquitto } from "./mosquitto.ts";
import { type LocalNode, type NodeOptions, World } from "./world.ts";

/** Somebody who has the token of a node. */
export class HttpClient {
  constructor(readonly url: string, readonly token: string) {}

  /** Asks for a path. */
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
}

/** A node on HTTP in this process. */
export class HttpNode extends HttpClient implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    client: HttpClient,
    readonly world: World<EmbeddedBroker | Mosquitto>,
    readonly local: LocalNode,
    resources: AsyncDisposableStack,
  ) {
    super(client.url, client.token);
    this.#resources = resources;
  }

  /** Starts one with a world of its own. */
  static async start(config: CloudNodeConfig, options?: NodeOptions): Promise<HttpNode> {
    await using resources = new AsyncDisposableStack();
    const world = resources.use(await World.start());
    return await HttpNode.#start(world, config, options, resources.move());
  }

  /** Starts one in a world that is there. */
  static in(
    world: World<EmbeddedBroker | Mosquitto>,
    config: CloudNodeConfig,
    options?: NodeOptions,
  ): Promise<HttpNode> {
    return HttpNode.#start(world, config, options, new AsyncDisposableStack());
  }

  static async #start(
    world: World<EmbeddedBroker | Mosquitto>,
    config: CloudNodeConfig,
    options: NodeOptions | undefined,
    resources: AsyncDisposableStack,
  ): Promise<HttpNode> {
    await using owned = resources.move();
    const local = owned.use(await world.runNode({ http: "127.0.0.1:0", ...config }, options));
    const client = await HttpNode.at(world.stateFolder);
    return new HttpNode(client, world, local, owned.move());
  }

  /** Finds the node that has a state folder. */
  static async at(stateFolder: string): Promise<HttpClient> {
    const read = (name: string) => Deno.readTextFile(`${stateFolder}/${name}`);
    const { url } = JSON.parse(await read("http.json"));
    return new HttpClient(url, (await read("http_token")).trim());
  }

  /** Removes all replies, as retention does in time. */
  forgetReplies(): void {
    using journal = new DatabaseSync(`${this.world.stateFolder}/journal.db`);
    journal.exec("DELETE FROM outbox");
  }

  async [Symbol.asyncDispose]() {
    await this.#resources.disposeAsync();
  }
}
