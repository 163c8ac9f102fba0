/** The results as a table for people or as JSON for machines. */
import { type Floor, FLOORS } from "./floors.ts";
import type { Failure, Goal, Result } from "./measure.ts";

/** Where and when the results were taken. */
export interface Machine {
  readonly date: string;
  readonly cores: number;
  readonly cpu: string;
  readonly os: string;
  readonly deno: string;
}

/** A run of the bench. */
export interface Report {
  readonly machine: Machine;
  readonly results: readonly (Result | Failure)[];
}

/** Describes this machine. */
export function describeMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: navigator.hardwareConcurrency,
    cpu: cpuName(),
    os: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  };
}

function cpuName(): string {
  try {
    const info = Deno.readTextFileSync("/proc/cpuinfo");
    return /^model name\s*:\s*(.+)$/m.exec(info)?.[1].trim() ?? "unknown CPU";
  } catch {
    return "unknown CPU";
  }
}

/** The report as one JSON document. */
export function asJson({ machine, results }: Report): string {
  const used = floorsOf(results);
  const floors = Object.fromEntries(used.map((floor) => [floor, FLOORS[floor]]));
  const judged = results.map((result) =>
    "error" in result ? result : { ...result, ratio: ratioOf(result), met: isMet(result) }
  );
  return JSON.stringify({ machine, floors, results: judged }, null, 2);
}

/** The report as a Markdown table, below its machine and above the definitions of its floors. */
export function asTable({ machine, results }: Report): string {
  const { date, cores, cpu, os, deno } = machine;
  const rows = [
    ["measure", "floor", "figure", "ratio", "goal", ""],
    ...results.map(rowOf),
  ];
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(" | ")
    } |`;
  const [head, ...body] = rows.map(line);
  const rule = `| ${
    widths.map((width, i) => "-".repeat(width - 1) + (i === 0 ? "-" : ":")).join(" | ")
  } |`;
  return [
    `${date}, ${cores} cores of ${cpu}, ${os}, Deno ${deno}`,
    "",
    head,
    rule,
    ...body,
    "",
    "Programs run with a lock file, as `deno install` gives them one. Without a lock file Deno",
    "resolves all packages at each start.",
    "",
    "Floors, measured in turns with the figures:",
    "",
    ...floorsOf(results).map((floor) => `- ${floor}: ${FLOORS[floor]}`),
  ].join("\n");
}

function rowOf(result: Result | Failure): string[] {
  if ("error" in result) return [`${result.name} failed: ${result.error}`, "", "", "", "", ""];
  const { name, unit, value, floor, goal } = result;
  const ratio = ratioOf(result);
  return [
    name,
    floor === undefined ? "" : `${quantity(floor.value, unit)} (${floor.is})`,
    quantity(value, unit),
    ratio === undefined ? "" : ratio.toFixed(2),
    goal === undefined ? "" : inWords(goal, unit),
    goal === undefined ? "" : isMet(result) ? "met" : "missed",
  ];
}

function ratioOf({ value, floor }: Result): number | undefined {
  return floor === undefined || floor.value <= 0 ? undefined : value / floor.value;
}

function isMet(result: Result): boolean | undefined {
  const { goal, value, floor } = result;
  if (goal === undefined) return undefined;
  const judged = {
    value,
    ratio: ratioOf(result),
    difference: floor && value - floor.value,
  }[goal.of];
  if (judged === undefined) return false;
  return "atMost" in goal ? judged <= goal.atMost : judged >= goal.atLeast;
}

function inWords(goal: Goal, unit: Result["unit"]): string {
  const limit = "atMost" in goal
    ? `≤ ${plus(goal)}${goal.atMost}`
    : `≥ ${plus(goal)}${goal.atLeast}`;
  return `${limit}${goal.of === "ratio" ? "×" : ` ${unit}`}`;
}

function plus({ of }: Goal): string {
  return of === "difference" ? "+" : "";
}

function floorsOf(results: readonly (Result | Failure)[]): Floor[] {
  const used = results.flatMap((result) => "floor" in result ? [result.floor!.is] : []);
  return [...new Set(used)];
}

function quantity(value: number, unit: Result["unit"]): string {
  return `${value.toFixed(unit === "ms" && value < 100 ? 2 : 0)} ${unit}`;
}
