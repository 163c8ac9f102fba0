/**
 * `doctor`: looks at everything that a node needs.
 *
 * @module
 */
import { checksFor } from "../../doctor/checks.ts";
import type { Review } from "../../doctor/config_review.ts";
import { examine, type Result } from "../../doctor/examine.ts";
import { systemClock } from "../../time.ts";
import type { Arguments } from "../arguments.ts";
import { askForStatus } from "../ask_node.ts";
import { CHECK_FAILED } from "../exit_codes.ts";
import { jsonText, reportLine } from "../terminal/report_line.ts";
import { reviewSettings } from "../load_settings.ts";
import { type Color, paint, print, report } from "../terminal/terminal.ts";

const DEFAULT_TIMEOUT = 10;

/** Runs every check and prints what it found. */
export async function run(args: Arguments): Promise<number> {
  const timeout = args.seconds("timeout") ?? DEFAULT_TIMEOUT;
  const checks = checksFor(await reviewSettings(args), systemClock, askForStatus);
  const width = Math.max(...checks.map(({ name }) => name.length));
  const results: Result[] = [];
  for await (const result of examine(checks, timeout)) {
    results.push(result);
    if (!args.has("json")) print(lineOf(result, width));
  }
  const failed = results.filter(({ status }) => status === "fail").length;
  if (args.has("json")) print(JSON.stringify(jsonOf(results)));
  else if (failed > 0) report(`\n${failed} of ${checks.length} checks failed`);
  return failed > 0 ? CHECK_FAILED : 0;
}

/** What `--json` prints, for the page of a node with these settings. */
export async function examineJson(review: Review): Promise<Record<string, unknown>> {
  const checks = checksFor(review, systemClock, askForStatus);
  return jsonOf(await Array.fromAsync(examine(checks, DEFAULT_TIMEOUT)));
}

const COLORS: Readonly<Record<Result["status"], Color>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
};

function lineOf({ status, name, detail, fix }: Result, width: number): string {
  const word = paint(COLORS[status], status.padEnd(4), "stdout");
  return `${word}  ${name.padEnd(width)}  ${reportLine(detail, fix)}`;
}

function jsonOf(results: readonly Result[]): Record<string, unknown> {
  return {
    ok: results.every(({ status }) => status !== "fail"),
    checks: results.map(({ name, status, detail, fix }) => ({
      name,
      status,
      detail: jsonText(detail),
      fix: jsonText(fix),
    })),
  };
}
