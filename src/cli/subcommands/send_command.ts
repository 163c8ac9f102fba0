/**
 * `run`: sends a command to a node.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandProgress } from "../../client/command_progress.ts";
import { CommandFailedError, type CommandReply } from "../../client/command_reply.ts";
import { CloudNodeClient } from "../../cloud_node_client.ts";
import type { Settings } from "../../config/config.ts";
import { nearest } from "../../config/values/nearest.ts";
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { createLogger } from "../../log.ts";
import { MARK_OF_A_CUT } from "../../protocol/response.ts";
import { type Followed, LocalCommand, RemoteCommand } from "./awaited_command.ts";
import type { Arguments } from "../arguments.ts";
import { COMMAND_FAILED, INTERRUPTED } from "../exit_codes.ts";
import { commandLine } from "../invocation.ts";
import { useSettings } from "../load_settings.ts";
import { progressText } from "../terminal/progress_bar.ts";
import { findTarget, type RunTarget } from "./run_target.ts";
import { readParams } from "./run_inputs.ts";
import { Spinner } from "../terminal/spinner.ts";
import { PROGRAM } from "../subcommand.ts";
import { harmless, isTerminal, print, report, type Stream, write } from "../terminal/terminal.ts";

/** The commands that a node knows. */
export const NODE_COMMANDS: readonly string[] = [
  "inference",
  "training",
  "simulate",
  "status",
  "cancel",
  "drain",
];

const DEFAULT_TIMEOUT = 60;

/** Sends the command and prints the reply. */
export async function run(args: Arguments): Promise<number> {
  const [command = "", given = "{}"] = args.operands;
  checkName(command);
  const params = await readParams(given, args.values("input"));
  const { settings } = await useSettings(args);
  return await sendCommand(command, params.text, settings, args);
}

/** Sends a command with these params, as the flags say, and prints the reply or its request id. */
export async function sendCommand(
  command: string,
  params: string,
  settings: Settings,
  args: Arguments,
): Promise<number> {
  checkFlags(args);
  // A training takes as long as it takes.
  const timeout = args.seconds("timeout") ?? (command === "training" ? undefined : DEFAULT_TIMEOUT);
  const target = await findTarget(args, settings.stateFolder);
  await using client = await connect(settings, target, timeout);
  const requestId = crypto.randomUUID();
  if (args.has("detach")) {
    await client.send(command, params, { requestId });
    print(requestId);
    return 0;
  }
  return await sendAndWait({ client, command, params, requestId, timeout, target }, args);
}

/** A command to be sent, and whose reply is waited for. */
interface Sending {
  readonly client: CloudNodeClient;
  readonly command: string;
  readonly params: string;
  readonly requestId: string;
  readonly timeout: number | undefined;
  readonly target: RunTarget;
}

