/**
 * The node as a library.
 *
 * @module
 */
import { type LoadedSettings, loadSettings, readToken, withDotenv } from "./config/load.ts";
import { refuseUnknownOptions } from "./config/known_keys.ts";
import { resolveGiven } from "./config/resolve.ts";
import type { NodeAbout } from "./http/route.ts";
import { createLogger, type Logger } from "./log.ts";
import type { Node, NodeOptions } from "./node/node.ts";
import {
  type CloudNodeEvent,
  type CloudNodeEvents,
  type CloudNodeSnapshot,
  publicIdentity,
  publicSnapshot,
  Subscriptions,
} from "./node/embedding.ts";
import { readEnvironment } from "./permissions.ts";
import type { ProgramOptions } from "./node/program_options.ts";
import { type Handlers, handlersByName, withHandlers } from "./node/handlers.ts";
import { checkRunOptions, OPTIONS } from "./node/options.ts";
import type { CloudNodeOptions, NodeIdentity, RunOptions, RunResult } from "./node/options.ts";
import { listenForSignals } from "./os/signals.ts";

/** For the command line: makes a node from loaded settings; its workloads get `env`. */
export let nodeFrom: (
  loaded: LoadedSettings,
  env: Readonly<Record<string, string>>,
  more?: ProgramOptions,
) => CloudNode;

/**
 * A computer as a Cyberwave Cloud Node: it registers with the backend, takes commands from the MQTT
 * broker, runs them and answers them.
 *
 * @example A node whose configuration is given
 * ```ts
 * import { CloudNode } from "@cyberwave/cloud-node";
 *
 * const node = new CloudNode({
 *   config: { inference: "python infer.py {body}", concurrency: { inference: 2 } },
 *   slug: "my-gpu-node",
 * });
 * // await node.run({ handleSignals: true }); // needs a `token`, and goes on until it is stopped
 * await node.stop();
 * ```
 */
export class CloudNode implements AsyncDisposable {
  #about: NodeAbout;
  #more: ProgramOptions = {};
  #env: Readonly<Record<string, string>> | undefined;
  #logger: Logger | undefined;
  #handlers: Handlers = {};
  readonly #subscriptions = new Subscriptions();
  #node: Node | undefined;
  #ended: Promise<unknown> | undefined;
  /** Whether it was asked to stop, also before there was a node to stop. */
  #stopped = false;

  /**
   * Makes a node from a configuration. Reads no files, and of the environment nothing but the home
   * folder, for the default `stateFolder`.
   *
   * @throws {ConfigError} naming every key that does not exist, or every value that is wrong
   *
   * @example
   * ```ts
   * import { CloudNode } from "@cyberwave/cloud-node";
   *
   * new CloudNode({ config: { inference: "python infer.py {body}", mqttPort: 8883 } });
   * ```
   */
  constructor(options: CloudNodeOptions = {}) {
    refuseUnknownOptions(options, OPTIONS);
    const { config = {}, slug = config.slug, env, logger, handlers = {} } = options;
    const { settings, sources } = resolveGiven({ ...config, slug });
    this.#about = { settings: withHandlers(settings, handlers), sources, configFile: undefined };
    this.#handlers = handlers;
    this.#env = env;
    this.#logger = logger;
  }

