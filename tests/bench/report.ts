/** The results as a table for people or as JSON for machines. */

/** One line of the report. */
export interface Result {
  /** What was measured. */
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "/s" | "MB";
  /** What the machine takes for the least that must be done, measured beside it. */
  readonly floor?: number;
  /** What is aimed at, for the value or for its ratio to the floor. */
  readonly goal?: { readonly of: "value" | "ratio"; readonly atMost: number } | {
    readonly of: "value" | "ratio";
    readonly atLeast: number;
  };
}

/** A result with what follows from it. */
interface Judged extends Result {
  readonly ratio?: number;
  /** Whether the goal is reached. */
  readonly reached?: boolean;
}

/** The results as one JSON document. */
export function asJson(results: readonly Result[]): string {
  return JSON.stringify(results.map(judge), null, 2);
}

/** The results as an aligned table. */
export function asTable(results: readonly Result[]): string {
  const rows = [
    ["", "floor", "measured", "ratio", "goal", ""],
    ...results.map(judge).map((result) => {
      const { name, unit, value, floor, ratio, reached } = result;
      return [
        name,
        floor === undefined ? "" : quantity(floor, unit),
        quantity(value, unit),
        ratio === undefined ? "" : ratio.toFixed(2),
        goalText(result),
        reached === undefined ? "" : reached ? "ok" : "over",
      ];
    }),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

function judge(result: Result): Judged {
  const { value, floor, goal } = result;
  const ratio = floor === undefined ? undefined : value / floor;
  if (goal === undefined) return { ...result, ratio };
  const judged = goal.of === "ratio" ? ratio! : value;
  const reached = "atMost" in goal ? judged <= goal.atMost : judged >= goal.atLeast;
  return { ...result, ratio, reached };
}

function goalText({ goal, unit }: Result): string {
  if (goal === undefined) return "";
  const [sign, limit] = "atMost" in goal ? ["≤", goal.atMost] : ["≥", goal.atLeast];
  return `${sign} ${limit}${goal.of === "value" ? ` ${unit}` : "×"}`;
}

function quantity(value: number, unit: Result["unit"]): string {
  return `${value.toFixed(unit === "ms" && value < 100 ? 2 : 0)} ${unit}`;
}