async function sendAndWait(sending: Sending, args: Arguments): Promise<number> {
  const { client, command, params, requestId, timeout, target } = sending;
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  using spinner = new Spinner(`${command} is sent`);
  const isLive = args.has("follow");
  const followed = target.isHere
    ? new LocalCommand(target.stateFolder, requestId, spinner, isLive)
    : new RemoteCommand(client, requestId, spinner);
  const over = new AbortController();
  // Only the reply shows which node of a pool has it.
  const isPooled = "pool" in target.address;
  const isFollowed = (isLive || spinner.isShown) && !isPooled;
  const following = isFollowed ? followed.follow(over.signal) : undefined;
  const onProgress = (progress: CommandProgress) =>
    spinner.isShown ? spinner.show(progress) : report(progressText(progress));
  try {
    const reply = await client.call(command, params, {
      ...{ requestId, timeout, onProgress, signal: interrupted.signal },
    }).catch((error): CommandReply => {
      if (error instanceof CommandFailedError) return error.reply;
      throw error;
    });
    over.abort();
    await following;
    spinner[Symbol.dispose]();
    return await showReply(reply, isLive ? followed : undefined, args);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    spinner[Symbol.dispose]();
    const stop = isPooled
      ? "Cancel it at the node that has it"
      : `Stop it with\n  ${cancelLine(sending, args)}`;
    report(`If the node has it, the command goes on. ${stop}`);
    return INTERRUPTED;
  } finally {
    over.abort();
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** Refuses a name that looks misspelt. The node answers other unknown names itself. */
function checkName(command: string): void {
  if (NODE_COMMANDS.includes(command)) return;
  const near = nearest(command, NODE_COMMANDS);
  if (near === undefined) return;
  throw new ConfigError(`There is no command ${quoted(command)}, did you mean ${near}?`, {
    hint: `A node takes ${NODE_COMMANDS.join(", ")}`,
  });
}

function checkFlags(args: Arguments): void {
  for (const flag of ["follow", "json", "output", "timeout"]) {
    const isGiven = args.has(flag) || args.value(flag) !== undefined;
    if (args.has("detach") && isGiven) {
      throw new ConfigError(
        `--detach does not wait for a reply, so --${flag} has no effect with it`,
      );
    }
  }
  if (args.has("follow") && args.has("json")) {
    throw new ConfigError("Give --follow or --json, not both: both write to standard output");
  }
  const path = args.value("output");
  // Before the command is sent, which may run for days.
  if (path === undefined || existsSync(dirname(path))) return;
  throw new ConfigError(
    `Cannot write ${quoted(path)}: there is no folder ${quoted(dirname(path))}`,
  );
}

async function connect(
  settings: Settings,
  { address }: RunTarget,
  timeout: number = DEFAULT_TIMEOUT,
): Promise<CloudNodeClient> {
  const { token, environment, mqttHost, mqttPort, mqttUseTls, mqttTlsCaCerts } = settings;
  return await CloudNodeClient.connect({
    ...address,
    ...{ token, environment, mqttHost, mqttPort, mqttUseTls, mqttTlsCaCerts },
    mqttUsername: settings.mqttUsername,
    mqttPassword: settings.mqttPassword,
    logger: createLogger("mqtt"),
    signal: AbortSignal.timeout(timeout * 1000),
  });
}

async function showReply(
  reply: CommandReply,
  followed: Followed | undefined,
  args: Arguments,
): Promise<number> {
  const ok = reply.status === "ok";
  const isShown = followed?.end() ?? false;
  const path = args.value("output");
  if (ok && path !== undefined) await writeOutput(path, replyText(reply, args));
  else if (args.has("json")) show(JSON.stringify(reply.message), "stdout");
  else if (!isShown) show(ok ? reply.output : reply.error, ok ? "stdout" : "stderr");
  // Of an output that was removed nothing is left to look at.
  const isCut = reply.isTruncated && MARK_OF_A_CUT.test(ok ? reply.output : reply.error);
  if (isCut && !isShown) {
    const kept = reply.requestId === undefined
      ? ""
      : `, as ${PROGRAM} logs ${reply.requestId} shows`;
    report(
      `The ${ok ? "output" : "error"} is cut: its middle is missing (max_output). ` +
        `The node's computer has all of it${kept}`,
    );
  }
  return ok ? 0 : COMMAND_FAILED;
}

function replyText({ output, message }: CommandReply, args: Arguments): string {
  return args.has("json") ? `${JSON.stringify(message)}\n` : output;
}

/** Output that cannot be written is shown instead: running the command again may take days. */
async function writeOutput(path: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(path, text);
  } catch (error) {
    show(text, "stdout");
    throw new ConfigError(`Cannot write ${quoted(path)}, so it is shown: ${messageOf(error)}`);
  }
}

/** The flags by which the same node is found again. */
const TARGET_FLAGS = [
  "slug",
  "uuid",
  "config",
  "mqtt-host",
  "mqtt-port",
  "environment",
  "state-folder",
];

function cancelLine({ requestId, target }: Sending, args: Arguments): string {
  if (target.isHere) {
    return commandLine(["cancel", requestId, "--state-folder", target.stateFolder]);
  }
  const flags = TARGET_FLAGS.flatMap((name) => {
    const value = args.value(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  return commandLine(["run", "cancel", "-i", `workload_request_id=${requestId}`, ...flags]);
}

function show(text: string, stream: Stream): void {
  const shown = isTerminal(stream) ? harmless(text) : text;
  write(stream, new TextEncoder().encode(shown.endsWith("\n") ? shown : `${shown}\n`));
}
