/**
 * Four commands that show a node at work, and whether they went as expected.
 *
 * @module
 */
import type { Settings } from "../config/config.ts";
import type { Address, CommandClient, CommandRequest, ReceivedReply } from "./command_client.ts";
import { harmless, paint, print } from "./terminal.ts";

/** A command of the demonstration. */
interface DemoStep {
  /** What it shows. */
  readonly title: string;
  /** The message, but for its request id. */
  readonly message: { readonly command: string; readonly params?: unknown };
  /** How it should come back. */
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
  client: Pick<CommandClient, "request">,
  to: Address,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<number> {
  let passed = 0;
  for (const [index, { title, message, expected }] of steps.entries()) {
    const { command, ...rest } = message;
    const request: CommandRequest = { command, request_id: `demo-${index + 1}`, ...rest };
    print(`\n${paint("cyan", `${index + 1}/${steps.length} ${title}`, "stdout")}`);
    print(`  sent      ${JSON.stringify(request)}`);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const reply = await client.request(request, to, limit).catch((error) => {
      if (signal.aborted) throw error;
      return { status: "none", error: String(error.message ?? error) } as ReceivedReply;
    });
    const asItShould = reply.status === expected;
    if (asItShould) passed++;
    for (const line of describe(reply)) print(line);
    print(
      asItShould
        ? `  ${paint("green", "as expected", "stdout")}`
        : `  ${paint("red", `expected: ${expected}`, "stdout")}`,
    );
  }
  return passed;
}

function describe({ status, output, error }: ReceivedReply): string[] {
  const [name, value] = status === "ok" ? ["output", output] : ["error", error];
  const text = harmless(String(value ?? "")).trimEnd().replaceAll("\n", `\n${" ".repeat(12)}`);
  return [`  status    ${status}`, `  ${name.padEnd(10)}${text}`];
}
