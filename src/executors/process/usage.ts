/**
 * How a supervisor learns what its workload has used: the kernel adds up the usage of children that
 * were waited for. Reading that takes no further process.
 *
 * @module
 */
import { OS } from "../../os/current.ts";
import type { Resources } from "../../protocol/resources.ts";

/** The variables of the functions. */
export const USAGE_VARIABLES: readonly string[] = [
  "cloud_node_io",
  "cloud_node_io_read",
  "cloud_node_io_written",
  "cloud_node_io_before",
];

/**
 * Shell functions: `cloud_node_begin_usage` looks before the workload, `cloud_node_end_usage` after it,
 * and `cloud_node_print_usage` prints what it was.
 */
export const USAGE = `
cloud_node_look() { cloud_node_io=; ${OS.processes.ownIo}; }
cloud_node_begin_usage() { cloud_node_look; cloud_node_io_before=$cloud_node_io; }
cloud_node_end_usage() { cloud_node_look; }
cloud_node_print_usage() {
  times
  [ -z "$cloud_node_io" ] || printf 'io %s %s\\n' "$cloud_node_io_before" "$cloud_node_io"
}`;

/** What `times` prints: user and system time, of the shell, and on the next line of its children. */
const TIMES = /^(\d+)m([\d.,]+)s (\d+)m([\d.,]+)s$/;

/** What a supervisor has printed of it; `undefined`: nothing. */
export function parseUsage(lines: readonly string[]): Resources | undefined {
  const [, children] = lines.flatMap((line) => {
    const [, ...parts] = TIMES.exec(line) ?? [];
    if (parts.length === 0) return [];
    const [userMinutes, user, systemMinutes, system] = parts.map((part) =>
      Number(part.replace(",", "."))
    );
    return [60 * (userMinutes! + systemMinutes!) + user! + system!];
  });
  const io = lines.flatMap((line) => {
    const [, ...numbers] = /^io (\d+) (\d+) (\d+) (\d+)$/.exec(line) ?? [];
    return numbers.length === 0 ? [] : [numbers.map(Number)];
  });
  const [readBefore, writtenBefore, read, written] = io[0] ?? [];
  const used = {
    ...(children !== undefined && !Number.isNaN(children) && { cpuSeconds: children }),
    ...(read !== undefined && {
      readBytes: Math.max(0, read - readBefore!),
      writtenBytes: Math.max(0, written! - writtenBefore!),
    }),
  };
  return Object.keys(used).length === 0 ? undefined : used;
}
