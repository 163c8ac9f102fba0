/**
 * Four commands that show a node at work, and whether they went as expected.
 *
 * @module
 */
import type { Settings } from "../../config/config.ts";
import { CommandFailedError, type CommandReply } from "../../client/command_reply.ts";
import type { CloudNodeClient } from "../../cloud_node_client.ts";
import { messageOf } from "../../errors.ts";
import { harmless, paint, print } from "../terminal/terminal.ts";

/** A command of the demonstration. */
interface DemoStep {
  /** What it shows. */
  readonly title: string;
  /** The message, but for its request id. */
  readonly message: { readonly command: string; readonly params?: unknown };
  /** The status that its reply should have. */
  readonly expected: "ok" | "error";
}

/**
 * The steps for a node with these settings. What is not configured should be answered by an error.
 * Only of the sample it is known how to make it fail; any other configuration is sent params
 * that no command may have.
 */
export function demoSteps(settings: Settings, isSample: boolean): DemoStep[] {
  const step = (command: "inference" | "training", params: unknown): DemoStep => ({
    title: settings[command] === undefined ? `${command}, which is not configured` : command,
    message: { command, params },
    expected: settings[command] === undefined ? "error" : "ok",
  });
  return [
    { title: "status", message: { command: "status" }, expected: "ok" },
    step("inference", { x: 1 }),
    {
      title: "an inference that fails",
      message: { command: "inference", params: isSample ? { fail: true } : "not an object" },
      expected: "error",
    },
    step("training", { epochs: 3 }),
  ];
}

/** Runs the steps one after the other and prints how each goes. Resolves with how many went well. */
export async function runDemo(
  steps: readonly DemoStep[],
  client: Pick<CloudNodeClient, "call">,
  { timeout, signal }: { timeout: number; signal: AbortSignal },
): Promise<number> {
  let passed = 0;
  for (const [index, { title, message, expected }] of steps.entries()) {
    const { command, params } = message;
    const requestId = `demo-${index + 1}`;
    print(`\n${paint("cyan", `${index + 1}/${steps.length} ${title}`, "stdout")}`);
    print(`  sent      ${JSON.stringify({ command, request_id: requestId, params })}`);
    const json = params === undefined ? undefined : JSON.stringify(params);
    const called = client.call(command, json, { requestId, timeout, signal });
    const reply = await called.catch((error): Answer => {
      if (signal.aborted) throw error;
      if (error instanceof CommandFailedError) return error.reply;
      return { status: "none", output: "", error: messageOf(error) };
    });
    const isRight = reply.status === expected;
    if (isRight) passed++;
    for (const line of describe(reply)) print(line);
    print(
      isRight
        ? `  ${paint("green", "passed", "stdout")}`
        : `  ${paint("red", `failed, expected: ${expected}`, "stdout")}`,
    );
  }
  return passed;
}

/** A reply, or what is shown in its place. */
type Answer = Pick<CommandReply, "output" | "error"> & { status: CommandReply["status"] | "none" };

function describe({ status, output, error }: Answer): string[] {
  const [name, value] = status === "ok" ? ["output", output] : ["error", error];
  const text = harmless(value).trimEnd().replaceAll("\n", `\n${" ".repeat(12)}`);
  return [`  status    ${status}`, `  ${name.padEnd(10)}${text}`];
}
