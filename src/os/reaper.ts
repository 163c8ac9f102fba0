/**
 * The node as the first process of a container. That one becomes the parent of every orphan and has
 * to wait for it, or the container fills up with processes that have ended. Deno waits for its own
 * children only, so the program replaces itself by a shell that starts it again and waits for all.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/**
 * The shell that waits. It passes on what ends a node, and ends as that does. A shell waits for every
 * child, also for those it never started. Deno has raised the soft limit of open files by now, and
 * nothing in a container knows what it was but who started Deno: that one may say so in a variable.
 */
const REAPER = `
[ -z "$CLOUD_NODE_OPEN_FILES" ] || ulimit -S -n "$CLOUD_NODE_OPEN_FILES"
unset CLOUD_NODE_OPEN_FILES
trap 'kill -s TERM "$node"' TERM
trap 'kill -s INT "$node"' INT
trap 'kill -s HUP "$node"' HUP
trap 'kill -s QUIT "$node"' QUIT
"$@" <&0 &
node=$!
while wait "$node"; code=$?; kill -s 0 "$node" 2>/dev/null; do :; done
exit "$code"
`;

/** What went wrong when a program that is process 1 could not be put under a reaper. */
export const NO_REAPER =
  "The node is process 1 of its container, and nothing reaps processes that end there. Start the " +
  "container with an init process (docker run --init), or allow the node --allow-ffi";

/**
 * Replaces this program, which is process 1, by a reaper that starts it again. Returns, with what to
 * warn of, only when that does not work.
 */
export function replaceByReaper(args: readonly string[]): string {
  try {
    if (Deno.permissions.querySync({ name: "ffi" }).state === "granted") {
      execute(["sh", "-c", REAPER, "sh", ...commandLine(args)]);
    }
  } catch {
    // There is no such library, or it has no such function.
  }
  return NO_REAPER;
}

/** The words with which this program was started: /proc has them, whatever the flags were. */
function commandLine(args: readonly string[]): string[] {
  const words = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  const own = words.length === 0 ? [Deno.execPath(), ...args] : words;
  return [Deno.execPath(), ...own.slice(1)];
}

/** Replaces this process by a program. Returns when that cannot be run. */
function execute(words: readonly string[]): void {
  const { symbols, close } = Deno.dlopen("libc.so.6", {
    execvp: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const texts = words.map((word) => Buffer.from(`${word}\0`));
  const pointers = texts.map((text) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(text)));
  symbols.execvp(texts[0]!, new BigUint64Array([...pointers, 0n]));
  close();
}
