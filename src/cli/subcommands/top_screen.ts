/**
 * The screen of `top`. Pure.
 *
 * @module
 */
import type { GpuSample } from "../../gpu/nvidia_smi.ts";
import type { MachineLoad } from "../../os/machine_load.ts";
import type { CommandRecord } from "../../journal/record.ts";
import { fractionOf, type Progress } from "../../protocol/progress.ts";
import { duration } from "../terminal/layout.ts";
import { progressText } from "../terminal/progress_bar.ts";
import { resultOf } from "./ps.ts";
import type { ShownStatus } from "./show_status.ts";
import { type Color, harmless } from "../terminal/terminal.ts";

/** A GPU of the machine. */
export type TopGpu = Pick<
  GpuSample,
  "index" | "name" | "utilization" | "memoryUsedBytes" | "memoryTotalBytes"
>;

/** What the screen shows. */
export interface TopView {
  /** `undefined`: no node runs, or it does not answer. */
  readonly status: ShownStatus | undefined;
  /** What runs, waits and ended lately, oldest first. */
  readonly records: readonly CommandRecord[];
  readonly load: MachineLoad;
  readonly gpus: readonly TopGpu[];
  readonly now: number;
}

/** A piece of a line, in a colour or in that of the terminal. */
type Piece = string | readonly [Color, string];
type Line = readonly Piece[];

/** How much of the queue is shown while there is something else to show. */
const QUEUE_LINES = 5;
const MIN_ENDED = 3;

/** The lines of a screen of this size, none of them wider. Colours are added by `paint`. */
export function topScreen(
  view: TopView,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  paint: (color: Color, text: string) => string,
): string[] {
  const { status, records } = view;
  const of = (state: CommandRecord["state"]) => records.filter((record) => record.state === state);
  const [running, queued, ended] = [of("running"), of("queued"), of("ended").reverse()];
  const head = [
    ...nodeLines(view),
    ...loadLines(view, columns),
    ...(status === undefined ? [] : laneLines(status, columns)),
  ];
  const progress = new Map(status?.workloads?.map(({ id, progress }) => [id, progress]));
  const lines = [
    running.map((record) => runningLine(record, progress, view, columns)),
    queued.map((record) => lineOf(record, view.now - record.acceptedAt, [], columns)),
    ended.map((record) => endedLine(record, columns)),
  ] as const;
  const waiting = status?.lanes?.reduce((sum, { queued }) => sum + queued, 0);
  const heights = share(lines.map(({ length }) => length), rows - head.length);
  const body = [
    ...section("RUNNING", running.length === 0 ? [["nothing"]] : cut(lines[0], heights[0]!)),
    ...(queued.length === 0
      ? []
      : section(`QUEUE ${waiting ?? queued.length}`, lines[1].slice(0, heights[1]))),
    ...(heights[2]! < 1 ? [] : section("ENDED", lines[2].slice(0, heights[2]))),
  ];
  return [...head, ...body].slice(0, rows).map((line) => drawn(line, columns, paint));
}

function section(title: string, lines: readonly Line[]): Line[] {
  return [[], [["gray", title]], ...lines];
}

/** The first lines, and how many more there are. */
function cut(lines: readonly Line[], height: number): readonly Line[] {
  if (lines.length <= height) return lines;
  const shown = Math.max(0, height - 1);
  return [...lines.slice(0, shown), [["gray", `and ${lines.length - shown} more`]]];
}

/** The lines of a section beside its rows: its heading and an empty line before it. */
const HEADING = 2;

/** How many lines what runs, waits and ended get of `rows`. What runs comes first. */
function share([running, queued, ended]: readonly number[], rows: number): number[] {
  const few = (count: number, most: number) => count === 0 ? 0 : Math.min(count, most) + HEADING;
  const others = few(queued!, QUEUE_LINES) + few(ended!, MIN_ENDED);
  const ofRunning = Math.max(1, Math.min(running!, rows - HEADING - others));
  const left = rows - HEADING - ofRunning - (queued! > 0 ? HEADING : 0);
  const ofQueue = Math.max(0, Math.min(queued!, QUEUE_LINES, left - few(ended!, MIN_ENDED)));
  return [ofRunning, ofQueue, Math.min(ended!, left - ofQueue - HEADING)];
}

function nodeLines({ status, now }: TopView): Line[] {
  if (status === undefined) return [[["red", "No node runs, or it does not answer"]]];
  const { slug, version, broker, is_draining, started_at, last_heartbeat, undelivered } = status;
  const ago = (time: string) => duration(now - Date.parse(time));
  const connection: Piece = broker?.is_connected
    ? ["green", `connected for ${ago(broker.since)}`]
    : ["red", `not connected${broker === undefined ? "" : ` for ${ago(broker.since)}`}`];
  const count = undelivered?.count ?? 0;
  return [
    [
      ["cyan", slug ?? "not registered yet"],
      ...(is_draining ? ["  ", ["yellow", "draining"] as const] : []),
      ...["  ", connection, ` ${broker?.url ?? ""}`],
    ],
    [
      `up ${started_at === undefined ? "-" : ago(started_at)}`,
      `  heartbeat ${last_heartbeat ? `${ago(last_heartbeat)} ago` : "none yet"}`,
      ...(count > 0 ? ["  ", ["yellow", `${count} undelivered`] as const] : []),
      ...(status.finalizing ? [`  sending results of ${status.finalizing}`] : []),
      `  version ${version ?? "-"}`,
    ],
  ];
}

