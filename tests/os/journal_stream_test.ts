import { assertEquals } from "@std/assert";
import { commandOf, DENO_DIR } from "../support/command.ts";

/** The error that the program ends with when JOURNAL_STREAM names this stream, `DEVICE:INODE` its own. */
async function errorWith(stream: string): Promise<string> {
  const path = await Deno.makeTempFile();
  const script = 'stream=$1 file=$2; shift 2; own=$(stat -c %d:%i "$file"); ' +
    'JOURNAL_STREAM=${stream:-$own} "$@" 2>"$file" || true';
  await new Deno.Command("sh", {
    args: [
      "-c",
      script,
      "sh",
      stream,
      path,
      ...commandOf(["-P"]),
      "start",
      "--log-format=json",
      "x",
    ],
    env: { DENO_DIR },
  }).output();
  const text = await Deno.readTextFile(path);
  await Deno.remove(path);
  return text.trim().split("\n").at(-1)!;
}

const ignore = Deno.build.os !== "linux";

Deno.test({
  name:
    "lines have priorities when systemd's journal reads them, under the permissions of deno.json",
  ignore,
  fn: async () => assertEquals((await errorWith("")).slice(0, 4), "<3>{"),
});

Deno.test({
  name: "lines have none when standard error goes elsewhere, as in a shell under systemd",
  ignore,
  fn: async () => assertEquals((await errorWith("8:1234")).slice(0, 1), "{"),
});
