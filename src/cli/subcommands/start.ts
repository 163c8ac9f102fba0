/**
 * `start`: runs the node.
 *
 * @module
 */
import { nodeFrom } from "../../cloud_node.ts";
import { type LoadedSettings, readToken } from "../../config/load.ts";
import { reviewStart } from "../../doctor/config_review.ts";
import { ConfigError, quoted } from "../../errors.ts";
import { History } from "../../journal/history.ts";
import { createLogger } from "../../log.ts";
import { SettingChanges } from "../../node/setting_changes.ts";
import type { NodeIdentity } from "../../node/options.ts";
import type { StopRequests } from "../../os/signals.ts";
import { readEnvironment } from "../../permissions.ts";
import { WORKLOAD_KINDS } from "../../protocol/kinds.ts";
import { Notifier, withoutNotifyVariables } from "../../service/notifier.ts";
import { systemClock } from "../../time.ts";
import type { Arguments } from "../arguments.ts";
import { COMMAND_FAILED, NOTHING_ANSWERED } from "../exit_codes.ts";
import { Reloads } from "../reload.ts";
import { reportLine } from "../terminal/report_line.ts";
import { examiner, runNode } from "../run_node.ts";
import { loadOptions, useSettings, workloadEnvironment } from "../load_settings.ts";
import { noticeUpdate } from "../update_notice.ts";

/** Runs the node until it is stopped. */
export async function run(args: Arguments, requests: StopRequests): Promise<number> {
  const [once, drain] = [args.has("once"), args.has("drain")];
  if (once && drain) throw new ConfigError("--once waits for a command and --drain accepts none");
  const idleTimeout = args.seconds("idle-timeout");
  if (idleTimeout !== undefined) checkIdleTimeout(args);
  const exitWhenIdle = idleTimeout ?? args.seconds("exit-when-idle");
  const loaded = await useSettings(args);
  const env = workloadEnvironment(loaded);
  await reportReview(loaded);
  const tokens = { read: () => readToken(loadOptions(args)) };
  const changes = new SettingChanges();
  const { reload } = new Reloads(loaded, args, changes);
  requests.reloads.addEventListener("reload", reload);
  const node = nodeFrom(loaded, withoutNotifyVariables(env), {
    ...{ tokens, changes },
    examine: examiner(args),
  });
  await using notifier = new Notifier({
    env,
    checkHealth: () => checkJournal(loaded.settings.stateFolder),
    clock: systemClock,
    logger: createLogger("service"),
  });
  const ended = new AbortController();
  const afterReady: Promise<void>[] = [];
  const onReady = ({ slug, uuid }: NodeIdentity) => {
    notifier.ready(`Waiting for commands as ${slug} (${uuid})`);
    createLogger("node").info(`ready: ${served(loaded)}`);
    const noticing = noticeUpdate({
      moduleUrl: import.meta.url,
      env,
      stateFolder: loaded.settings.stateFolder,
      clock: systemClock,
      logger: createLogger("node"),
    }, ended.signal);
    afterReady.push(noticing, keepFetchedConfig(args, loaded));
  };
  try {
    const result = await runNode(node, { once, drain, exitWhenIdle, onReady }, requests);
    if (!once) return 0;
    if (result.failed > 0) return COMMAND_FAILED;
    return result.succeeded > 0 ? 0 : NOTHING_ANSWERED;
  } finally {
    requests.reloads.removeEventListener("reload", reload);
    ended.abort();
    await Promise.all(afterReady);
  }
}

/** Keeps the config file for a start without its server, where it came from one. */
async function keepFetchedConfig(args: Arguments, loaded: LoadedSettings): Promise<void> {
  const { fetchedConfig } = args;
  if (fetchedConfig === undefined) return;
  const { keepCopy } = await import("../config_by_url.ts");
  await keepCopy(args, fetchedConfig, loaded);
}

function checkIdleTimeout(args: Arguments): void {
  if (args.value("exit-when-idle") !== undefined) {
    throw new ConfigError("Give --idle-timeout or --exit-when-idle, not both");
  }
  if (args.has("once")) return;
  throw new ConfigError("--idle-timeout limits how long --once waits for its command", {
    hint: "To exit with 0 after some time without work, use --exit-when-idle",
  });
}

/**
 * Logs what looks wrong with the configuration, as `validate` does, and the names of the jobs'
 * variables.
 */
async function reportReview(loaded: LoadedSettings): Promise<void> {
  const logger = createLogger("config");
  const { problems: [problem], warnings, variables } = await reviewStart(loaded, readEnvironment());
  if (problem !== undefined) throw new ConfigError(problem.detail, { hint: problem.fix });
  for (const { detail, fix } of warnings) logger.warn(reportLine(detail, fix));
  for (const names of variables) logger.debug(`variables for workloads from ${names}`);
}

/** What the node serves, and which file says so: `inference, training from /srv/x/cyberwave.yml`. */
function served({ settings, configFile }: LoadedSettings): string {
  const kinds = WORKLOAD_KINDS.filter((kind) => settings[kind] !== undefined);
  const what = kinds.length === 0 ? "status alone" : kinds.join(", ");
  return `${what} from ${configFile ?? "the environment"}`;
}

/** Throws if the journal is missing or cannot be read: commands accepted now would be lost. */
function checkJournal(stateFolder: string): void {
  using history = History.open(stateFolder);
  if (history === undefined) throw new Error(`There is no journal in ${quoted(stateFolder)}`);
  history.list(0);
}
