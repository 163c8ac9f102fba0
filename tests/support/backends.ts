/** Both ways to a backend, so that one test can be run over either. */
import type { Backend } from "../../src/backend/backend.ts";
import { MqttBackend } from "../../src/backend/mqtt_backend.ts";
import { RestBackend } from "../../src/backend/rest_backend.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { EmbeddedBroker } from "../../src/dev/embedded_broker.ts";
import { MqttFrontEnd } from "../../src/dev/mqtt_front_end.ts";
import type { Clock } from "../../src/time.ts";
import { RecordingLogger } from "./events.ts";

/** What may be told about a control plane. */
export interface PlaneOptions {
  readonly token?: string;
  readonly tokenSource?: string;
  readonly timeoutMs?: number;
  readonly workspaceSlug?: string;
  readonly clock?: Clock;
  readonly username?: string;
  readonly password?: string;
}

/** The token that the backends here accept. */
export const TOKEN = "token-for-tests";

/** A way to a backend. */
export type Carrier = "REST" | "MQTT";

/** A backend that is reached in one way. */
export class Reach implements AsyncDisposable {
  /** The latest control plane over MQTT, if there is one. */
  running?: RunningPlane;

  private constructor(
    readonly carrier: Carrier,
    readonly backend: EmulatedBackend,
    /** Where the broker is; for REST nobody listens there. */
    readonly port: number,
    readonly resources: AsyncDisposableStack,
  ) {}

  /** Starts a backend that answers over `carrier`. */
  static async start(carrier: Carrier): Promise<Reach> {
    await using resources = new AsyncDisposableStack();
    if (carrier === "REST") {
      const backend = resources.use(EmulatedBackend.start({ token: TOKEN }));
      return new Reach(carrier, backend, 0, resources.move());
    }
    const broker = resources.use(await EmbeddedBroker.start());
    const backend = resources.use(EmulatedBackend.start({ token: TOKEN }));
    resources.use(await MqttFrontEnd.start(backend, broker, "dev"));
    return new Reach(carrier, backend, broker.port, resources.move());
  }

  /** A control plane that is connected to this backend, until this is disposed. */
  async connect(options: PlaneOptions = {}): Promise<Backend> {
    const rest = restPlane(this.backend.url, options);
    if (this.carrier === "REST") return rest;
    this.running = this.resources.use(new RunningPlane(this.port, options, rest));
    await this.running.logger.logged("Connected to");
    return this.running.plane;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resources.disposeAsync();
  }
}

/** A control plane over REST. */
export function restPlane(apiUrl: string, options: PlaneOptions = {}): RestBackend {
  return new RestBackend({ apiUrl, token: TOKEN, ...options });
}

let clients = 0;

/** A control plane over MQTT that runs until it is disposed. */
export class RunningPlane implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  readonly clientId = `node-${++clients}-control`;
  readonly plane: MqttBackend;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    port: number,
    { username = "my-node", password = TOKEN, ...options }: PlaneOptions = {},
    rest: Pick<Backend, "workload"> = restPlane("http://127.0.0.1:1"),
  ) {
    this.plane = new MqttBackend({
      broker: { host: "127.0.0.1", port, clientId: this.clientId, password },
      username: () => username,
      topicPrefix: "dev",
      token: TOKEN,
      rest,
      logger: this.logger,
      ...options,
    });
    this.#done = this.plane.run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}
