/**
 * `top`: shows what the node of this computer is doing, again every second.
 *
 * @module
 */
import { GpuMonitor } from "../../gpu/gpu_monitor.ts";
import { History } from "../../journal/history.ts";
import type { Logger } from "../../log.ts";
import { LoadMeter } from "../../os/machine_load.ts";
import { listenForSignals } from "../../os/signals.ts";
import { lockHolder } from "../../state/lock.ts";
import { systemClock } from "../../time.ts";
import type { Arguments } from "../arguments.ts";
import { askForStatus } from "../ask_node.ts";
import { useStateFolder } from "../load_settings.ts";
import { type Color, isTerminal, paint, print, write } from "../terminal/terminal.ts";
import type { ShownStatus } from "./show_status.ts";
import { type TopGpu, topScreen, type TopView } from "./top_screen.ts";

/** How many ended workloads are read: no screen shows more. */
const ENDED = 50;
const UNFINISHED = 100;

const INTERVAL_MS = 1_000;

/** q, Q and Ctrl-C. */
const KEYS: readonly number[] = [0x71, 0x51, 0x03];

const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** A screen of its own without a cursor, and back to what was there before. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** The size of the one screen that is printed without a terminal. */
const PRINTED = { columns: 120, rows: 60 };

/** Shows it. */
export async function run(args: Arguments): Promise<number> {
  const stateFolder = await useStateFolder(args);
  const meter = new LoadMeter();
  if (!isTerminal("stdout")) {
    // The processors are busy between two looks.
    await systemClock.sleep(100);
    const view = await viewOf(stateFolder, meter);
    for (const line of topScreen(view, PRINTED, (_, text) => text)) print(line);
    return view.status === undefined ? 1 : 0;
  }
  const quit = new AbortController();
  const end = () => quit.abort();
  using _signals = listenForSignals({ stop: end, drain: end });
  using _keys = watchKeys(end);
  const gpus = new GpuMonitor({ clock: systemClock, logger: SILENT });
  const watching = gpus.run(quit.signal);
  draw(ENTER);
  try {
    while (!quit.signal.aborted) {
      const view = await viewOf(stateFolder, meter);
      if (quit.signal.aborted) break;
      const { samples } = gpus.readings();
      const shown = samples.length > 0 ? { ...view, gpus: samples } : view;
      const lines = topScreen(shown, size(), inColor);
      draw(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`);
      await systemClock.sleep(INTERVAL_MS, quit.signal).catch(() => {});
    }
  } finally {
    quit.abort();
    draw(LEAVE);
    await watching;
  }
  return 0;
}

/** A logger that writes nothing, since log lines would disturb the screen. */
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const inColor = (color: Color, text: string) => paint(color, text, "stdout");

async function viewOf(stateFolder: string, meter: LoadMeter): Promise<TopView> {
  const isRunning = lockHolder(stateFolder) !== undefined;
  const status: ShownStatus | undefined = isRunning ? await askForStatus(stateFolder) : undefined;
  using history = History.open(stateFolder);
  const records = history === undefined ? [] : [
    ...history.ended({}, ENDED).reverse(),
    ...history.unfinished("running", UNFINISHED),
    ...history.unfinished("queued", UNFINISHED),
  ];
  const load = meter.read();
  return { status, records, load, gpus: gpusIn(status), now: Date.now() };
}

/** The GPUs, where the node watches them. */
function gpusIn(status: ShownStatus | undefined): TopGpu[] {
  return (status?.gpus ?? []).map((gpu) => ({
    index: gpu.index,
    name: gpu.name,
    utilization: gpu.utilization ?? undefined,
    memoryUsedBytes: gpu.memory_used_bytes ?? undefined,
    memoryTotalBytes: gpu.memory_total_bytes ?? undefined,
  }));
}

function size(): { readonly columns: number; readonly rows: number } {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns || 80, rows: rows || 24 };
}

function draw(text: string): void {
  write("stdout", new TextEncoder().encode(text));
}

/** Calls `end` at q and Ctrl-C, until it is disposed. Without a keyboard there are signals. */
function watchKeys(end: () => void): Disposable {
  const { stdin } = Deno;
  if (!stdin.isTerminal()) return { [Symbol.dispose]() {} };
  stdin.setRaw(true);
  const read = async () => {
    const bytes = new Uint8Array(64);
    for (;;) {
      const count = await stdin.read(bytes);
      if (count === null) return end();
      if (bytes.subarray(0, count).some((byte) => KEYS.includes(byte))) return end();
    }
  };
  read().catch(end);
  return { [Symbol.dispose]: () => stdin.setRaw(false) };
}
