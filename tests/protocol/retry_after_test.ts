import { assertEquals } from "@std/assert";
import { retryAfterMs } from "../../src/protocol/retry_after.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

Deno.test("a Retry-After is seconds or an HTTP date, and nobody waits longer than five minutes", () => {
  const table: [header: string | null, ms: number | undefined][] = [
    [null, undefined],
    ["", undefined],
    ["0", 0],
    [" 7 ", 7_000],
    ["299", 299_000],
    ["86400", 300_000],
    ["9".repeat(400), 300_000],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["Sun, 01 Mar 2026 12:00:30 GMT", 30_000],
    ["Sunday, 01-Mar-26 12:00:30 GMT", 30_000],
    ["Sun Mar  1 12:00:30 2026 GMT", 30_000],
    ["Sun, 01 Mar 2026 11:00:00 GMT", 0],
    ["Mon, 01 Mar 2027 12:00:00 GMT", 300_000],
    ["2026-03-01T12:00:30Z", undefined],
  ];
  for (const [header, ms] of table) assertEquals(retryAfterMs(header, NOW), ms, `${header}`);
});
