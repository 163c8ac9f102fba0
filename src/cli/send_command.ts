/**
 * `run`: sends a command to a node.
 *
 * @module
 */
import { tlsOf } from "../node/publisher.ts";
import type { Settings } from "../config/config.ts";
import { ConfigError, messageOf, quoted } from "../errors.ts";
import { createLogger } from "../log.ts";
import { IdentityStore } from "../registration/identity.ts";
import { identifierProblem } from "../protocol/identifiers.ts";
import { jsonTypeOf } from "../protocol/json.ts";
import { ObjectText } from "../protocol/object_text.ts";
import { topicPrefix } from "../protocol/topics.ts";
import { systemClock } from "../time.ts";
import type { Arguments } from "./arguments.ts";
import { type Address, CommandClient, NoReplyError, type ReceivedReply } from "./command_client.ts";
import { COMMAND_FAILED } from "./exit_codes.ts";
import { useSettings } from "./load_settings.ts";
import { harmless, isTerminal, type Stream, write } from "./terminal.ts";

const DEFAULT_TIMEOUT = 60;

/** Sends the command and prints the reply. */
export async function run(args: Arguments): Promise<number> {
  const [command, given = "{}"] = args.operands;
  const timeout = args.seconds("timeout") ?? DEFAULT_TIMEOUT;
  const params = parseParams(await readParams(given));
  const { settings } = await useSettings(args);
  const address = await addressOf(args, settings.stateFolder);
  const request = { command: command!, request_id: crypto.randomUUID(), params };
  const tooLate = AbortSignal.timeout(timeout * 1000);
  try {
    const broker = brokerOf(settings, address);
    const prefix = topicPrefix(settings.environment);
    await using client = await CommandClient.connect(broker, prefix, tooLate);
    return printReply(await client.request(request, address, tooLate), args.has("json"));
  } catch (error) {
    if (error !== tooLate.reason) throw error;
    const wildcard = "uuid" in address ? "" : "; give --uuid if the broker hides other replies";
    throw new NoReplyError(`No reply to ${quoted(command)} within ${timeout} s`, {
      hint: `Check that the node runs, or wait longer with --timeout${wildcard}. ` +
        `If the node has it, the command goes on, with the request id ${request.request_id}`,
    });
  }
}

async function readParams(given: string): Promise<string> {
  try {
    if (given === "-") return await new Response(Deno.stdin.readable).text();
    return given.startsWith("@") ? await Deno.readTextFile(given.slice(1)) : given;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error);
    throw new ConfigError(`Cannot read params from ${quoted(given)}: ${why}`, {
      hint: "@FILE names a file that holds a JSON object",
    });
  }
}

function parseParams(text: string): ObjectText {
  let params: ObjectText | undefined;
  try {
    params = ObjectText.parse(text);
  } catch (error) {
    throw new ConfigError(`Params must be JSON, got ${quoted(text)}: it ${messageOf(error)}`, {
      hint: `Put them in single quotes: '{"x": 1}'`,
    });
  }
  if (params !== undefined) return params;
  throw new ConfigError(`Params must be a JSON object, got ${jsonTypeOf(text)}`, {
    hint: `Give each of them a name: '{"x": 1}'`,
  });
}

async function addressOf(args: Arguments, stateFolder: string): Promise<Address> {
  const [uuid, slug] = [args.value("uuid"), args.value("slug")];
  if (uuid !== undefined && slug !== undefined) {
    throw new ConfigError("Give --slug or --uuid, not both");
  }
  const problem = uuid && identifierProblem(uuid);
  if (problem) throw new ConfigError(`--uuid ${problem}, got ${quoted(uuid)}`);
  if (uuid !== undefined) return { uuid };
  if (slug !== undefined) return { slug };
  const parts = { clock: systemClock, logger: createLogger("registration") };
  const identity = await new IdentityStore(stateFolder, parts).read();
  if (identity !== undefined) return { uuid: identity.uuid };
  throw new ConfigError(
    `No node was ever registered with the state folder ${quoted(stateFolder)}`,
    {
      hint: "Name the node with --slug or --uuid",
    },
  );
}

function brokerOf(settings: Settings, address: Address) {
  return {
    host: settings.mqttHost,
    port: settings.mqttPort,
    tls: tlsOf(settings),
    username: settings.mqttUsername ?? ("uuid" in address ? address.uuid : address.slug),
    password: settings.mqttPassword ?? settings.token,
  };
}

function printReply(reply: ReceivedReply, json: boolean): number {
  const ok = reply.status === "ok";
  if (json) show(JSON.stringify(reply), "stdout");
  else if (ok) show(asText(reply.output), "stdout");
  else show(asText(reply.error), "stderr");
  return ok ? 0 : COMMAND_FAILED;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

function show(text: string, stream: Stream): void {
  const shown = isTerminal(stream) ? harmless(text) : text;
  write(stream, new TextEncoder().encode(shown.endsWith("\n") ? shown : `${shown}\n`));
}
