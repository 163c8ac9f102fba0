import { assert, assertEquals } from "@std/assert";
import { localTime, type LogLine, shortId, textLine } from "../src/log_line.ts";

const LINE: LogLine = {
  time: new Date("2026-11-28T11:05:33.987Z"),
  level: "info",
  component: "workloads",
  message: "epoch 1",
  fields: { workloadId: "01kb6z3q4r9bd6js" },
};

/** What a program prints in a time zone: only a process of its own can be in another one. */
async function inZone(zone: string): Promise<string> {
  const module = new URL("../src/log_line.ts", import.meta.url).href;
  const source = `import { localTime, textLine } from ${JSON.stringify(module)};
    const line = ${JSON.stringify(LINE)};
    console.log(textLine({ ...line, time: new Date(line.time) }, false));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", source],
    env: { TZ: zone },
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

const ZONES: [zone: string, line: string][] = [
  ["UTC", "2026-11-28 11:05:33Z INFO  [9bd6js] epoch 1"],
  ["Europe/Berlin", "2026-11-28 12:05:33+0100 INFO  [9bd6js] epoch 1"],
  ["Asia/Kolkata", "2026-11-28 16:35:33+0530 INFO  [9bd6js] epoch 1"],
  ["America/St_Johns", "2026-11-28 07:35:33-0330 INFO  [9bd6js] epoch 1"],
];

for (const [zone, line] of ZONES) {
  Deno.test(`a line in ${zone} has its local time and at most 40 columns before the message`, async () => {
    assertEquals(await inZone(zone), line);
    assert(line.indexOf("epoch") <= 40);
  });
}

Deno.test("a time says its offset, so that no hour comes twice", () => {
  assert(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(Z|[+-]\d{4})$/.test(localTime(new Date())));
});

Deno.test("on a terminal different workloads have different colours, and each keeps its own", () => {
  const labelOf = (workloadId: string) =>
    // deno-lint-ignore no-control-regex
    /\x1b\[(\d+)m\[/.exec(textLine({ ...LINE, fields: { workloadId } }, true))?.[1];
  const colors = new Set(Array.from({ length: 50 }, (_, index) => labelOf(`01kb6z3q4r${index}`)));
  assert(colors.size >= 5, `${[...colors]}`);
  assertEquals(labelOf("01kb6z3q4r9bd6js"), labelOf("01kb6z3q4r9bd6js"));
});

Deno.test("the short id is the random end of an id", () => {
  assertEquals(shortId("01kb6z3q4r9bd6js"), "9bd6js");
  assertEquals(shortId("abc"), "abc");
});