  /**
   * Makes a node from a config file, the environment, `.env` files and credentials, as the command
   * line does. Without `path` it is `cyberwave.yml` in the current folder, which may be missing. What
   * `overrides` has wins over all of them.
   *
   * @throws {ConfigError} when a file or a value is not what it should be
   *
   * @example
   * ```ts
   * import { CloudNode } from "@cyberwave/cloud-node";
   *
   * const file = await Deno.makeTempFile({ suffix: ".yml" });
   * await Deno.writeTextFile(file, "inference: python infer.py {body}");
   * await CloudNode.fromConfigFile(file, { config: { mqttPort: 8883 }, slug: "my-gpu-node" });
   * ```
   */
  static async fromConfigFile(
    path?: string,
    overrides: CloudNodeOptions = {},
  ): Promise<CloudNode> {
    refuseUnknownOptions(overrides, OPTIONS);
    const { config = {}, slug = config.slug, env = readEnvironment() } = overrides;
    const options = { configPath: path, config: { ...config, slug }, env, cwd: Deno.cwd() };
    const loaded = await loadSettings(options);
    const logger = createLogger("config", undefined, overrides.logger);
    for (const warning of loaded.warnings) logger.warn(warning);
    const tokens = { read: () => readToken(options) };
    const node = nodeFrom(loaded, withDotenv(env, loaded), { tokens });
    node.#logger = overrides.logger;
    node.#handlers = overrides.handlers ?? {};
    const settings = withHandlers(node.#about.settings, node.#handlers);
    node.#about = { ...node.#about, settings };
    return node;
  }

  /**
   * Makes a node from everything but a config file given: the environment, `.env` files, credentials,
   * and `cyberwave.yml` in the current folder where there is one.
   *
   * @throws {ConfigError} when a file or a value is not what it should be
   *
   * @example
   * ```ts
   * import { CloudNode } from "@cyberwave/cloud-node";
   *
   * const node = await CloudNode.fromEnv({ slug: "my-gpu-node" });
   * console.log(node.identity); // undefined: it does not run
   * ```
   */
  static fromEnv(overrides: CloudNodeOptions = {}): Promise<CloudNode> {
    return CloudNode.fromConfigFile(undefined, overrides);
  }

  static {
    nodeFrom = ({ settings, sources, configFile }, env, more = {}) => {
      // The state folder is given, so that no home folder is looked for.
      const node = new CloudNode({ config: { stateFolder: settings.stateFolder } });
      node.#about = { settings, sources, configFile };
      node.#more = more;
      node.#env = env;
      return node;
    };
  }

  /** Who this node is; `undefined` while it is not registered. */
  get identity(): NodeIdentity | undefined {
    const identity = this.#node?.identity;
    return identity && publicIdentity(identity);
  }

  /**
   * Calls `listener` at each event of that name, in this run and later ones, until the result is
   * called. It may be async; if it throws or rejects, that is logged and harms nothing.
   *
   * @throws {ConfigError} if there is no event of that name
   *
   * @example
   * ```ts
   * import { CloudNode } from "@cyberwave/cloud-node";
   *
   * const node = new CloudNode();
   * const unsubscribe = node.on("ended", ({ command, status }) => console.log(command.id, status));
   * unsubscribe();
   * ```
   */
  on<Name extends keyof CloudNodeEvents>(
    name: Name,
    listener: (detail: CloudNodeEvents[Name]) => unknown,
  ): () => void {
    return this.#subscriptions.on(name, listener);
  }

  /** All events from now on, for `for await`, until the run ends: this one, or else the next. */
  events(): ReadableStream<CloudNodeEvent> {
    return this.#subscriptions.stream();
  }

  /**
   * What the node is doing; `undefined` when it does not run.
   *
   * @example
   * ```ts
   * import { CloudNode } from "@cyberwave/cloud-node";
   *
   * console.log(new CloudNode().snapshot()?.connection.isConnected); // undefined: it does not run
   * ```
   */
  snapshot(): CloudNodeSnapshot | undefined {
    const snapshot = this.#node?.snapshot();
    return snapshot && publicSnapshot(snapshot);
  }

  /**
   * Runs the node until it is stopped. What still runs then goes on without it, and is found again at
   * the next run with the same state folder.
   *
   * @returns how the commands went that were answered meanwhile
   * @throws {AuthenticationError} if there is no token, or the backend rejects it
   * @throws {InstallScriptError} if the install script fails
   * @throws {MissingPermissionError} if the runtime does not allow what the settings ask for
   * @throws {StateFolderInUseError} if another node uses the state folder
   * @throws {ConfigError} if a setting turns out to be wrong
   * @throws {BrokerError} if the broker refuses the replies that a draining node has left
   *
   * @example
   * ```ts
   * import { AuthenticationError, CloudNode } from "@cyberwave/cloud-node";
   *
   * try {
   *   await new CloudNode().run();
   * } catch (error) {
   *   console.log(error instanceof AuthenticationError); // true: there is no token
   * }
   * ```
   */
  async run(options: RunOptions = {}): Promise<RunResult> {
    if (this.#ended !== undefined) throw new Error("Cannot run a node that runs already");
    const running = this.#run(options);
    this.#ended = running.catch(() => {});
    try {
      return await running;
    } finally {
      this.#ended = undefined;
      this.#subscriptions.detach();
    }
  }

  async #run(options: RunOptions): Promise<RunResult> {
    checkRunOptions(options);
    const { signal, handleSignals = false, once = false, drain = false, exitWhenIdle, onReady } =
      options;
    const stop = () => void this.stop();
    const requests = { stop, drain: () => void this.drain() };
    this.#stopped = false;
    signal?.addEventListener("abort", stop);
    using _signals = handleSignals ? listenForSignals(requests) : undefined;
    try {
      // Here, because it takes a while: who only configures a node does without.
      const { Node } = await import("./node/node.ts");
      const node = new Node({
        settings: this.#about.settings,
        handlers: handlersByName(this.#handlers),
        tokenSource: this.#about.sources.get("token"),
        tokens: this.#more.tokens,
        isTemporary: this.#more.isTemporary ?? false,
        env: this.#env ?? readEnvironment(),
        logger: this.#logger,
        ...{ once, drain, exitWhenIdle, changes: this.#more.changes },
        serve: serverFor(this.#about, this.#more.examine),
      });
      if (onReady !== undefined) node.events.on("ready", onReady);
      this.#subscriptions.attach(node.events);
      this.#node = node;
      if (signal?.aborted || this.#stopped) node.stop();
      return await node.run();
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#node = undefined;
    }
  }

  /**
   * Stops the node and resolves when it has stopped: work that runs goes on without it, answers are
   * delivered as far as `stopTimeout` allows. Does nothing when the node does not run.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#node?.stop();
    await this.#ended;
  }

  /** Takes no new commands; stops, and resolves, when all accepted ones are done and answered. */
  async drain(): Promise<void> {
    // Without a running node there is nothing to finish.
    this.#stopped ||= this.#node === undefined;
    this.#node?.drain();
    await this.#ended;
  }

  /** Stops the node, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What puts a node with these settings on HTTP, which is loaded only where that is asked for. */
function serverFor(about: NodeAbout, examine: ProgramOptions["examine"]): NodeOptions["serve"] {
  const { http } = about.settings;
  if (http === undefined) return undefined;
  return async (node) => {
    const { serveNode } = await import("./http/serve.ts");
    return await serveNode(http, { node, about, examine });
  };
}
