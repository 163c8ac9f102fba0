/**
 * `start`: runs the node.
 *
 * @module
 */
import { nodeFrom } from "../cloud_node.ts";
import { flagOptions } from "../config/settings_help.ts";
import { ConfigError, quoted } from "../errors.ts";
import { History } from "../journal/history.ts";
import { createLogger } from "../log.ts";
import type { NodeIdentity } from "../node/options.ts";
import { Notifier, withoutNotifyVariables } from "../service/notifier.ts";
import { systemClock } from "../time.ts";
import type { Arguments } from "./arguments.ts";
import type { CliCommand } from "./subcommand.ts";
import { COMMAND_FAILED } from "./exit_codes.ts";
import { CONFIG_FLAG, useSettings, workloadEnvironment } from "./load_settings.ts";

/** The command. */
export const start: CliCommand = {
  name: "start",
  operands: [],
  summary: "Run the node: register, take commands and answer them until it is stopped",
  details:
    `SIGTERM or Ctrl-C stops the node; work that runs goes on, and is taken up at the next start.
SIGQUIT lets it take nothing new, finish and deliver everything, and then stop. What the broker has
refused for stop_timeout seconds is left for the next start then, with exit code 1.`,
  flags: [
    CONFIG_FLAG,
    { name: "once", help: "Answer one command, then exit: with 0, or 10 if it failed" },
    { name: "drain", help: "Take nothing new: finish and deliver what is left, then exit" },
    { name: "exit-when-idle", value: "SECONDS", help: "Exit after so long without work" },
  ],
  settings: flagOptions.string,
  run,
};

async function run(args: Arguments): Promise<number> {
  const [once, drain] = [args.has("once"), args.has("drain")];
  if (once && drain) throw new ConfigError("--once takes a command and --drain takes none");
  const exitWhenIdle = args.seconds("exit-when-idle");
  const loaded = await useSettings(args);
  const env = workloadEnvironment();
  const node = nodeFrom(loaded, withoutNotifyVariables(env));
  await using notifier = new Notifier({
    env,
    checkHealth: () => checkJournal(loaded.settings.stateFolder),
    clock: systemClock,
    logger: createLogger("service"),
  });
  const onReady = ({ slug, uuid }: NodeIdentity) =>
    notifier.ready(`Waiting for commands as ${slug} (${uuid})`);
  const result = await node.run({ handleSignals: true, once, drain, exitWhenIdle, onReady });
  return once && result.failed > 0 ? COMMAND_FAILED : 0;
}

/** Throws if the journal is gone or cannot be read: what is accepted then would be lost. */
function checkJournal(stateFolder: string): void {
  using history = History.open(stateFolder);
  if (history === undefined) throw new Error(`There is no journal in ${quoted(stateFolder)}`);
  history.list(0);
}