function loadLines({ load, gpus }: TopView, columns: number): Line[] {
  const { cpu, memoryUsedBytes: used, memoryTotalBytes: total } = load;
  const width = columns < 60 ? 8 : 16;
  const machine = [
    ...meter("CPU", cpu, width),
    ...(cpu === undefined ? [] : [` ${percent(cpu)}  `]),
    ...(used === undefined || !total
      ? []
      : [...meter("Mem", used / total, width), ` ${gibibytes(used, total)}`]),
  ];
  return [
    ...(machine.length === 0 ? [] : [machine]),
    ...gpus.map(({ index, name, utilization, memoryUsedBytes, memoryTotalBytes }): Line => [
      ...meter(`GPU${index}`, utilization, width),
      ` ${percent(utilization)}`,
      memoryUsedBytes === undefined || memoryTotalBytes === undefined
        ? ""
        : `  ${gibibytes(memoryUsedBytes, memoryTotalBytes)}`,
      ["gray", `  ${name}`],
    ]),
  ];
}

function meter(name: string, part: number | undefined, width: number): Piece[] {
  if (part === undefined) return [];
  const color = part < 0.7 ? "green" : part < 0.9 ? "yellow" : "red";
  const done = Math.round(Math.min(1, part) * width);
  return [`${name} [`, [color, "|".repeat(done)], `${" ".repeat(width - done)}]`];
}

function percent(part: number | undefined): string {
  return part === undefined ? "-" : `${Math.round(part * 100)}%`;
}

function gibibytes(used: number, total: number): string {
  const short = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  return `${short(used)}/${short(total)} GiB`;
}

const STATE_COLORS: Readonly<Record<string, Color>> = {
  ready: "green",
  busy: "green",
  starting: "yellow",
  restarting: "yellow",
  yielding: "yellow",
};

function laneLines({ lanes = [] }: ShownStatus, columns: number): Line[] {
  if (lanes.length === 0) return [];
  const width = Math.min(24, Math.max(12, ...lanes.map(({ kind }) => kind.length + 1)));
  return [
    [],
    [["gray", `${"LANE".padEnd(width)}${"RUNNING".padEnd(9)}${"QUEUE".padEnd(8)}EXECUTOR`]],
    ...lanes.map(({ kind, running, concurrency, queued, state, reason }): Line => [
      fit(kind, width),
      `${running}/${concurrency}`.padEnd(9),
      String(queued).padEnd(8),
      [STATE_COLORS[state ?? ""] ?? "red", state ?? "-"],
      reason && columns > 40 ? `  ${reason}` : "",
    ]),
  ];
}

function runningLine(
  record: CommandRecord,
  progressOf: ReadonlyMap<string, Progress | null | undefined>,
  { now }: TopView,
  columns: number,
): Line {
  const progress = progressOf.get(record.id);
  const rest: Piece[] = [];
  if (progress) {
    const fraction = fractionOf(progress);
    if (fraction !== undefined && columns >= 60) {
      const done = Math.floor(fraction * 12);
      rest.push("[", ["green", "#".repeat(done)], `${"-".repeat(12 - done)}] `);
    }
    rest.push(progressText(progress));
  }
  return lineOf(record, now - (record.startedAt ?? now), rest, columns);
}

function endedLine(record: CommandRecord, columns: number): Line {
  const { startedAt, endedAt = 0, end } = record;
  if (end === undefined) return [];
  const isGood = end.cause === "exited" && end.exitCode === 0;
  const ran = startedAt === undefined ? 0 : endedAt - startedAt;
  return lineOf(record, ran, [[isGood ? "green" : "red", resultOf(end)]], columns);
}

/** A workload: its name, its kind, for how long, and its progress or result. */
function lineOf(record: CommandRecord, ms: number, rest: readonly Piece[], columns: number): Line {
  const width = columns < 60 ? 14 : 28;
  return [
    fit(record.requestId || record.id, width),
    fit(record.kind, columns < 60 ? 10 : 12),
    duration(ms).padStart(7),
    "  ",
    ...rest,
  ];
}

/** Untrusted text in a column of this width. */
function fit(text: string, width: number): string {
  const line = [...harmless(text.replaceAll(/\s/g, " "))];
  const cut = line.length < width ? line : [...line.slice(0, width - 2), "…"];
  return cut.join("") + " ".repeat(width - cut.length);
}

/** A line of at most so many columns, in its colours. */
function drawn(
  line: Line,
  columns: number,
  paint: (color: Color, text: string) => string,
): string {
  let left = columns;
  return line.map((piece) => {
    const [color, text] = typeof piece === "string" ? [undefined, piece] : piece;
    const shown = [...harmless(text)].slice(0, left).join("");
    left -= [...shown].length;
    return color === undefined || shown === "" ? shown : paint(color, shown);
  }).join("").trimEnd();
}
