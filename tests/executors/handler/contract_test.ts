import type { Handler } from "../../../src/executors/handler/handler.ts";
import { HandlerExecutor } from "../../../src/executors/handler/handler_executor.ts";
import { systemClock } from "../../../src/time.ts";
import { fileWritten, HOST } from "../../support/executors.ts";
import { type ContractCommands, testExecutor } from "../contract.ts";

// deno-lint-ignore no-explicit-any
const handlers: Record<keyof ContractCommands, Handler<any>> = {
  echo: (params) => params,
  failure: () => Promise.reject(new Error("sorry")),
  bytes: () => new Uint8Array([0xff, 0x0a, 0x00, 0x0a]),
  much: () => new Uint8Array(20_000_000),
  wait: async (file, { signal }) => {
    tell(file);
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  },
  stubborn: async (file) => {
    tell(file);
    await new Promise(() => {});
  },
  until: async (file) => {
    tell(file);
    await fileWritten(file.replace(/[^/]*$/, "go"));
    return "done";
  },
};

/** Says that it runs. The process is that of the test. */
function tell(file: string): void {
  Deno.writeTextFileSync(`${file}.new`, `${Deno.pid}\n`);
  Deno.renameSync(`${file}.new`, file);
}

testExecutor("handler", ({ folder, logger }) =>
  new HandlerExecutor({
    name: "handler",
    handlers: new Map(Object.entries(handlers)),
    concurrencyOf: () => 10,
    bootId: HOST.bootId,
    resultsFolder: `${folder}/results`,
    maxLog: 1_000,
    clock: systemClock,
    logger,
  }), { failure: { type: "failed", error: "sorry" }, process: "none" });
