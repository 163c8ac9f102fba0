/**
 * All that a node needs around it, on loopback and for as long as this process lasts.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { LoadedSettings } from "../config/load.ts";
import { ConfigError, quoted } from "../errors.ts";
import { SETTINGS } from "../config/settings/settings.ts";
import { isWarm } from "../config/programs/workload_program.ts";
import { WORKLOAD_KINDS } from "../protocol/kinds.ts";
import { requirePermissions } from "../permissions.ts";
import { topicPrefix } from "../protocol/topics.ts";
import { PLATFORM_NEEDS } from "./needed_by_dev.ts";
import { EmulatedBackend } from "./rest_front_end.ts";
import { EmbeddedBroker } from "./embedded_broker.ts";
import { MqttFrontEnd } from "./mqtt_front_end.ts";
import { SAMPLE } from "./sample.ts";
import { createStateFolder, removeStateFolder } from "./state_folder.ts";

const DEFAULT_SLUG = "dev-node";

/** What can be chosen of a platform. */
export interface DevPlatformOptions {
  /** The port of the broker; the backend has the next one. Default: any that are free. */
  readonly port?: number;
  /** The token, which is also the broker's password. Default: a random one. */
  readonly token?: string;
}

async function onPort<T>(
  port: number | undefined,
  start: (port?: number) => T | Promise<T>,
): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    const isTaken = error instanceof Deno.errors.AddrInUse ||
      error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken || port === undefined) throw error;
    throw new ConfigError(`Port ${port} is taken by another program`, {
      hint: "--port takes that port for the broker and the next one for the backend: give another",
      cause: error,
    });
  }
}

/** A broker, a backend and a state folder. */
export class DevPlatform implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;

  private constructor(
    /** The broker. */
    readonly broker: EmbeddedBroker,
    /** The backend. */
    readonly backend: EmulatedBackend,
    /** The state folder of the node. */
    readonly stateFolder: string,
    resources: AsyncDisposableStack,
  ) {
    this.#resources = resources;
  }

  /**
   * Starts one, with the broker on `port` and the backend on the next one; both let in who has `token`.
   *
   * @throws {ConfigError} when a port is taken
   */
  static async start({ port, token }: DevPlatformOptions = {}): Promise<DevPlatform> {
    requirePermissions(PLATFORM_NEEDS);
    await using resources = new AsyncDisposableStack();
    const backend = resources.use(
      await onPort(port && port + 1, (port) => EmulatedBackend.start({ port, token })),
    );
    // Without a password, everybody who uses this computer could have the node run commands.
    const password = backend.token;
    const broker = resources.use(
      await onPort(port, (port) => EmbeddedBroker.start({ port, password })),
    );
    const stateFolder = resources.adopt(await createStateFolder(), removeStateFolder);
    return new DevPlatform(broker, backend, stateFolder, resources.move());
  }

  /** Ends all of it, with what the node left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  /** Has the backend answer over MQTT as well, on the topics of an environment. */
  async answerOverMqtt(environment: string): Promise<void> {
    const prefix = topicPrefix(environment);
    this.#resources.use(await MqttFrontEnd.start(this.backend, this.access, prefix));
  }

  /** Where the broker is, and what it takes to be let in. */
  get access(): { host: string; port: number; username: string; password: string } {
    const { broker: { host, port }, backend: { token } } = this;
    return { host, port, username: "dev", password: token };
  }

  /** The settings with this platform in place of the real one, and the sample where there is nothing. */
  adapt(loaded: LoadedSettings): LoadedSettings {
    const changes: Partial<Settings> = {
      ...this.#account(),
      slug: loaded.settings.slug ?? DEFAULT_SLUG,
      ...(usesSample(loaded) ? SAMPLE : unloadedAtTheEnd(loaded.settings)),
    };
    const sources = new Map(loaded.sources);
    for (const key of Object.keys(changes) as (keyof Settings)[]) {
      if (changes[key] !== loaded.settings[key]) sources.set(key, "dev");
    }
    const { pool } = loaded.settings;
    const warnings = pool === undefined ? loaded.warnings : [
      ...loaded.warnings,
      `Not in the pool ${quoted(pool)}: the broker of dev has no shared subscriptions`,
    ];
    return { ...loaded, settings: { ...loaded.settings, ...changes }, sources, warnings };
  }

  /** `env` with this platform in place of the real one: no workload gets to see a real token. */
  adaptEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
    const adapted = { ...env };
    const account: Partial<Settings> = this.#account();
    for (const setting of SETTINGS.filter(({ key }) => key in account)) {
      for (const variable of setting.env) {
        const value = account[setting.key];
        if (value === undefined) delete adapted[variable];
        else adapted[variable] = String(value);
      }
    }
    return adapted;
  }

  #account() {
    const { broker, backend, stateFolder } = this;
    return {
      token: backend.token,
      apiUrl: backend.url,
      workspaceSlug: undefined,
      workspaceUuid: undefined,
      instanceUuid: undefined,
      mqttHost: broker.host,
      mqttPort: broker.port,
      mqttUseTls: false,
      mqttTlsCaCerts: undefined,
      mqttUsername: undefined,
      mqttPassword: undefined,
      pool: undefined,
      poolTopic: undefined,
      stateFolder,
    } satisfies Partial<Settings>;
  }
}

/** Whether nobody has configured anything, so that the sample stands in. */
export function usesSample({ settings, configFile }: LoadedSettings): boolean {
  return configFile === undefined && WORKLOAD_KINDS.every((kind) => settings[kind] === undefined);
}

/** The programs that stay loaded, ending with the node: the next one has another state folder. */
function unloadedAtTheEnd(settings: Settings): Partial<Settings> {
  return Object.fromEntries(WORKLOAD_KINDS.flatMap((kind) => {
    const program = settings[kind];
    if (program === undefined || !isWarm(program)) return [];
    return [[kind, { ...program, keepLoaded: 0 }]];
  }));
}
