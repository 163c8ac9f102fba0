/**
 * The parts of a node, joined.
 *
 * @module
 */
import type { Backend } from "../backend/backend.ts";
import { putPayload } from "../backend/storage.ts";
import { PlatformStatus } from "../commands/platform_status.ts";
import { statusOutput } from "../commands/status.ts";
import type { Settings } from "../config/config.ts";
import type { Handler } from "../executors/handler/handler.ts";
import type { LeftLoaded } from "../executors/warm/left_loaded.ts";
import type { GpuMonitor } from "../gpu/gpu_monitor.ts";
import type { GpuPool } from "../gpu/gpu_pool.ts";
import { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { LineBuffer } from "../logs/line_buffer.ts";
import type { LogStream } from "../logs/log_stream.ts";
import type { MqttConnection } from "../mqtt/connection.ts";
import { OS } from "../os/current.ts";
import type { Host } from "../os/processes.ts";
import type { Outbox } from "../outbox/outbox.ts";
import {
  clientResponseTopic,
  poolStatusTopic,
  topicPrefix,
  workloadTopic,
} from "../protocol/topics.ts";
import { AcceptedTokens } from "../registration/accepted_tokens.ts";
import { IdentityStore } from "../registration/identity.ts";
import { Registration } from "../registration/registration.ts";
import type { TokenRetryParts } from "../registration/retry.ts";
import { ApiToken, type TokenSource } from "../registration/token.ts";
import { ResultUploads } from "../results/results.ts";
import { loadClientId } from "../state/client_id.ts";
import { lockFolder } from "../state/lock.ts";
import { makePrivateFolder } from "../state/private_folder.ts";
import { requireFolder } from "../state/state_file.ts";
import { takeUnloadMark } from "../state/unload_mark.ts";
import { type Clock, isAbort, systemClock } from "../time.ts";
import { type CommandParts, createCommandParts } from "./create/command_parts.ts";
import { createBackend } from "./create/create_backend.ts";
import { type Connected, createConnection, createPoolMember } from "./create/create_connection.ts";
import { createExecutors, type Executors } from "./create/create_executors.ts";
import { createGpuMonitor } from "./create/create_gpu_monitor.ts";
import { createLogStream } from "./create/create_log_stream.ts";
import { createOutbox } from "./create/create_outbox.ts";
import { createTraces } from "./create/create_traces.ts";
import { CurrentIdentity } from "./current_identity.ts";
import type { NodeEvents } from "./events.ts";
import type { PoolMember } from "./pool.ts";
import type { SettingChanges } from "./setting_changes.ts";
import { ProgressOverMqtt } from "./progress_publisher.ts";
import { nodeCredentials } from "./workload_environment.ts";
import { type SnapshotParts, stateOf, statusSource } from "./snapshot.ts";

/** What a node is made from. */
interface NodePartsOptions {
  readonly settings: Settings & { readonly token: string };
  /** The functions that run commands, by the names of those. */
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Where the token came from. */
  readonly tokenSource: string | undefined;
  /** Where to look for another token when it is refused. */
  readonly tokens: TokenSource | undefined;
  /** Passes on changes of settings. */
  readonly changes: SettingChanges | undefined;
  /** The environment of the workloads. */
  readonly env: Readonly<Record<string, string>>;
  readonly host: Host;
  /** Whether to accept one command only. */
  readonly once: boolean;
  readonly events: NodeEvents;
  /** Aborts when the node is to stop. */
  readonly stopping: AbortSignal;
  /** Takes no new commands, and stops the node when all is done. */
  drain(): void;
  /** Makes loggers whose lines go to the platform, too. */
  readonly loggerFor: (component: string) => Logger;
  /** Makes loggers whose lines do not go to the platform. */
  readonly localLoggerFor: (component: string) => Logger;
  /** Those lines. */
  readonly lines: LineBuffer;
}

/** The parts of a node. They hold the state folder until they are disposed. */
export interface NodeParts extends CommandParts, AsyncDisposable {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly events: NodeEvents;
  /** Aborts when the node is to stop. */
  readonly stopping: AbortSignal;
  readonly times: SnapshotParts["times"];
  readonly workloadsFolder: string;
  readonly identity: CurrentIdentity;
  readonly journal: Journal;
  readonly token: ApiToken;
  /** How to call the backend again while the token is refused. */
  readonly tokenRetries: TokenRetryParts;
  readonly backend: Backend;
  readonly registration: Registration;
  readonly connection: MqttConnection;
  /** `undefined` when it belongs to no pool. */
  readonly pool: PoolMember | undefined;
  readonly outbox: Outbox;
  readonly executors: Executors;
  /** `undefined` when nothing needs to know about the GPUs. */
  readonly gpus: GpuMonitor | undefined;
  /** `undefined` when workloads are given no GPUs. */
  readonly gpuPool: GpuPool | undefined;
  /** The topics it subscribes to beside its own command topics. */
  readonly otherTopics: readonly string[];
  /** `undefined` when no logs are to be sent. */
  readonly logStream: LogStream | undefined;
}

/** Claims the state folder and makes the parts; nothing runs yet. */
export async function createParts(options: NodePartsOptions): Promise<NodeParts> {
  const { settings: configured, events, stopping, loggerFor } = options;
  const { stateFolder } = configured;
  const clock = systemClock;
  const times = { startedAt: clock.now(), connectionSince: clock.now() };
  events.on("connection", () => void (times.connectionSince = clock.now()));
  await using resources = new AsyncDisposableStack();
  makePrivateFolder(stateFolder, options.env[OS.homeVariable]);
  const stateParts = { clock, logger: loggerFor("state") };
  resources.use(lockFolder(stateFolder, stateParts));
  // A mark that is left over was meant for an earlier node.
  takeUnloadMark(stateFolder);
  const workloadsFolder = `${stateFolder}/workloads`;
  requireFolder(workloadsFolder, stateParts);
  makePrivateFolder(workloadsFolder);
  const prefix = topicPrefix(configured.environment);
  const clientId = loadClientId(stateFolder, stateParts);
  const answersTopic = clientResponseTopic(prefix, clientId);
  const statusTopic = configured.pool && poolStatusTopic(prefix, configured.pool);
  const identity = new CurrentIdentity(prefix);
  const journal = resources.use(
    Journal.open(stateFolder, { clock, logger: loggerFor("journal") }),
  );
  const token = createToken(options, clock);
  const tokenRetries = {
    ...{ token, clock, random: Math.random },
    logger: loggerFor("registration"),
  };
  const backend: Backend = createBackend({
    settings: configured,
    clientId,
    token,
    logger: loggerFor("backend"),
    nodeUuid: () => identity.current?.uuid ?? registration.known?.uuid,
  });
  const store = new IdentityStore(stateFolder, tokenRetries);
  const registration = new Registration(configured, { ...tokenRetries, api: backend, store });
  const client: Connected = {
    ...{ clientId, identity, token },
    receive: (message) => commands.receiver.receive(message),
  };
  const onConnected = () => outbox.connected();
  const connection = createConnection(options, {
    ...{ ...client, answersTopic, statusTopic, onConnected },
  });
  const outbox = createOutbox(options, {
    ...{ journal, connection, clock },
    request: { token, responseTopic: answersTopic },
  });
  resources.defer(() => outbox.close());
  const gpus = configured.http === undefined
    ? undefined
    : await createGpuMonitor(clock, loggerFor("gpu"));
  const { settings: given, pool: gpuPool, left } = await withGpus(options, journal, clock);
  if (left !== undefined) resources.use(left);
  // What changes while the node runs is changed in here.
  const settings = { ...given };
  const executors = await createExecutors({ ...options, settings, gpus: gpuPool }, clock);
  for (const executor of executors.byName.values()) resources.use(executor);
  gpuPool?.open();
  const traces = await createTraces({
    ...{ journal, events, clock },
    env: options.env,
    logger: loggerFor("traces"),
  });
  if (traces !== undefined) resources.use(traces);
  const results = new ResultUploads({
    store: journal.resultFiles,
    journal,
    api: backend,
    put: putPayload,
    settings,
    workloadsFolder,
    clock,
    logger: loggerFor("results"),
  });
  const commands = createCommandParts({
    ...{ settings, journal, outbox, executors, results, events, workloadsFolder, clock },
    gpus: gpuPool,
    once: options.once,
    directory: backend,
    progress: new ProgressOverMqtt({
      connection,
      prefix,
      events,
      clock,
      logger: loggerFor("mqtt"),
    }),
    platformStatus: new PlatformStatus((uuid) => workloadTopic(prefix, uuid, "update-status")),
    logger: loggerFor("commands"),
    // What workloads print reaches the platform from their files, not as lines of the node.
    outputLogger: options.localLoggerFor("workloads"),
    address: () => identity.replyAddress,
    drain: () => options.drain(),
    variablesFor: (id) => ({
      ...nodeCredentials(settings, token.value),
      ...traces?.variablesFor(id),
    }),
    status: () => statusOutput(statusSource(stateOf(parts), settings.profileSlug, clock.now())),
  });
  const pool = createPoolMember(options, {
    ...{ ...client, ...commands, executors, workloadsFolder, clock },
    topicPrefix: prefix,
    prefetch: () => settings.poolPrefetch,
  });
  if (options.changes !== undefined) {
    resources.use(options.changes.listen((changes) => {
      Object.assign(settings, changes);
      commands.runner.startNext();
      pool?.update();
    }));
  }
  if (left !== undefined) left.onRoom = () => commands.runner.startNext();
  const logStream = createLogStream(options, {
    ...{ api: backend, journal, identity, clock, commands },
  });
  if (logStream === undefined) {
    // What is printed while no logs are to be sent is not sent later either.
    journal.logPositions.skip();
    resources.defer(() => journal.logPositions.skip());
  }
  const owned = resources.move();
  const parts: NodeParts = {
    settings,
    clock,
    events,
    stopping,
    times,
    workloadsFolder,
    identity,
    journal,
    token,
    tokenRetries,
    backend,
    registration,
    connection,
    pool,
    outbox,
    executors,
    gpus,
    gpuPool,
    otherTopics: [answersTopic, ...statusTopic === undefined ? [] : [statusTopic]],
    logStream,
    ...commands,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return parts;
}

/** The settings, and the GPUs to give to workloads, where there are some. */
async function withGpus(
  { settings, handlers, env, host, stopping, loggerFor }: NodePartsOptions,
  journal: Journal,
  clock: Clock,
): Promise<
  { readonly settings: Settings; readonly pool?: GpuPool; readonly left?: LeftLoaded }
> {
  const { gpus } = settings;
  if (gpus === undefined) return { settings };
  const { createGpuPool } = await import("./create/create_gpu_pool.ts");
  const logger = loggerFor("gpu");
  const given = { gpus, settings, handlers, env, journal, host };
  try {
    return await createGpuPool({ ...given, clock, logger, stopping });
  } catch (error) {
    if (isAbort(error, stopping)) return { settings };
    throw error;
  }
}

function createToken(
  { settings, tokenSource, tokens, loggerFor }: NodePartsOptions,
  clock: Clock,
): ApiToken {
  const logger = loggerFor("registration");
  const store = new IdentityStore(settings.stateFolder, { clock, logger });
  const isRegistered = async () => await store.peek().catch(() => undefined) !== undefined;
  const memory = new AcceptedTokens(settings.stateFolder, isRegistered, { clock, logger });
  const first = { token: settings.token, source: tokenSource };
  return new ApiToken(first, { source: tokens, memory, logger });
}
